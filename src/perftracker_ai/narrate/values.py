"""What a report may say: facts with ids and one printed form each, and the topics they are about.

Values only. A fact's text is written so that it cannot be misread when it is put into a sentence by somebody who
may be wrong: a count carries its noun, a change its direction, two values their order ("31.0 ms instead of 12.0 ms").
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

import msgspec

from perftracker_ai.model import (  # noqa: TC001 - msgspec reads these types when it reads a sheet back
    Confidence,
    Direction,
    MetricKind,
    Severity,
    Verdict,
)

RUN, CATALOGUE = "run", "catalogue"
"""Subjects that are no topic: the whole comparison, and the catalogue of hypotheses."""


class FactKind(StrEnum):
    """What kind of thing a fact is."""

    NAME = "name"
    COUNT = "count"
    SHARE = "share"
    CHANGE = "change"
    RATIO = "ratio"
    VALUE = "value"
    RANGE = "range"
    LABEL = "label"
    NOTE = "note"
    VERDICT = "verdict"
    RULE = "rule"
    HYPOTHESIS = "hypothesis"
    EVIDENCE = "evidence"
    OBJECTION = "objection"
    CONFIRM = "confirm"
    REFUTE = "refute"


class Label(StrEnum):
    """What a fact says of its subject, as far as anybody asks for it by name."""

    VERDICT = "verdict"
    MEANING = "meaning of the verdict"
    RECOMMENDATION = "recommendation"
    URGENCY = "urgency"
    RULE = "rule that fired"
    PRODUCT = "product"
    BASELINE = "baseline version"
    CANDIDATE = "candidate version"
    HARDWARE = "hardware"
    COMPARED = "curves compared"
    COMPARABLE = "comparable curves"
    ISSUES = "issues"
    RELEVANT = "issues of moderate severity or worse"
    REACHING = "issues that reach the highest load"
    REGRESSED = "regressed curves"
    IMPROVED = "improved curves"
    UNCHANGED = "unchanged curves"
    INCONCLUSIVE = "inconclusive curves"
    FAILING = "newly failing"
    LOST = "lost coverage"
    GAP = "gap in what was measured"
    SHIFT = "shift of the whole run"
    PATTERN = "pattern"
    HISTORY = "history"
    ID = "id"
    NAME = "endpoint"
    SEVERITY = "severity"
    CONFIDENCE = "confidence"
    SHAPE = "shape"
    SLOWDOWN = "median change"
    LARGEST = "largest change"
    FACTOR = "factor"
    INTERVAL = "interval"
    LOADS = "affected loads"
    REACH = "reach"
    THREADS = "threads"
    CURVES = "curves"
    METRICS = "metrics"
    SCENARIOS = "scenarios"
    SHARED = "shared with others"
    BEGAN = "since when"
    WORST_LOAD = "worst load"
    WORST_THREADS = "threads at the worst load"
    VALUES = "values at the worst load"
    IMPACT = "impact at the worst load"
    ADDED = "added at the worst load"
    FIRST_LOAD = "first affected load"
    LAST_LOAD = "last affected load"
    FIRST_VALUES = "values at the first point"
    LAST_VALUES = "values at the last point"
    CONSISTENCY = "consistency"
    REASONS = "reasons of the confidence"
    STRENGTH = "strength"


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a report may say.

    Attributes
    ----------
    subject : str
        Id of its topic, `RUN` or `CATALOGUE`.
    value : str, int, float or None
        Raw: ratios as ratios, values in base units; of what belongs to a hypothesis, the hypothesis's key.
    text : str
        Its only printed form, plain and on one line; whoever shows it escapes it.
    direction : Direction or None
        Of the change it is about; None where it is about none.
    """

    id: str
    kind: FactKind
    subject: str
    label: str
    value: str | int | float | None
    unit: str
    text: str
    direction: Direction | None


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster as far as words about it have to agree with it.

    Attributes
    ----------
    hypotheses : tuple of str
        Keys of the catalogue's entries proposed for it, the better supported first.
    cause_words : str
        Titles and checks of those entries: the only words of causes that may be used of it.
    """

    id: str
    direction: Direction
    severity: Severity | None
    confidence: Confidence
    metric_kinds: tuple[MetricKind, ...]
    hypotheses: tuple[str, ...]
    cause_words: str


class FactSheet(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Every fact of a comparison; with room for its look-ups, which are made once and kept.

    Attributes
    ----------
    topics : tuple of Topic
        In the order of the clusters: worst first.
    narrated, dives, actions : tuple of str
        Topics that get words of their own, a deep-dive, an action item.
    endpoint_words : tuple of str
        Words that occur in the endpoints' names, in lower case.
    """

    facts: tuple[Fact, ...]
    topics: tuple[Topic, ...]
    verdict: Verdict
    narrated: tuple[str, ...]
    dives: tuple[str, ...]
    actions: tuple[str, ...]
    failing: int
    lost: int
    endpoint_words: tuple[str, ...]

    @cached_property
    def by_id(self) -> dict[str, Fact]:
        """Facts by their id."""
        return {fact.id: fact for fact in self.facts}

    @cached_property
    def by_label(self) -> dict[tuple[str, str], tuple[Fact, ...]]:
        """Facts by subject and label, in order."""
        found: dict[tuple[str, str], tuple[Fact, ...]] = {}
        for fact in self.facts:
            key = fact.subject, fact.label
            found[key] = (*found.get(key, ()), fact)
        return found

    @cached_property
    def by_subject(self) -> dict[str, list[Fact]]:
        """Facts by subject, in order."""
        found: dict[str, list[Fact]] = {}
        for fact in self.facts:
            found.setdefault(fact.subject, []).append(fact)
        return found

    @cached_property
    def topic(self) -> dict[str, Topic]:
        """Topics by their id."""
        return {topic.id: topic for topic in self.topics}

    def find(self, subject: str, label: str) -> Fact | None:
        """Return the first fact of a subject under a label; None when there is none."""
        return next(iter(self.by_label.get((subject, label), ())), None)


class Ledger:
    """Facts as they are written down: numbered in order, empty ones left out."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def add(  # noqa: PLR0913 - a fact has that many fields, all named at the call
        self,
        kind: FactKind,
        subject: str,
        label: str,
        text: str,
        *,
        value: str | float | None = None,
        unit: str = "",
        direction: Direction | None = None,
        name: str = "",
    ) -> None:
        """Write one fact down; nothing when it has no text."""
        if not text:
            return
        number = name or f"F{len(self.facts) + 1}"
        self.facts.append(
            Fact(
                id=number,
                kind=kind,
                subject=subject,
                label=str(label),
                value=value,
                unit=unit,
                text=text,
                direction=direction,
            )
        )
