"""What a language model wrote, where the report looks for it: marked, and escaped for Markdown.

In: a `View`. Out: text for a place in the report, empty where the program says it itself; who wrote what, in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.report.commentary import MARK
from perftracker_ai.words.text import md

if TYPE_CHECKING:
    from perftracker_ai.model import Part, Passage
    from perftracker_ai.report.view import View

_WHOLE = 100_000
"""Characters of a passage's Markdown: it is bounded already, and must not be cut in the middle of a fact."""


def passages(shown: View, part: Part) -> tuple[Passage, ...]:
    """Return what a model wrote for one part of the report, in its order."""
    narration = shown.narration
    return tuple(one for one in narration.passages if one.part is part) if narration else ()


def passage(shown: View, part: Part, cluster: str = "") -> Passage | None:
    """Return what a model wrote for one place; None when the program says it itself."""
    return next((one for one in passages(shown, part) if one.cluster == cluster), None)


def said(shown: View, part: Part, cluster: str = "") -> str:
    """Return the Markdown of a passage with its mark; empty when the program says it itself."""
    found = passage(shown, part, cluster)
    return f"{md(''.join(piece.text for piece in found.pieces), _WHOLE)} {MARK}" if found else ""


def chosen(shown: View, cluster: str) -> tuple[str, ...]:
    """Return the keys of the hypotheses a model chose for a cluster, the likelier first; nothing when it chose none."""
    return dict(shown.narration.chosen).get(cluster, ()) if shown.narration else ()
