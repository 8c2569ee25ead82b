"""Facts: in goes an `Analysis`, out comes a `FactSheet` with every value its report states.

Ids follow from the report's reading order, which follows from the analysis alone: the same analysis gives the same
ids. ``facts.json`` is the sheet as it is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import asdict

from perftracker_ai.errors import JobError
from perftracker_ai.model import Severity
from perftracker_ai.narrate.values import Cause, Fact, FactSheet, Label, Topic
from perftracker_ai.report import actions, build, issue
from perftracker_ai.report.value import plain, values
from perftracker_ai.report.view import improved, view, worsened
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perftracker_ai.model import Analysis, Hypothesis
    from perftracker_ai.report.issue import Issue
    from perftracker_ai.report.value import Value

NARRATED = 8
"""Topics with remarks of their own: more than a reader takes in, or a small model writes."""
TEXT_LIMIT, CAUSES = 300, 4


def build_facts(analysis: Analysis) -> FactSheet:
    """Return everything the report on an analysis states."""
    shown = view(analysis)
    report = build(shown)
    facts = tuple(_named(values(report)))
    named = {fact.id for fact in facts}
    worse = [cluster for cluster in worsened(shown) if cluster.id in named]
    topics = (*worse, *(cluster for cluster in improved(shown) if cluster.id in named))
    return FactSheet(
        facts=facts,
        topics=tuple(map(_topic, issue.issues(shown, topics))),
        verdict=analysis.decision.verdict,
        narrated=tuple(cluster.id for cluster in worse if cluster.severity is not Severity.MINOR)[:NARRATED],
        said=tuple(map(plain, report.bottom_line)),
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


def _topic(one: Issue) -> Topic:
    cluster = one.cluster
    return Topic(
        id=cluster.id,
        direction=cluster.direction,
        severity=cluster.severity,
        confidence=cluster.confidence,
        said=plain(actions.step(one)) if cluster.severity else "",
        causes=tuple(map(_cause, cluster.hypotheses[:CAUSES])),
    )


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
