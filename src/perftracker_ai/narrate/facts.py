"""Facts: in go an `Analysis` and its settings, out comes a `FactSheet` with everything a report may say.

Ids follow from the order in which facts are written down, which follows from the analysis alone: the same analysis
gives the same ids. ``facts.json`` is the sheet as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.errors import JobError
from perftracker_ai.model import Direction, Severity
from perftracker_ai.narrate.clusters import state_cluster, statement
from perftracker_ai.narrate.run import coverage_counts, state_catalogue, state_run
from perftracker_ai.narrate.values import FactSheet, Ledger, Topic

if TYPE_CHECKING:
    from perftracker_ai.model import Analysis, Cluster

NARRATED, DIVES, ACTIONS = 6, 3, 6
"""Topics with words of their own, deep-dives and action items: more than a reader takes in, or a small model writes."""
TOLD_IN_FULL = 20
"""Topics of either direction with all their facts; the others keep those of a table row."""
_HEAVY = frozenset({Severity.CRITICAL, Severity.SEVERE})


def build_facts(analysis: Analysis) -> FactSheet:
    """Write down everything a report on an analysis may say.

    Parameters
    ----------
    analysis : Analysis
        Of the product, for the thresholds.
    """
    ledger = Ledger()
    state_run(ledger, analysis)
    state_catalogue(ledger, analysis.clusters)
    worse = [cluster for cluster in analysis.clusters if cluster.direction is Direction.WORSE]
    better = [cluster for cluster in analysis.clusters if cluster.direction is Direction.BETTER]
    full = {cluster.id for group in (worse, better) for cluster in group[:TOLD_IN_FULL]}
    for cluster in analysis.clusters:
        state_cluster(ledger, analysis, cluster, full=cluster.id in full)
    grave = [cluster.id for cluster in worse if cluster.severity is not Severity.MINOR]
    heavy = [cluster.id for cluster in worse if cluster.severity in _HEAVY]
    failing, lost = coverage_counts(analysis.coverage)
    return FactSheet(
        facts=tuple(ledger.facts),
        topics=tuple(map(_topic, analysis.clusters)),
        verdict=analysis.decision.verdict,
        narrated=tuple(heavy[:NARRATED]),
        dives=tuple(grave[:DIVES]),
        actions=tuple(grave[:ACTIONS]),
        failing=failing,
        lost=lost,
        endpoint_words=_words(analysis),
    )


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
        cause_words=" ".join(map(statement, checks)).lower(),
    )


def _words(analysis: Analysis) -> tuple[str, ...]:
    named = (f"{cluster.endpoint} {' '.join(cluster.scenarios)}"[:1000].lower() for cluster in analysis.clusters)
    return tuple(sorted({word for name in named for word in re.findall(r"[a-z]{2,40}", name)}))
