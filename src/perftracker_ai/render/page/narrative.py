"""Words of a language model on the page: marked as such, every figure in them with the id of its fact.

In: a `View`. Out: `Html`; nothing where no model wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Part
from perftracker_ai.render.page.markup import Html, el
from perftracker_ai.render.told import passages
from perftracker_ai.report.commentary import MARK
from perftracker_ai.words import wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Passage
    from perftracker_ai.report.view import View

_OF_RUN = (Part.HEADLINE, Part.SUMMARY, Part.PRODUCTION, Part.USERS, Part.ADVICE, Part.PATTERNS)
"""What is told on its own; what is about one issue stands in that issue's card."""
_OF_CLUSTER = (Part.IMPACT, Part.REMARK, Part.ACTION, Part.DIVE)
_UNTITLED = frozenset({Part.HEADLINE, Part.SUMMARY})
_BY = f"{MARK} written by a language model, checked against the facts"


def narrative(shown: View) -> Iterator[Html]:
    """Return the section of the words about the whole run; nothing when there are none."""
    found = [one for part in _OF_RUN for one in passages(shown, part)]
    if found:
        heading = el("h2", "In words", id="words-h")
        yield el("section", heading, _told(found), id="words", aria_labelledby="words-h")


def remarks(shown: View, cluster: str) -> Iterator[Html]:
    """Return the words about one issue; nothing when there are none."""
    found = [one for part in _OF_CLUSTER for one in passages(shown, part) if one.cluster == cluster]
    if found:
        yield _told(found)


def _told(found: list[Passage]) -> Html:
    return el("div", el("span", _BY, class_="mark"), *map(_paragraph, found), class_="passage model")


def _paragraph(passage: Passage) -> Html:
    title = [] if passage.part in _UNTITLED else [el("strong", f"{wording.part_title(passage.part)}:"), " "]
    return el("p", *title, *(el("span", piece.text, data_fact=piece.fact or None) for piece in passage.pieces))
