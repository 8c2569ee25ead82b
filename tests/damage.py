"""Documents damaged at random: one value of a JSON document replaced, dropped or doubled, or some bytes changed."""

from __future__ import annotations

import copy
import json

ODD = (
    None,
    True,
    0,
    -1,
    1,
    7,
    10**6,
    2**63,
    10**30,
    0.5,
    -0.5,
    -1.5,
    1e-320,
    1e24,
    1e49,
    1e308,
    -1e308,
    "",
    "x",
    "1",
    "\x00\u202e\ud800",
    "9" * 400,
    "2026-01-01T00:00:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    [],
    [[]],
    [None],
    [0, 1e308],
    {},
    {"": None},
)
"""Values that are of another type, out of range, or of the right type and meaningless."""


def damaged_document(document, dice):
    """Return a copy of a JSON document with one to three values changed, and what was changed."""
    document, changes = copy.deepcopy(document), []
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        path = _somewhere(document, dice)
        value = _another(document, path, dice)
        changes.append((path, value))
        change(document, path, value)
    return document, changes


def change(document, path, value):
    """Put a value in a place of a document; the text ``-`` drops what is there, ``+`` doubles it."""
    *way, last = path
    for key in way:
        document = document[key]
    if value == "-":
        del document[last]
    elif value == "+" and isinstance(document, list):
        document.insert(last, copy.deepcopy(document[last]))
    else:
        document[last] = value


def _somewhere(document, dice):
    """Go down at random, so that a key at the top is as likely as all the curves; never the version of the file."""
    path = []
    while isinstance(document, dict | list) and document and not (path and dice.random() < 0.08):
        keys = range(len(document)) if isinstance(document, list) else [key for key in document if "schema" not in key]
        path.append(dice.choice(list(keys)))
        document = document[path[-1]]
    return path


def _another(document, path, dice):
    """Choose what to put in a place: something odd, a neighbour's value, nothing, or the same scaled."""
    old = document
    for key in path:
        old = old[key]
    kind = dice.random()
    if kind < 0.15:
        return "-"
    if kind < 0.25:
        return "+"
    if kind < 0.45 and isinstance(old, int | float) and not isinstance(old, bool):
        return dice.choice((old + 1, -old, old * 1000, old / 1000, float(old), int(old)))
    if kind < 0.6:
        holder = document
        for key in _somewhere(document, dice)[:-1]:
            holder = holder[key]
        return copy.deepcopy(dice.choice(list(holder.values() if isinstance(holder, dict) else holder)))
    return dice.choice(ODD)


def damaged_bytes(content, dice):
    """Return bytes with a few of them flipped, dropped, doubled or replaced, or the end cut off."""
    content = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 5, 40))):
        at, length = dice.randrange(len(content) or 1), dice.choice((1, 1, 2, 8, 100))
        piece = content[at : at + length]
        content[at : at + length] = dice.choice(
            (bytes(len(piece)), piece * 2, b"", bytes(byte ^ (1 << dice.randrange(8)) for byte in piece), b"\xff" * 3)
        )
    return bytes(content[: dice.randrange(len(content) + 1)] if dice.random() < 0.1 else content)


def encoded(document):
    """Return a document as JSON, half surrogate pairs as escapes."""
    return json.dumps(document).encode()
