"""What was measured, compared: in goes a `CurveSet`, out come the differences between baseline and candidate tests.

A service that crashes at 50,000 objects has no slow test there, so failures and lost tests are findings of their own.
Only rows 0 and 1 are compared; reruns serve to learn how often tests fail by themselves. Nothing is refused.

How severe a difference is follows from one question: could the background of both jobs have done it? Real jobs have a
few tests that fail or are missing at random. With that rate *r* (lone failures of the baseline and its reruns, per
test), *k* failing neighbours at one of *m* places are expected ``m * r**k`` times; up to 0.05 they are not chance.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.model import BASELINE, CANDIDATE, Absence, CoverageFinding, CoverageKind, Severity
from perftracker_ai.stats import count_rise, count_spread
from perftracker_ai.words.wording import absence_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Ints = NDArray[np.int64]

EXPECTED_BY_CHANCE = 0.05
"""A pattern expected less often than this per job is not put down to chance."""

NEIGHBOURS = 3
"""Neighbouring points that make a range: two may still be one hiccup of the load driver."""

MAX_GAP = 2
"""Steps between two affected points of one range: a crashing service answers now and then, so one may be well."""

SIGNIFICANT_RISE = 4.0
"""Standard errors by which an error counter must rise: 3 in 100,000 by chance, for it is asked of every curve."""

SIGNIFICANT_EXCESS = 3.0
"""Standard errors by which lone failures must outnumber the baseline's; asked once per job."""

RISEN_POINT = 2.0
"""Standard errors from which one point's error counter counts as risen, once its curve's total has."""

_KINDS = {kind: place for place, kind in enumerate(CoverageKind)}


class _Range(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Affected points of one curve that lie together.

    ``top``: it reaches the highest load the other side measured; ``whole``: nothing of the curve is left outside.
    """

    curve: int
    points: Ints
    top: bool
    whole: bool


class _Background(msgspec.Struct, frozen=True, kw_only=True):
    """How often tests fail, or are missing, by themselves.

    Attributes
    ----------
    rate : float
        Lone ones per test.
    tests, curves : int
        Places a range can lie at: anywhere, or at the top of a curve.
    """

    rate: float
    tests: int
    curves: int

    def explains(self, points: int, *, top: bool) -> bool:
        """Tell whether so many neighbours are to be expected somewhere in the job."""
        places = self.curves if top else self.tests
        return self.rate > 0 and places * self.rate**points > EXPECTED_BY_CHANCE


def compare_coverage(curves: CurveSet) -> tuple[CoverageFinding, ...]:
    """Find new failures, lost, new and repaired tests, and error counters that rose.

    The severity of *new failures* (a point had a value and is FAILED now), with *k* the failing neighbours of one
    curve plus the failures of the same endpoint's other curves at the same loads:

    * critical: *k* >= 3 up to the highest load, or a whole curve of three points and more;
    * severe: *k* >= 3, or up to the highest load, or a whole curve;
    * moderate: two neighbours; or lone failures that clearly outnumber the baseline's;
    * minor: lone failures, and whatever the background explains.

    Of *lost tests*: a whole curve or group, or two and more points up to the highest load, severe; one point there,
    or three neighbours elsewhere, moderate; two neighbours minor; a lone point None, as is what the background
    explains. Of *errors* that rose on points measured on both sides: severe when over three neighbouring points,
    moderate when over several or at the highest load, minor when on one.

    Parameters
    ----------
    curves : CurveSet
        Row 0 the baseline, row 1 the candidate.

    Returns
    -------
    tuple of CoverageFinding
        Worst first; empty when both runs measured the same.
    """
    lengths = np.array([curve.stop - curve.start for curve in curves.curves], dtype=np.int64)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    findings = [*_failures(curves, owner), *_lost(curves, owner), *_gained(curves, owner), *_more_errors(curves, owner)]
    return tuple(sorted(_together(curves, findings), key=_rank))


def _rank(finding: CoverageFinding) -> tuple[int, int, tuple[int, ...], int]:
    """Sort worst first, then by kind, curve and size."""
    return -Severity.rank(finding.severity), _KINDS[finding.kind], finding.curves, -finding.points


# ── new failures ────────────────────────────────────────────────────────────────────────────────────────────────────


def _failures(curves: CurveSet, owner: Ints) -> list[CoverageFinding]:
    """Judge every range of points that had a value and is FAILED now."""
    base, cand = curves.absence[BASELINE], curves.absence[CANDIDATE]
    measured = base == Absence.PRESENT
    ranges = _ranges(curves, owner, measured & (cand == Absence.FAILED), measured)
    background = _failure_background(curves, owner)
    seen = Counter(_place_key(curves, one, point) for one in ranges for point in one.points)
    sizes = [sum(seen[_place_key(curves, one, point)] for point in one.points) for one in ranges]
    found = [_judge_failure(one, size, background) for one, size in zip(ranges, sizes, strict=True)]
    lone = sum(len(one.points) for one, (_, why) in zip(ranges, found, strict=True) if why in _UNIMPORTANT)
    excess = count_rise(np.array([background.rate * background.tests]), np.array([lone]))[0] >= SIGNIFICANT_EXCESS
    return [
        _failure(curves, one, *((Severity.MODERATE, _MANY) if excess and why in _UNIMPORTANT else (severity, why)))
        for one, (severity, why) in zip(ranges, found, strict=True)
    ]


_LONE = "isolated: no neighbouring load and no related curve fails"
_USUAL = "no more than tests fail at random in the baseline"
_MANY = "isolated, but clearly more of them than in the baseline"
_UNIMPORTANT = frozenset({_LONE, _USUAL})


def _failure(curves: CurveSet, one: _Range, severity: Severity, why: str) -> CoverageFinding:
    return _finding(curves, CoverageKind.NEW_FAILURE, one, severity, f"FAILED; {why}")


def _judge_failure(one: _Range, size: int, background: _Background) -> tuple[Severity, str]:
    """Apply the rule of `compare_coverage` to one range."""
    placed = one.top or one.whole
    if size == 1 and not placed:
        return Severity.MINOR, _LONE
    if background.explains(size, top=placed):
        return Severity.MINOR, _USUAL
    if size >= NEIGHBOURS and placed and len(one.points) > 1:
        return Severity.CRITICAL, _place(one)
    if size >= NEIGHBOURS or placed:
        return Severity.SEVERE, _place(one)
    return Severity.MODERATE, _place(one)


def _place(one: _Range) -> str:
    """Say where a range lies, for the reason."""
    if one.whole:
        return "nothing of this curve is left"
    count = len(one.points)
    neighbours = "one load point" if count == 1 else f"{count} neighbouring load points"
    return f"{neighbours} up to the highest load" if one.top else neighbours


def _place_key(curves: CurveSet, one: _Range, point: int) -> tuple[str, str]:
    """Name the place that curves of one endpoint share: failing there together is no coincidence."""
    return curves.curves[one.curve].endpoint, curves.label[point]


def _failure_background(curves: CurveSet, owner: Ints) -> _Background:
    """Learn the rate of lone failures from the baseline and its reruns."""
    rows = curves.rows[0]
    lone = tests = 0
    for row in rows:
        ran = (curves.absence[row] == Absence.PRESENT) | (curves.absence[row] == Absence.FAILED)
        ranges = _ranges(curves, owner, curves.absence[row] == Absence.FAILED, ran)
        lone += sum(len(one.points) == 1 and not one.whole for one in ranges)
        tests += int(ran.sum())
    return _Background(rate=lone / max(tests, 1), tests=tests // len(rows), curves=len(curves.curves))


# ── lost and gained tests ───────────────────────────────────────────────────────────────────────────────────────────


def _lost(curves: CurveSet, owner: Ints) -> list[CoverageFinding]:
    """Judge every range of points that had a value and have none now, FAILED ones left out."""
    base, cand = curves.absence[BASELINE], curves.absence[CANDIDATE]
    measured = base == Absence.PRESENT
    gone = measured & (cand != Absence.PRESENT) & (cand != Absence.FAILED)
    gained = (cand == Absence.PRESENT) & (base != Absence.PRESENT) & (base != Absence.FAILED)
    mirror = [one for one in _ranges(curves, owner, gained, cand == Absence.PRESENT) if _is_lone(one)]
    tests = int(measured.sum())
    background = _Background(rate=len(mirror) / max(tests, 1), tests=tests, curves=len(curves.curves))
    return [_lost_range(curves, one, background) for one in _ranges(curves, owner, gone, measured)]


def _is_lone(one: _Range) -> bool:
    return len(one.points) == 1 and not one.whole


def _lost_range(curves: CurveSet, one: _Range, background: _Background) -> CoverageFinding:
    words = _reasons(curves, one)
    if one.whole:
        return _finding(curves, CoverageKind.LOST_CURVE, one, Severity.SEVERE, words)
    severity = _lost_severity(one, background)
    return _finding(curves, CoverageKind.LOST_POINTS, one, severity, f"{words}; {_place(one)}")


def _lost_severity(one: _Range, background: _Background) -> Severity | None:
    """Apply the rule of `compare_coverage` to lost points."""
    count = len(one.points)
    if background.explains(count, top=one.top) or (count == 1 and not one.top):
        return None
    if one.top:
        return Severity.SEVERE if count > 1 else Severity.MODERATE
    return Severity.MODERATE if count >= NEIGHBOURS else Severity.MINOR


def _reasons(curves: CurveSet, one: _Range) -> str:
    """Say why the candidate has no value at these points."""
    counts = np.bincount(curves.absence[CANDIDATE][one.points]).tolist()
    found = [(Absence(reason), count) for reason, count in enumerate(counts) if count]
    if len(found) == 1:
        return absence_text(found[0][0])
    return ", ".join(f"{count} {absence_text(reason)}" for reason, count in found)


def _gained(curves: CurveSet, owner: Ints) -> list[CoverageFinding]:
    """List what was repaired and what is new; a new test that fails is minor news, not good news."""
    base, cand = curves.absence[BASELINE], curves.absence[CANDIDATE]
    fixed = _ranges(curves, owner, (base == Absence.FAILED) & (cand == Absence.PRESENT), cand == Absence.PRESENT)
    unseen = (base == Absence.MISSING) & (cand != Absence.MISSING)
    measured_now = (base != Absence.PRESENT) & (base != Absence.FAILED) & (cand == Absence.PRESENT)
    new = _ranges(curves, owner, unseen | measured_now, cand != Absence.MISSING)
    return [
        *(_finding(curves, CoverageKind.FIXED, one, None, "FAILED in the baseline, has a value now") for one in fixed),
        *(_new_range(curves, one) for one in new),
    ]


def _new_range(curves: CurveSet, one: _Range) -> CoverageFinding:
    failed = int((curves.absence[CANDIDATE][one.points] == Absence.FAILED).sum())
    kind = CoverageKind.NEW_CURVE if one.whole else CoverageKind.NEW_POINTS
    before = absence_text(Absence(int(curves.absence[BASELINE][one.points].max())))
    reason = f"in the baseline: {before}" + (f"; {failed} of {len(one.points)} FAILED" if failed else "")
    return _finding(curves, kind, one, Severity.MINOR if failed else None, reason)


# ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _more_errors(curves: CurveSet, owner: Ints) -> list[CoverageFinding]:
    """Find the curves whose error counters rose on points measured on both sides.

    The square root of a Poisson count has the variance 1/4 whatever its mean (Anscombe 1948), so the difference of two
    roots is a z-score: 1 error against 2 is 0.5 standard errors, 0 against 10 is 3.7. Errors come in bursts, so the
    z-scores are divided by the dispersion that the job's own curves show on the other side.

    References
    ----------
    Anscombe, F. J. (1948). The transformation of Poisson, binomial and negative-binomial data. Biometrika 35.
    https://doi.org/10.1093/biomet/35.3-4.246
    """
    both = (curves.absence[BASELINE] == Absence.PRESENT) & (curves.absence[CANDIDATE] == Absence.PRESENT)
    before = np.where(both, curves.errors[BASELINE], 0).astype(np.float64)
    after = np.where(both, curves.errors[CANDIDATE], 0).astype(np.float64)
    total_before, total_after = (_by_curve(errors, owner, len(curves.curves)) for errors in (before, after))
    rise = count_rise(total_before, total_after)
    spread = count_spread(rise, int((rise < 0).sum()), int((rise > 0).sum()))
    flagged = rise / spread >= SIGNIFICANT_RISE
    risen = both & (count_rise(before, after) / spread >= RISEN_POINT) & flagged[owner]
    ranges = _ranges(curves, owner, risen, both)
    return [f for _, own in groupby(ranges, key=lambda one: one.curve) for f in _risen(curves, list(own))]


def _risen(curves: CurveSet, ranges: list[_Range]) -> list[CoverageFinding]:
    """Make one finding of a curve's risen points."""
    points = np.concatenate([one.points for one in ranges])
    longest = max(len(one.points) for one in ranges)
    several = len(points) > 1 or any(one.top for one in ranges)
    severity = Severity.SEVERE if longest >= NEIGHBOURS else Severity.MODERATE if several else Severity.MINOR
    one = replace(ranges[0], points=points)
    before, after = (int(curves.errors[row][points].sum()) for row in (BASELINE, CANDIDATE))
    return [_finding(curves, CoverageKind.MORE_ERRORS, one, severity, f"errors rose from {before} to {after}")]


def _by_curve(errors: Floats, owner: Ints, count: int) -> Floats:
    """Add up error counters over each curve."""
    return np.bincount(owner, weights=errors, minlength=count).astype(np.float64)


# ── ranges and findings ─────────────────────────────────────────────────────────────────────────────────────────────


def _ranges(curves: CurveSet, owner: Ints, affected: Mask, relevant: Mask) -> list[_Range]:
    """Split affected points into ranges; points that are not relevant do not separate neighbours."""
    points = np.flatnonzero(affected)
    if not len(points):
        return []
    rank = np.cumsum(relevant | affected)
    breaks = (np.diff(rank[points]) > MAX_GAP) | (np.diff(owner[points]) > 0)
    return [_range(curves, part, relevant, owner) for part in np.split(points, np.flatnonzero(breaks) + 1)]


def _range(curves: CurveSet, points: Ints, relevant: Mask, owner: Ints) -> _Range:
    curve = curves.curves[int(owner[points[0]])]
    inside = np.flatnonzero(relevant[curve.start : curve.stop]) + curve.start
    top = curve.numbered and bool(points[-1] >= inside[-1])
    return _Range(curve=curve.index, points=points, top=top, whole=len(points) == len(inside))


def _finding(
    curves: CurveSet, kind: CoverageKind, one: _Range, severity: Severity | None, reason: str
) -> CoverageFinding:
    """Word a range as a finding."""
    curve = curves.curves[one.curve]
    named = not curve.scalar and not (one.whole and kind in {CoverageKind.LOST_CURVE, CoverageKind.NEW_CURVE})
    return CoverageFinding(
        kind=kind,
        group=curve.group,
        curves=(one.curve,),
        load_first=curves.label[int(one.points[0])] if named else "",
        load_last=curves.label[int(one.points[-1])] if named else "",
        points=len(one.points),
        reason=reason,
        baseline_errors=int(curves.errors[BASELINE][one.points].sum()),
        candidate_errors=int(curves.errors[CANDIDATE][one.points].sum()),
        severity=severity,
    )


# ── one finding for many curves ─────────────────────────────────────────────────────────────────────────────────────

_GROUPED = {CoverageKind.LOST_CURVE: CoverageKind.LOST_GROUP, CoverageKind.NEW_CURVE: CoverageKind.NEW_GROUP}
_RANGED = frozenset({CoverageKind.LOST_POINTS, CoverageKind.NEW_POINTS, CoverageKind.NEW_FAILURE})


def _together(curves: CurveSet, findings: Iterable[CoverageFinding]) -> list[CoverageFinding]:
    """Make one finding of a whole group, and of a range that most of a group's curves share.

    A candidate measured up to a lower load than the baseline is one thing to tell, not one for each of its curves.
    """
    result, sizes = [], Counter(curve.group for curve in curves.curves)
    for key, same in groupby(sorted(findings, key=_shared), key=_shared):
        members = list(same)
        whole = _GROUPED.get(members[0].kind)
        if whole and len(members) > 1 and len(members) == _size_of_group(curves, whole, key[1]):
            result.append(_merge(members, whole))
        elif members[0].kind in _RANGED and _most_of_group(curves, members, sizes[key[1]]):
            result.append(_merge(members, members[0].kind))
        else:
            result += members
    return result


def _shared(finding: CoverageFinding) -> tuple[int, str, str, str, int]:
    """Give what the curves of one finding have in common."""
    return (
        _KINDS[finding.kind],
        finding.group,
        finding.load_first,
        finding.load_last,
        Severity.rank(finding.severity) if finding.kind in _RANGED else 0,
    )


def _size_of_group(curves: CurveSet, kind: CoverageKind, group: str) -> int:
    """Count the curves that must be lost (or new) for their group to be."""
    if kind is CoverageKind.LOST_GROUP:
        there = curves.absence[BASELINE] == Absence.PRESENT
    else:
        there = curves.absence[CANDIDATE] != Absence.MISSING
    return sum(bool(there[c.start : c.stop].any()) for c in curves.curves if c.group == group)


def _most_of_group(curves: CurveSet, members: list[CoverageFinding], size: int) -> bool:
    """Tell whether at least half of a group's so many curves, of two endpoints or more, share one range."""
    endpoints = {curves.curves[member.curves[0]].endpoint for member in members}
    return len(members) >= NEIGHBOURS and len(endpoints) > 1 and 2 * len(members) >= size


def _merge(members: list[CoverageFinding], kind: CoverageKind) -> CoverageFinding:
    """Add up findings of one kind."""
    return replace(
        members[0],
        kind=kind,
        curves=tuple(sorted(curve for member in members for curve in member.curves)),
        points=sum(member.points for member in members),
        reason="; ".join(sorted({member.reason for member in members})[:2]),
        baseline_errors=sum(member.baseline_errors for member in members),
        candidate_errors=sum(member.candidate_errors for member in members),
        severity=max((member.severity for member in members), key=Severity.rank),
    )
