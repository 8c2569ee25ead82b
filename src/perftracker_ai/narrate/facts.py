"""Facts: in goes a `Report`, out comes a `FactSheet` with every value its report states.

Ids follow from the report's reading order, which follows from the analysis alone: the same analysis gives the same
ids. ``facts.json`` is the sheet as it is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import asdict

from perftracker_ai.decoding import decoded
from perftracker_ai.errors import JobError
from perftracker_ai.model import Severity
from perftracker_ai.narrate.values import Cause, Fact, FactSheet, Label, Topic, Why
from perftracker_ai.report import actions, issue
from perftracker_ai.report.back import shared_depth
from perftracker_ai.report.value import plain, values
from perftracker_ai.report.view import improved, worsened
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perftracker_ai.model import Cluster, Hypothesis
    from perftracker_ai.report.issue import Issue
    from perftracker_ai.report.value import Report, Value
    from perftracker_ai.report.view import View

NARRATED = 8
"""Topics with remarks of their own: more than a reader takes in, or a small model writes."""
TEXT_LIMIT, CAUSES = 300, 4


def build_facts(shown: View, report: Report) -> FactSheet:
    """Return everything the report on an analysis states."""
    facts = tuple(_named(values(report)))
    named = {fact.id for fact in facts}
    worse = [cluster for cluster in worsened(shown) if cluster.id in named]
    topics = (*worse, *(cluster for cluster in improved(shown) if cluster.id in named))
    return FactSheet(
        facts=facts,
        topics=tuple(map(_topic, issue.issues(shown, topics))),
        verdict=shown.analysis.decision.verdict,
        narrated=tuple(cluster.id for cluster in worse if cluster.severity is not Severity.MINOR)[:NARRATED],
        said=tuple(map(plain, report.bottom_line)),
        depth=shared_depth([one.curve.path for one in shown.by_curve.values() if one.curve.path]),
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
        return decoded(document, FactSheet)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise JobError(f"{name} holds no facts of a report ({error})", "run analyze again to write it") from error


def _topic(one: Issue) -> Topic:
    cluster = one.cluster
    return Topic(
        id=cluster.id,
        direction=cluster.direction,
        severity=cluster.severity,
        confidence=cluster.confidence,
        said=plain(actions.step(one)) if cluster.severity else "",
        when=issue.priority(one).when if cluster.severity else "",
        path=_path(cluster),
        traits=dict(_traits(one)),
        causes=tuple(map(_cause, cluster.hypotheses[:CAUSES])),
    )


def _path(cluster: Cluster) -> str:
    return clean(cluster.endpoint.rpartition(" ")[2], TEXT_LIMIT)


def _traits(one: Issue) -> Iterator[tuple[str, str]]:
    """Yield what an issue may have in common with others."""
    cluster, window, curve = one.cluster, one.window, one.finding.curve
    if window is not None and not curve.scalar and window.first > curve.start:
        yield Why.ONSET, clean(cluster.load_first, TEXT_LIMIT)
    threads = issue.threads(one)
    if threads is not None and not cluster.all_threads:
        yield Why.THREADS, f"{threads.text} only"
    if len(cluster.metric_kinds) == 1 and cluster.metric_kinds[0].timed:
        yield Why.METRIC, cluster.metric_kinds[0].value
    tail = _path(cluster).rpartition("/")[2]
    if tail.isalpha():
        yield Why.TAIL, f"/{tail}"
    yield Why.SHAPE, cluster.shape.value
    for cause in cluster.hypotheses[:1]:
        yield Why.CAUSE, clean(cause.title.partition(":")[0], TEXT_LIMIT)


def _cause(found: Hypothesis) -> Cause:
    return Cause(
        key=found.key,
        title=clean(found.title, TEXT_LIMIT),
        strength=found.strength,
        evidence_for=_texts(found.evidence_for),
        evidence_against=_texts(found.evidence_against),
        confirm=_texts(found.confirm),
    )


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(clean(text, TEXT_LIMIT) for text in texts)
