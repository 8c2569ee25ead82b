"""What a language model wrote, where the report looks for it: marked, and escaped for Markdown.

In: a `View`. Out: text for a place in the report, empty where the program says it itself; who wrote what, in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.formats import plural
from perftracker_ai.text import clean, md

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Author, Narration, Part, Passage
    from perftracker_ai.report.view import View

MARK = "†"
"""At everything that a language model wrote or chose; its own words cannot hold the character."""
_WHOLE = 100_000
"""Characters of a passage's Markdown: it is bounded already, and must not be cut in the middle of a fact."""
_DIGEST = 12


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


def authorship(narration: Narration) -> str:
    """Say which model was asked, under which conditions, and what became of its texts; plain text."""
    author = narration.author
    model = f"the language model {clean(author.model)} ({', '.join(_conditions(author))})"
    if not narration.written:
        asked = plural(narration.asked, "text")
        return f"None of the {asked} asked of {model} passed the check against the facts: every word is the program's."
    return (
        f"What bears the mark {MARK} was written or chosen by {model} from facts.json and checked sentence by "
        "sentence; every number, name and verdict in it was put in by the program, like all the rest. "
        f"{_shares(narration)}"
    )


def _shares(narration: Narration) -> str:
    repaired = f" ({narration.repaired:,} at the second attempt)" if narration.repaired else ""
    refused = narration.asked - narration.written
    if not refused:
        return f"All {narration.asked:,} texts asked for stand here{repaired}."
    left = f"{plural(refused, 'was', 'were')} refused and left to the program's words"
    return f"Of {narration.asked:,} texts asked for {narration.written:,} stand here{repaired}, {left}."


def _conditions(author: Author) -> Iterator[str]:
    if author.digest:
        yield f"digest {clean(author.digest)[:_DIGEST]}"
    if author.window is not None:
        yield f"window {author.window:,}"
    if author.prompt_tokens is not None and author.answer_tokens is not None:
        yield f"{author.prompt_tokens:,} tokens read and {author.answer_tokens:,} written"
    yield f"seed {author.seed}"
