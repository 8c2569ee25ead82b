"""Words of a language model on the page: marked as such, every figure in them with the id of its fact.

In: a `View`. Out: `Html`; nothing where no model wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai import wording
from perftracker_ai.model import Part
from perftracker_ai.render.page.markup import Html, el
from perftracker_ai.render.told import MARK, passages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Passage
    from perftracker_ai.render.view import View

_OF_RUN = (Part.HEADLINE, Part.SUMMARY, Part.PRODUCTION, Part.USERS, Part.ADVICE, Part.ACTION, Part.PATTERNS)
"""What is told on its own; what is about one issue stands in that issue's card."""
_OF_CLUSTER = (Part.IMPACT, Part.REMARK, Part.DIVE)
_BY = f"{MARK} written by a language model, checked against the facts"


def narrative(shown: View) -> Iterator[Html]:
    """Return the section of the words about the whole run; nothing when there are none."""
    found = [one for part in _OF_RUN for one in passages(shown, part)]
    if found:
        parts = [el("h2", "In words", id="words-h"), *map(_passage, found)]
        yield el("section", *parts, id="words", aria_labelledby="words-h")


def remarks(shown: View, cluster: str) -> Iterator[Html]:
    """Return the words about one issue."""
    yield from (_passage(one) for part in _OF_CLUSTER for one in passages(shown, part) if one.cluster == cluster)


def _passage(passage: Passage) -> Html:
    parts: list[Html | str] = [wording.part_title(passage.part), " "]
    if passage.part is Part.ACTION:
        parts += [el("span", passage.cluster, data_fact=passage.cluster), " "]
    heading = el("h4" if passage.part in _OF_CLUSTER else "h3", *parts, el("span", _BY, class_="mark"))
    pieces = [el("span", piece.text, data_fact=piece.fact or None) for piece in passage.pieces]
    return el("div", heading, el("p", *pieces), class_="passage model")
