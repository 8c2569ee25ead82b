"""What a model may refer to: the report's values under short names, and the topics they are about.

Values only. There is no fact that the report does not state, and a fact's text is its printed form in the report.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property

import msgspec

from perftracker_ai.model import (  # noqa: TC001 - msgspec reads these types when it reads a sheet back
    Confidence,
    Direction,
    Severity,
    Strength,
    Verdict,
)
from perftracker_ai.report.value import CATALOGUE, RUN, Value
from perftracker_ai.report.value import Kind as FactKind

__all__ = ["CATALOGUE", "RUN", "Fact", "FactKind", "FactSheet", "Label", "Topic"]


class Label(StrEnum):
    """What a value says of its subject, as far as narration asks for it by name."""

    BASELINE = "baseline version"
    CANDIDATE = "candidate version"
    HISTORY = "history"
    ID = "id"
    NAME = "endpoint"
    SEVERITY = "severity"
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
    INTERVAL = "interval"
    LARGEST = "largest change"


class Why(StrEnum):
    """What issues may have in common."""

    PATH = "path"
    ONSET = "onset"
    THREADS = "threads"
    METRIC = "metric"
    TAIL = "tail"
    SHAPE = "shape"
    CAUSE = "cause"


class Fact(Value, frozen=True, kw_only=True):
    """A value of the report under a name: ``F12``, or an issue's own.

    Attributes
    ----------
    id : str
        By which a model refers to it.
    """

    id: str


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A hypothesis proposed for a topic, with its evidence."""

    key: str
    title: str
    strength: Strength
    evidence_for: tuple[str, ...]
    evidence_against: tuple[str, ...]
    confirm: tuple[str, ...]


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster as far as words about it have to agree with it.

    Attributes
    ----------
    said : str
        What the report advises to do about it.
    when : str
        How soon, in the words of the report.
    path : str
        Of its endpoint; empty when it has none.
    traits : dict of str to str
        What it may have in common with others, by `Why`, but for the path: a load at which it begins that is not the
        lowest measured, thread counts that are not all, the only kind of metric, the last part of the path, the shape,
        and the best supported cause.
    causes : tuple of Cause
        The better supported first.
    """

    id: str
    direction: Direction
    severity: Severity | None
    confidence: Confidence
    said: str
    when: str
    path: str
    traits: dict[str, str]
    causes: tuple[Cause, ...]


class FactSheet(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Every fact of a comparison; with room for its look-ups, which are made once and kept.

    Attributes
    ----------
    topics : tuple of Topic
        In the order of the clusters: worst first.
    narrated : tuple of str
        Topics that a model may remark on.
    said : tuple of str
        The report's bottom line.
    depth : int
        Leading parts of the path that all endpoints share.
    """

    facts: tuple[Fact, ...]
    topics: tuple[Topic, ...]
    verdict: Verdict
    narrated: tuple[str, ...]
    said: tuple[str, ...]
    depth: int

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

    @cached_property
    def methods(self) -> frozenset[str]:
        """Words in capitals of the endpoints' names: methods of HTTP, which an engineer writes as words."""
        names = (fact.text for fact in self.facts if fact.label == Label.NAME)
        return frozenset(word for name in names for word in re.findall(r"\b[A-Z]{3,7}\b", name))

    def find(self, subject: str, label: str) -> Fact | None:
        """Return the first fact of a subject under a label; None when there is none."""
        return next(iter(self.by_label.get((subject, label), ())), None)
