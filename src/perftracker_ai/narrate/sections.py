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

ISSUES, DIVES, PATTERNS, ACTIONS, RISK, SUMMARY, HEADLINE = (
    "a_issues",
    "b_deep_dives",
    "c_patterns",
    "d_actions",
    "e_risk",
    "f_summary",
    "g_headline",
)
PROPERTIES = (ISSUES, DIVES, PATTERNS, ACTIONS, RISK, SUMMARY, HEADLINE)


EXECUTIVE = frozenset({Part.HEADLINE, Part.SUMMARY, Part.PRODUCTION, Part.USERS, Part.ADVICE})
"""Parts read by people who decide; the others are for those who repair."""

LIMITS = {
    Part.HEADLINE: 200,
    Part.SUMMARY: 800,
    Part.IMPACT: 350,
    Part.REMARK: 350,
    Part.DIVE: 700,
    Part.PATTERNS: 500,
    Part.ACTION: 300,
    Part.PRODUCTION: 350,
    Part.USERS: 350,
    Part.ADVICE: 300,
}
"""Characters of each part as the model writes it; none is above 1000, which some servers cannot enforce."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a narration.

    Attributes
    ----------
    key : str
        ``headline``, ``C1.impact``.
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
    return (
        *map(_of_run, (Part.HEADLINE, Part.SUMMARY)),
        *(_of_topic(topic, part) for topic in sheet.narrated for part in (Part.IMPACT, Part.REMARK)),
        *map(_of_run, (Part.PRODUCTION, Part.USERS, Part.ADVICE)),
        *(_of_topic(topic, Part.ACTION) for topic in sheet.actions),
        *(_of_topic(topic, Part.DIVE) for topic in sheet.dives),
        _of_run(Part.PATTERNS),
    )


def _of_run(part: Part) -> Section:
    return Section(key=part.value, part=part, topic="")


def _of_topic(topic: str, part: Part) -> Section:
    return Section(key=f"{topic}.{part.value}", part=part, topic=topic)
