"""What a model may refer to: the report's values under short names, and the topics they are about.

Values only. There is no fact that the report does not state, and a fact's text is its printed form in the report.
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
from perftracker_ai.report.value import CATALOGUE, RUN, Value
from perftracker_ai.report.value import Kind as FactKind

__all__ = ["CATALOGUE", "RUN", "Fact", "FactKind", "FactSheet", "Label", "Topic"]


class Label(StrEnum):
    """What a value says of its subject, as far as narration asks for it by name."""

    RECOMMENDATION = "recommendation"
    BASELINE = "baseline version"
    CANDIDATE = "candidate version"
    HISTORY = "history"
    ID = "id"
    NAME = "endpoint"
    SEVERITY = "severity"
    CONFIDENCE = "confidence"
    SHAPE = "shape"
    SLOWDOWN = "slowdown"
    LOADS = "affected loads"
    THREADS = "threads"
    LOAD = "load"
    THREAD_COUNT = "thread count"
    METRIC = "metric"
    VALUES = "values"
    AS_MEASURED = "change as measured"
    ADDED = "added time"
    CAPACITY = "capacity"
    REASON = "reason of the confidence"


class Fact(Value, frozen=True, kw_only=True):
    """A value of the report under a name: ``F12``, or an issue's own.

    Attributes
    ----------
    id : str
        By which a model refers to it.
    """

    id: str


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
