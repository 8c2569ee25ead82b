"""Where a value holds: in goes a sentence, out come its pieces, every change and value with its load and version.

A value is true at one place and of one version. Whatever a model puts beside it, the printed sentence says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Piece
from perftracker_ai.narrate.prose import SLOT
from perftracker_ai.narrate.values import RUN, FactKind, Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.narrate.prose import Sentence
    from perftracker_ai.narrate.values import Fact, FactSheet

_SPOT = (Label.LOAD, Label.THREAD_COUNT)
_RANGE = (Label.LOADS, Label.THREADS)
_PLACES: dict[str, tuple[str, ...]] = {
    Label.VALUES: _SPOT,
    Label.AS_MEASURED: _SPOT,
    Label.ADDED: _SPOT,
    Label.CAPACITY: _SPOT,
    Label.SLOWDOWN: _RANGE,
    "slowdown of its curve": _RANGE,
    Label.LARGEST: _RANGE,
    Label.INTERVAL: _RANGE,
    "another range": ("loads of another range",),
}
"""Of a value of an issue, the facts that say where it holds."""
_IS_PLACE = frozenset({*_SPOT, *_RANGE, "loads of another range"})
_CHANGES = frozenset({FactKind.CHANGE, FactKind.RATIO})


def is_change(fact: Fact) -> bool:
    """Tell whether a fact is a change, or a value that was compared."""
    return fact.label in _PLACES or fact.kind in _CHANGES


def printed(sentence: Sentence) -> Iterator[Piece]:
    """Take a sentence apart into words and facts; a value that does not stand beside its own place brings it along.

    In one pass: what a fact's text holds is never taken for a slot.
    """
    versions_told = ended = False
    for at, piece in enumerate(SLOT.split(sentence.text)):
        if at % 2 == 0:
            words = piece.removeprefix(".") if ended else piece
            yield from [Piece(text=words, fact="")] * bool(words)
            continue
        fact = sentence.sheet.by_id[piece]
        yield _piece(fact)
        if is_change(fact):
            said = [[_piece(one)] for one in (*_owner(fact, sentence), *_untold(fact, sentence))]
            yield from _bracketed(said if versions_told else [*_versions(fact, sentence.sheet), *said])
            versions_told = True
        ended = fact.text.endswith(".") and not is_change(fact)


def placed(fact: Fact, sheet: FactSheet) -> Iterator[Piece]:
    """Yield a fact with where it holds behind it."""
    yield _piece(fact)
    yield from _bracketed([[_piece(one)] for one in _own(fact, sheet)])


def reading(fact: Fact, sheet: FactSheet) -> str:
    """Return how a fact reads by itself: its text, and where it holds."""
    return "".join(piece.text for piece in placed(fact, sheet))


def _piece(fact: Fact) -> Piece:
    return Piece(text=fact.text, fact=fact.id)


def _bracketed(parts: list[list[Piece]]) -> Iterator[Piece]:
    for at, part in enumerate(parts):
        yield Piece(text=", " if at else " (", fact="")
        yield from part
    yield from [Piece(text=")", fact="")] * bool(parts)


def _own(fact: Fact, sheet: FactSheet) -> list[Fact]:
    """Return the facts that say where a value holds."""
    found = (sheet.find(fact.subject, label) for label in _PLACES.get(fact.label, ()))
    return [one for one in found if one is not None]


def _untold(fact: Fact, sentence: Sentence) -> list[Fact]:
    """Return where a value holds, as far as the sentence does not say it; all of it beside any other place."""
    own = _own(fact, sentence.sheet)
    beside = [one for one in sentence.facts if one.label in _IS_PLACE]
    return own if any(one not in own for one in beside) else [one for one in own if one not in beside]


def _owner(fact: Fact, sentence: Sentence) -> Iterator[Fact]:
    """Yield the issue a value is of where the sentence names none and stands in no remark about it."""
    named = any(one.subject == fact.subject and one.label in (Label.ID, Label.NAME) for one in sentence.facts)
    if not sentence.section.topic and not named and fact.subject in sentence.sheet.topic:
        yield sentence.sheet.by_id[fact.subject]


def _versions(fact: Fact, sheet: FactSheet) -> Iterator[list[Piece]]:
    """Yield the version a change is of; of a pair of values both, in their order."""
    sides = [sheet.find(RUN, label) for label in (Label.BASELINE, Label.CANDIDATE)]
    before, after = ([_piece(side)] if side else [] for side in sides)
    if fact.label == Label.VALUES:
        yield [*before, Piece(text=" → ", fact=""), *after]
    else:
        yield after
