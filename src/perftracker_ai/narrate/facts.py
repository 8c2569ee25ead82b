"""Facts: in goes an `Analysis`, out comes a `FactSheet` with every value its report states.

Ids follow from the report's reading order, which follows from the analysis alone: the same analysis gives the same
ids. ``facts.json`` is the sheet as it is.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import asdict

from perftracker_ai.errors import JobError
from perftracker_ai.model import Severity
from perftracker_ai.narrate.values import Fact, FactSheet, Label, Topic
from perftracker_ai.report import build
from perftracker_ai.report.value import values
from perftracker_ai.report.view import improved, view, worsened
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perftracker_ai.model import Analysis, Cluster
    from perftracker_ai.report.value import Value

NARRATED, DIVES, ACTIONS = 6, 3, 6
"""Topics with words of their own, deep-dives and action items: more than a reader takes in, or a small model writes."""
SENTENCE_LIMIT = 300
_HEAVY = frozenset({Severity.CRITICAL, Severity.SEVERE})


def build_facts(analysis: Analysis) -> FactSheet:
    """Return everything the report on an analysis states."""
    shown = view(analysis)
    report = build(shown)
    facts = tuple(_named(values(report)))
    named = {fact.id for fact in facts}
    worse = [cluster for cluster in worsened(shown) if cluster.id in named]
    topics = (*worse, *(cluster for cluster in improved(shown) if cluster.id in named))
    grave = [cluster.id for cluster in worse if cluster.severity is not Severity.MINOR]
    heavy = [cluster.id for cluster in worse if cluster.severity in _HEAVY]
    return FactSheet(
        facts=facts,
        topics=tuple(map(_topic, topics)),
        verdict=analysis.decision.verdict,
        narrated=tuple(heavy[:NARRATED]),
        dives=tuple(grave[:DIVES]),
        actions=tuple(grave[:ACTIONS]),
        failing=report.counts.failing,
        lost=report.counts.lost,
        endpoint_words=_words(topics),
    )


def _named(told: Iterable[Value]) -> Iterator[Fact]:
    """Yield values under their names: an issue's rank names itself, all else is numbered."""
    for number, value in enumerate(told, 1):
        name = value.subject if value.label == Label.ID else f"F{number}"
        unknown = isinstance(value.raw, float) and not math.isfinite(value.raw)
        yield Fact(id=name, **{**asdict(value), "raw": None if unknown else value.raw})


def facts_json(sheet: FactSheet) -> bytes:
    """Return a sheet as JSON, one fact a line, the same bytes for the same sheet."""
    return msgspec.json.format(msgspec.json.encode(sheet, order="deterministic"), indent=1) + b"\n"


def read_facts(document: bytes, name: str) -> FactSheet:
    """Read a sheet back from what `facts_json` wrote.

    Raises
    ------
    JobError
        When the document is none.
    """
    try:
        return msgspec.json.decode(document, type=FactSheet)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise JobError(f"{name} holds no facts of a report ({error})", "run analyze again to write it") from error


def _topic(cluster: Cluster) -> Topic:
    checks = (text for found in cluster.hypotheses for text in (found.title, *found.confirm))
    return Topic(
        id=cluster.id,
        direction=cluster.direction,
        severity=cluster.severity,
        confidence=cluster.confidence,
        metric_kinds=cluster.metric_kinds,
        hypotheses=tuple(dict.fromkeys(found.key for found in cluster.hypotheses)),
        cause_words=" ".join(clean(text, SENTENCE_LIMIT).rstrip(". ") for text in checks).lower(),
    )


def _words(clusters: Iterable[Cluster]) -> tuple[str, ...]:
    named = (f"{cluster.endpoint} {' '.join(cluster.scenarios)}"[:1000].lower() for cluster in clusters)
    return tuple(sorted({word for name in named for word in re.findall(r"[a-z]{2,40}", name)}))
