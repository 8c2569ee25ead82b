"""The pieces of prose a narration has: which, about what, how long, and where a model's answer holds them.

In: a `FactSheet`. Out: `Section` values, the same for prompt, schema, verifier and composition. Property names begin
with letters that put them into the wanted order, for some servers generate properties alphabetically.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model import Part

if TYPE_CHECKING:
    from perftracker_ai.narrate.values import FactSheet

REMARKS, COMMENTARY = "f_remarks", "g_commentary"
PROSE = (REMARKS, COMMENTARY)

LIMITS = {Part.COMMENTARY: 900, Part.REMARK: 400}
"""Characters of each part as the model writes it; none is above 1000, which some servers cannot enforce."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a narration.

    Attributes
    ----------
    key : str
        ``commentary``, ``C1.remark``.
    topic : str
        The topic it is about; empty when it is about the whole run.
    """

    key: str
    part: Part
    topic: str

    @property
    def limit(self) -> int:
        """Characters it may have."""
        return LIMITS[self.part]


def sections(sheet: FactSheet) -> tuple[Section, ...]:
    """List the sections of a narration in reading order."""
    remarks = (Section(key=f"{topic}.remark", part=Part.REMARK, topic=topic) for topic in sheet.narrated)
    return (Section(key="commentary", part=Part.COMMENTARY, topic=""), *remarks)
