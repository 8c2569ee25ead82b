"""What a language model chose of what the program knows, in the program's words, in the sections it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from perftracker_ai.model.narration import Chosen
from perftracker_ai.report import commentary, summary
from perftracker_ai.report.value import Items, Line, Paragraph, Table, say
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perftracker_ai.model import Narration
    from perftracker_ai.report.value import Block, Section

TAKE_AWAY = "To take from this run"
"""Label by which a writer that shows less than all finds these."""
_PLACES = {
    Chosen.TAKE_AWAY: (summary.KEY, TAKE_AWAY),
    Chosen.EXPERIMENT: ("causes", "One check for several issues"),
    Chosen.FIRST: ("causes", "To check first"),
    Chosen.ORDER: ("actions", "Order among equals"),
    Chosen.TOGETHER: ("patterns", "To look at together"),
}
"""Of each kind of choice the section and the label."""


def chosen(sections: Iterable[Section], narration: Narration | None) -> Iterator[Section]:
    """Yield sections with a model's choices in them; everything else stays as it was, in its order."""
    for section in sections:
        added = list(_added(section.key, narration)) if narration else []
        if not added:
            yield section
            continue
        place = _place(section)
        yield replace(section, blocks=(*section.blocks[:place], *added, *section.blocks[place:]))


def _place(section: Section) -> int:
    """Return where choices stand: in the summary before its first table, elsewhere at the end."""
    tables = [at for at, block in enumerate(section.blocks) if isinstance(block, Table)]
    return tables[0] if tables and section.key == summary.KEY else len(section.blocks)


def _added(key: str, narration: Narration) -> Iterator[Block]:
    for kind, (where, title) in _PLACES.items():
        told = [one for one in narration.choices if one.kind is kind] if where == key else []
        if told:
            by = clean(narration.author.model)
            yield Paragraph(label=title, said=say(f"chosen by {by}, verified and worded by the program."))
            lines = tuple(Line(label="", said=say(*map(commentary.piece, one.pieces))) for one in told)
            yield Items(items=lines, ordered=kind is Chosen.TAKE_AWAY)
