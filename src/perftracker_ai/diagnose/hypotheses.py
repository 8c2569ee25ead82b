"""The catalogue of hypotheses: in go a cluster's traits, out come the entries that fit, with evidence from the numbers.

A job holds no logs, traces, profiles or commits, so an entry is at most *moderate*, names what speaks against it, and
says what would confirm and what would refute it. Nothing is ever called the cause. An entry without evidence for it
is not proposed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.model import BASELINE, CANDIDATE, Hypothesis, MetricKind, Shape, Strength

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perftracker_ai.diagnose.profiles import Comparison
    from perftracker_ai.diagnose.shapes import Traits
    from perftracker_ai.model import Curve

SURE = 3.0
"""Standard errors from which an exponent has changed."""

SAME_COST = 1.5
"""Added costs within this factor of each other are the same, and so is a baseline cost that grew by less."""

MIN_MODERATE = 2
"""Pieces of evidence that make a hypothesis moderate, when nothing speaks against it."""


class Evidence(msgspec.Struct, frozen=True):
    """Sentences for and against."""

    pro: list[str]
    con: list[str]


class _Case(msgspec.Struct, frozen=True):
    """A cluster as the catalogue sees it."""

    comparison: Comparison
    members: Sequence[int]
    traits: Traits

    @property
    def first(self) -> Curve:
        return self.comparison.curves.curves[self.members[0]]

    @property
    def endpoints(self) -> int:
        return len({self.comparison.curves.curves[index].endpoint for index in self.members})


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of explanation.

    Attributes
    ----------
    shapes : frozenset of Shape
        Shapes it explains by itself.
    also : frozenset of Shape
        Shapes it can explain, at most weakly.
    weigh : callable
        Case to evidence.
    waits : bool
        Whether it explains why something takes longer, and nothing else: not why it takes more memory.
    """

    key: str
    title: str
    shapes: frozenset[Shape]
    also: frozenset[Shape]
    weigh: Callable[[_Case], Evidence]
    confirm: tuple[str, ...]
    refute: tuple[str, ...]
    waits: bool


def propose(comparison: Comparison, members: Sequence[int], traits: Traits) -> tuple[Hypothesis, ...]:
    """Choose the entries of the catalogue that fit a cluster.

    Parameters
    ----------
    members : sequence of int
        The cluster's curves, the one that stands for it first.

    Returns
    -------
    tuple of Hypothesis
        The better supported first; empty when no entry has evidence for it.
    """
    case = _Case(comparison, members, traits)
    timed = any(comparison.curves.curves[index].metric_kind.timed for index in members)
    fitting = (entry for entry in CATALOGUE if _fits(entry, traits.shape) and (timed or not entry.waits))
    weighed = [_weighed(entry, entry.weigh(case), traits.shape) for entry in fitting]
    proposed = [hypothesis for hypothesis in weighed if hypothesis.evidence_for]
    return tuple(sorted(proposed, key=_better_supported))


def _fits(entry: Entry, shape: Shape) -> bool:
    return shape in entry.shapes or shape in entry.also


def _weighed(entry: Entry, found: Evidence, shape: Shape) -> Hypothesis:
    moderate = shape in entry.shapes and len(found.pro) >= MIN_MODERATE and not found.con
    return Hypothesis(
        key=entry.key,
        title=entry.title,
        strength=Strength.MODERATE if moderate else Strength.WEAK,
        evidence_for=tuple(found.pro),
        evidence_against=tuple(found.con),
        confirm=entry.confirm,
        refute=entry.refute,
    )


def _better_supported(hypothesis: Hypothesis) -> tuple[bool, int]:
    balance = len(hypothesis.evidence_against) - len(hypothesis.evidence_for)
    return hypothesis.strength is Strength.WEAK, balance


# ── weighing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _data_size(case: _Case) -> Evidence:
    traits, found = case.traits, Evidence([], [])
    if traits.exponent_before is not None and traits.exponent_after is not None and traits.exponent_z is not None:
        exponents = f"from {traits.exponent_before:.2f} to {traits.exponent_after:.2f}"
        if traits.exponent_z >= SURE:
            found.pro.append(f"Over the affected loads the cost exponent went {exponents}: cost follows the data size.")
        else:
            found.con.append(
                f"The cost exponent hardly moved ({exponents}): the slowdown does not follow the data size."
            )
    if traits.shape in {Shape.GROWS, Shape.STEP} and traits.outside is not None:
        found.pro.append(f"{_capital(_outside(case))}, and {_percent(traits.slowdown)} in the affected range.")
    if _scales_alike(traits):
        found.pro.append(f"It is much the same at every thread count ({_threads_list(traits)}).")
    return found


def _contention(case: _Case) -> Evidence:
    traits, found = case.traits, Evidence([], [])
    at = dict(traits.by_threads)
    affected, spared = max((t for t in traits.threads if t in at), default=0), max(traits.spared_threads, default=0)
    if affected and 0 < spared < min(traits.threads):
        found.pro.append(
            f"{_percent(at[affected])} at {_thread_count(affected)}, {_percent(at[spared])} at {_thread_count(spared)}."
        )
    elif spared:
        found.con.append(f"More threads do not make it worse ({_threads_list(traits)}).")
    elif _scales_alike(traits):
        found.con.append(f"It is much the same at every thread count ({_threads_list(traits)}).")
    if traits.shape is Shape.CEILING:
        found.pro.append("Throughput stays put where the baseline's still rose with concurrency.")
    if found.pro and _has_both(case):
        found.pro.append("Latency and throughput are both affected, as when requests wait for each other.")
    return found


def _fixed_work(case: _Case) -> Evidence:
    traits, found = case.traits, Evidence([], [])
    if traits.shape is Shape.CONSTANT and traits.exponent_z is not None and abs(traits.exponent_z) < SURE:
        found.pro.append(f"{_percent(traits.slowdown)} at every load: the cost exponent did not change measurably.")
    if traits.shape is Shape.CONSTANT and _scales_alike(traits):
        found.pro.append(f"It is much the same at every thread count ({_threads_list(traits)}).")
    if traits.shape is Shape.LOW_LOAD and traits.end is not None:
        found.pro.append(f"It fades beyond {_load(case, traits.end)}, as an addition to cheap requests does.")
    if traits.added_low is not None and traits.added_high is not None:
        _weigh_added(traits, traits.added_low, traits.added_high, found)
    return found


def _weigh_added(traits: Traits, low: float, high: float, found: Evidence) -> None:
    """Compare the time added at both ends of the affected loads, where the baseline's cost tells them apart."""
    growth, ratio = traits.cost_growth or 1.0, high / low if low > 0 else np.inf
    if 1.0 / SAME_COST < growth < SAME_COST:
        return
    times = f"{_duration(low)} at the low end of the affected loads and {_duration(high)} at the high end"
    cost = f"while the request's own cost changed by a factor of {growth:.1f}"
    if 1.0 / SAME_COST < ratio < SAME_COST:
        found.pro.append(f"A request takes longer by {times}, {cost}: the addition is fixed.")
    else:
        found.con.append(f"A request takes longer by {times}, {cost}: the addition is not fixed.")


def _memory_limit(case: _Case) -> Evidence:
    traits, found = case.traits, Evidence([], [])
    if traits.onset is not None and traits.outside is not None:
        found.pro.append(
            f"{_capital(_outside(case))}, then {_percent(traits.slowdown)} from {_load(case, traits.onset)}."
        )
    if traits.shape is Shape.STEP and _scales_alike(traits):
        found.pro.append(f"The threshold is the same at every thread count ({_threads_list(traits)}).")
    return found


def _retry_timeout(case: _Case) -> Evidence:
    traits, found = case.traits, Evidence([], [])
    before, after = _errors(case, BASELINE), _errors(case, CANDIDATE)
    if 2.0**0.5 * (after**0.5 - before**0.5) >= SURE:  # the difference of two Poisson counts in standard errors
        found.pro.append(f"Errors on these tests rose from {before} to {after}.")
    else:
        found.con.append(f"The tests count hardly more errors than before ({before} and {after}).")
    if traits.shape is Shape.TAIL_ONLY:
        found.pro.append("The slow requests got slower while the median or mean of the same test did not follow.")
    if traits.shape is Shape.BAND and traits.onset is not None and traits.end is not None:
        loads = f"{_load(case, traits.onset)} to {_load(case, traits.end)}"
        found.pro.append(f"It comes and goes with the load ({loads}), as a job that runs beside the test may.")
    return found


def _environment(case: _Case) -> Evidence:
    found, detection = Evidence([], []), case.comparison.detection
    found.pro.extend(
        f"The whole run is {_percent(shift.slowdown)} off, suggesting that the machine was not the same."
        for shift in detection.shifts[:1]
        if shift.large
    )
    related, shared = _related(case), bool(found.pro) and case.endpoints > 1
    if shared:
        found.pro.append(f"{case.endpoints} endpoints moved alike.")
    elif len(case.members) == 1 and len(related) > 1:
        found.pro.append(f"Only one of the {len(related)} curves of this endpoint and scenario shows it.")
    elif len(case.members) > 1:
        found.con.append(f"{len(case.members)} curves, measured one after another, show it.")
    before, after = map(len, case.comparison.curves.rows)
    if before > 1:
        found.con.append(f"The candidate was compared with {before} runs of the baseline's version.")
    if after > 1:
        found.con.append(f"{after} runs of the candidate's version show it.")
    return found


# ── words and numbers ───────────────────────────────────────────────────────────────────────────────────────────────


def _percent(ratio: float) -> str:
    return f"{round(100.0 * ratio) + 0:+d} %"


def _duration(seconds: float) -> str:
    """Word a time in the unit that suits it."""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if abs(seconds) * factor >= 1.0:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _outside(case: _Case) -> str:
    outside = case.traits.outside or 0.0
    where = f"below {_load(case, case.traits.onset)}" if case.traits.onset is not None else "at the lowest load"
    return f"{where} the slowdown is {_percent(outside)}"


def _load(case: _Case, load: float | None) -> str:
    """Word a load as the job does."""
    curve = case.first
    places = np.flatnonzero(case.comparison.curves.load[curve.start : curve.stop] == load)
    return case.comparison.curves.label[curve.start + int(places[0])] if len(places) else f"{load:g} {curve.load_unit}"


def _thread_count(threads: int) -> str:
    return f"{threads} thread" + ("" if threads == 1 else "s")


def _threads_list(traits: Traits) -> str:
    return ", ".join(f"{_percent(slowdown)} at {threads}" for threads, slowdown in traits.by_threads)


def _scales_alike(traits: Traits) -> bool:
    """Tell whether at least two thread counts were measured and all show at least half of the largest change."""
    changes = [np.log1p(slowdown) for _, slowdown in traits.by_threads]
    return len(changes) > 1 and min(changes) >= max(changes) / 2 > 0


def _has_both(case: _Case) -> bool:
    kinds = {case.comparison.curves.curves[index].metric_kind for index in case.members}
    return kinds >= {MetricKind.LATENCY, MetricKind.RATE}


def _errors(case: _Case, row: int) -> int:
    curves = case.comparison.curves
    return sum(int(curves.errors[row, c.start : c.stop].sum()) for c in (curves.curves[i] for i in case.members))


def _related(case: _Case) -> list[int]:
    family = case.comparison.families[case.first.endpoint]
    return [i for i in family if case.comparison.curves.curves[i].scenario == case.first.scenario]


# ── the catalogue ───────────────────────────────────────────────────────────────────────────────────────────────────

CATALOGUE = (
    Entry(
        key="data_size",
        title="Work that depends on the data size: a missing index, another query plan, a query per row",
        shapes=frozenset({Shape.GROWS}),
        also=frozenset({Shape.STEP, Shape.CONSTANT}),
        weigh=_data_size,
        confirm=(
            "Compare the query plans and the number of queries per request of both versions at the highest load.",
            "Repeat one request against a small and a large data set: the added time grows with the data.",
        ),
        refute=("The number of queries and the rows they read are the same in both versions.",),
        waits=True,
    ),
    Entry(
        key="contention",
        title="Contention: a lock held longer, a smaller pool, a queue",
        shapes=frozenset({Shape.HIGH_THREADS, Shape.CEILING}),
        also=frozenset({Shape.THREAD_SPECIFIC, Shape.STEP, Shape.GROWS, Shape.LOW_LOAD, Shape.BAND}),
        weigh=_contention,
        confirm=(
            "Measure lock waits and pool usage at the highest thread count in both versions.",
            "Repeat at more thread counts: throughput stays put while latency rises with the threads.",
        ),
        refute=("A profile at the highest thread count shows more time on the processor, not more waiting.",),
        waits=True,
    ),
    Entry(
        key="fixed_work",
        title="Extra fixed work per request: serialisation, logging, validation, one more call",
        shapes=frozenset({Shape.CONSTANT, Shape.LOW_LOAD}),
        also=frozenset(),
        weigh=_fixed_work,
        confirm=(
            "Profile a single request in both versions with one thread: the same extra piece appears at every load.",
        ),
        refute=("The processor time per request is the same in both versions.",),
        waits=True,
    ),
    Entry(
        key="memory_limit",
        title="A memory or cache limit: a cache that no longer holds the data, swapping, garbage collection",
        shapes=frozenset({Shape.STEP}),
        also=frozenset({Shape.GROWS}),
        weigh=_memory_limit,
        confirm=(
            "Compare cache hit rates and memory use of both versions just below and above the first affected load.",
            "Raise the limit in question: the first affected load moves up with it.",
        ),
        refute=("Hit rates and memory use do not change around the first affected load.",),
        waits=True,
    ),
    Entry(
        key="retry_timeout",
        title="Retries or timeouts: some requests are done twice or wait for something that does not answer",
        shapes=frozenset({Shape.TAIL_ONLY}),
        also=frozenset({Shape.BAND, Shape.STEP, Shape.UNCLEAR}),
        weigh=_retry_timeout,
        confirm=(
            "Look at the distribution of response times: a second peak at the length of a timeout or a retry pause.",
            "Count retries and timeouts in the service's log over the affected loads.",
        ),
        refute=("The distribution is shifted as a whole, and no retries are logged.",),
        waits=True,
    ),
    Entry(
        key="environment",
        title="The environment: another load on the machine, the network, the database's own housekeeping",
        shapes=frozenset({Shape.BAND, Shape.THREAD_SPECIFIC, Shape.UNCLEAR}),
        also=frozenset(Shape),
        weigh=_environment,
        confirm=("Run the candidate again on the same machine: the slowdown is gone or is elsewhere.",),
        refute=("A second run of the candidate shows it again, at the same loads.",),
        waits=False,
    ),
)
"""Every explanation this program knows; a language model may only choose among those proposed."""
