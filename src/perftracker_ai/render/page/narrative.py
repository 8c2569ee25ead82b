"""Words of a language model on the page: marked as such, every figure in them with the id of its fact.

In: a `Narration`, composed and verified elsewhere. Out: `Html`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perftracker_ai.render.page.markup import Html, el

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a paragraph: the words between figures, or one figure or name.

    Attributes
    ----------
    fact : str
        Id in ``facts.json`` of what the text is; empty for words.
    """

    text: str
    fact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One section of the narration.

    Attributes
    ----------
    by_model : bool
        False for a section that fell back to the template.
    """

    heading: str
    paragraphs: tuple[tuple[Piece, ...], ...]
    by_model: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Narration:
    """Everything a language model had to say, in the order to be read.

    Attributes
    ----------
    provenance : str
        Model, window, seed, tokens: a sentence for the foot of the page.
    """

    passages: tuple[Passage, ...]
    provenance: str


def narrative(narration: Narration | None) -> Iterator[Html]:
    """Return the section of the narrated words; nothing when there are none."""
    if narration is None or not narration.passages:
        return
    parts = [el("h2", "In words", id="words-h"), *map(_passage, narration.passages)]
    yield el("section", *parts, id="words", aria_labelledby="words-h")


def _passage(passage: Passage) -> Html:
    mark = "written by a language model, checked against the facts" if passage.by_model else "written by template"
    heading = el("h3", passage.heading, " ", el("span", mark, class_="mark"))
    paragraphs = [el("p", *map(_piece, pieces)) for pieces in passage.paragraphs]
    return el("div", heading, *paragraphs, class_="passage model" if passage.by_model else "passage")


def _piece(piece: Piece) -> Html:
    return el("span", piece.text, data_fact=piece.fact or None)
