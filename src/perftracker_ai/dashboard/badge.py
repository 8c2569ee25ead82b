"""The badge of a product: name, version and verdict as a small picture for a README or a wall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.dashboard.parts import tone
from perftracker_ai.render.page.markup import Html, el
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from perftracker_ai.dashboard.views import Line

_LONGEST = 40
_LETTER, _EDGE, _HEIGHT = 7, 8, 22
_COLOURS = {
    "block": "#a8142c",
    "investigate": "#b3470a",
    "monitor": "#7d5c00",
    "approve": "#00695c",
    "open": "#6b4e9b",
}
"""As on the pages in light; a picture of its own has no style sheet."""


def badge(line: Line) -> str:
    """Return the picture of a product's newest verdict."""
    name = clean(f"{line.place.product} {(line.judged.job if line.judged else line.jobs[-1]).version}", _LONGEST)
    verdict = clean(line.verdict, _LONGEST)
    left, right = (len(text) * _LETTER + 2 * _EDGE for text in (name, verdict))
    said = f"{name}: {verdict}"
    parts = (
        el("title", said),
        el("rect", width=left + right, height=_HEIGHT, rx=4, fill="#3a4452"),
        el(
            "path",
            d=f"M{left} 0h{right - 4}a4 4 0 0 1 4 4v{_HEIGHT - 8}a4 4 0 0 1 -4 4h-{right - 4}z",
            fill=_COLOURS[tone(line.verdict)],
        ),
        el("text", name, x=left // 2, y=15),
        el("text", verdict, x=left + right // 2, y=15),
    )
    return Html(
        el(
            "svg",
            *parts,
            xmlns="http://www.w3.org/2000/svg",
            width=left + right,
            height=_HEIGHT,
            role="img",
            aria_label=said,
            fill="#fff",
            text_anchor="middle",
            font_family="Verdana,DejaVu Sans,sans-serif",
            font_size=11,
        )
    )
