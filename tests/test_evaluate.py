from pathlib import Path

import numpy as np
import pytest
import recorded
from evaluate import (
    ROW,
    Call,
    calls_of,
    false_alarms,
    false_listed,
    gain,
    interval,
    mean_iou,
    median_iou,
    net_of_chance,
    overlap_share,
    precision,
    recall,
    reference_calls,
    reported,
    rows_of,
    small_hits,
    small_recall,
)
from msgspec.structs import replace
from reference import ReferenceWindow
from scipy import stats
from simulate import REGIMES, Truth, simulate

from perftracker_ai.model import (
    BASELINE,
    CANDIDATE,
    Attribution,
    Confidence,
    CurveResult,
    Detection,
    Direction,
    FindingKind,
    Method,
    Outcome,
    Severity,
    Window,
)

SILENT_CALL = Call(regressed=False, listed=False, improved=False, worse=(), better=(), severity=None, confidence="")
FLAG = replace(SILENT_CALL, regressed=True, listed=True, severity=Severity.MODERATE)


def row(**fields):
    """One row with everything unset but these."""
    made = np.zeros(1, dtype=ROW)
    for name, value in fields.items():
        made[name] = value
    return made


HIT = row(shape="tail", size=0.3, median=0.3, regressed=True, listed=True, overlap=True, iou=0.8)
MISSED = row(shape="tail", size=0.3, median=0.3)
BESIDE = row(shape="bump", size=0.3, median=0.3, regressed=True, listed=True)
FALSE = row(regressed=True, listed=True)
CLEAN = row()
SMALL_LISTED = row(shape="whole", size=0.08, median=0.08, listed=True, overlap=True, iou=1.0)
SMALL_FLAGGED = row(shape="whole", size=0.12, median=0.12, regressed=True, listed=True, overlap=True, iou=1.0)
SMALL_MISSED = row(shape="whole", size=0.08, median=0.08)
FASTER_FLAGGED = row(shape="whole", size=-0.3, median=-0.3, regressed=True, listed=True, overlap=True, iou=1.0)
FALSE_MINOR = row(listed=True)


def rows(*parts):
    return np.concatenate(parts)


def window(direction, first, last):
    return Window(
        direction=direction,
        first=first,
        last=last,
        points=last - first + 1,
        median_slowdown=0.3,
        mean_slowdown=0.3,
        max_slowdown=0.3,
        low=0.2,
        high=0.4,
        p_value=0.001,
        q_value=0.01,
        consistency=1.0,
        kind=FindingKind.WINDOW,
        gross_slowdown=0.3,
        severity=Severity.MODERATE if direction is Direction.WORSE else None,
    )


def result(curve, outcome, *windows):
    return CurveResult(
        id="",
        curve=curve,
        outcome=outcome,
        method=Method.SCAN,
        windows=windows,
        worst=0 if windows else None,
        severity=Severity.MODERATE if outcome is Outcome.REGRESSED else None,
        confidence=Confidence.HIGH if windows else None,
        reasons=(),
        points=20,
        samples=40,
        median_slowdown=0.0,
        attribution=Attribution.CODE if windows else None,
        left_out=(),
        gross_slowdown=0.0,
        shift=0.0,
        noise=0.05,
        cause=None,
        runs_needed=None,
        needed="",
    )


def test_recall_counts_due_curves_only():
    """Recall is over changes of 15 per cent and more, and a report beside the injected range is no hit."""
    assert recall(rows(HIT, MISSED, BESIDE, CLEAN, FALSE, SMALL_MISSED)) == pytest.approx(1 / 3)
    assert recall(rows(CLEAN, FALSE)) is None


def test_small_changes_have_to_be_listed_only():
    """A change below the threshold is found when it is listed, as minor or as a regression."""
    assert small_recall(rows(SMALL_LISTED, SMALL_FLAGGED, SMALL_MISSED, HIT)) == pytest.approx(2 / 3)
    assert small_recall(rows(HIT, FASTER_FLAGGED)) is None


def test_all_slower_curves_or_those_due():
    """Any slow-down can be asked for, or those of a size; well enough localised, if asked."""
    known = rows(HIT, MISSED, SMALL_FLAGGED, SMALL_MISSED, SMALL_LISTED, CLEAN, FALSE, FASTER_FLAGGED, BESIDE)
    assert reported(known, 0.0) == pytest.approx(2 / 6)
    assert reported(known, 0.15) == pytest.approx(1 / 3)
    assert reported(known, 0.15, iou=0.9) == pytest.approx(0.0)
    assert reported(rows(CLEAN, FASTER_FLAGGED), 0.0) is None


def test_hits_of_small_changes_are_one_by_one():
    """Of changes between 8 and 15 per cent each is a hit or not, in order; others are left out."""
    known = rows(SMALL_LISTED, HIT, SMALL_MISSED, CLEAN, SMALL_FLAGGED, FALSE_MINOR)
    assert small_hits(known).tolist() == [True, False, True]


def test_chance_is_taken_out_of_recall():
    """What noise alone would have hit does not count; none where recall is unknown or noise hits everything."""
    assert net_of_chance(0.8, 0.5) == pytest.approx(0.6)
    assert net_of_chance(0.8, 0.0) == pytest.approx(0.8)
    assert net_of_chance(None, 0.5) is None
    assert net_of_chance(1.0, 1.0) is None


@pytest.mark.parametrize(("hits", "of"), [(0, 20), (3, 20), (20, 20), (5, 1520)])
def test_interval_of_a_share(hits, of):
    """The interval of a share is Wilson's."""
    expected = stats.binomtest(hits, of).proportion_ci(method="wilson")
    assert interval(hits, of) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_interval_of_nothing():
    """Of no trial nothing is known."""
    assert interval(0, 0) == (0.0, 1.0)


def test_gain_counts_jobs_not_curves():
    """The gain is the rise of the share; its interval is that over jobs, as wide as resampling whole jobs makes it."""
    rng = np.random.default_rng(1)
    before = [np.zeros(size, dtype=bool) for size in rng.integers(2, 30, 200)]
    after = [np.full(part.size, rng.random() < 0.4) for part in before]
    mean, low, high = gain(before, after)
    hits, sizes = np.array([part.sum() for part in after]), np.array([part.size for part in after])
    drawn = rng.integers(0, 200, (4000, 200))
    resampled = hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    assert mean == pytest.approx(hits.sum() / sizes.sum())
    assert (low, high) == pytest.approx(tuple(np.quantile(resampled, [0.025, 0.975])), abs=0.01)
    assert gain(before[:1], after[:1]) is None


def test_precision_forgives_size_not_place():
    """A reported regression is right where something became slower, wrong beside it and on what became faster."""
    assert precision(rows(HIT, SMALL_FLAGGED, FALSE, BESIDE, FASTER_FLAGGED, SMALL_LISTED)) == pytest.approx(2 / 5)
    assert precision(rows(CLEAN, MISSED)) is None


def test_false_alarms_per_thousand():
    """False alarms count per thousand curves; the listed ones include minor changes."""
    assert false_alarms(rows(FALSE, FASTER_FLAGGED, HIT, CLEAN, FALSE_MINOR)) == pytest.approx(400)
    assert false_listed(rows(FALSE, FASTER_FLAGGED, HIT, CLEAN, FALSE_MINOR)) == pytest.approx(600)


def test_localisation_is_over_hits():
    """Localisation is the median, or mean, over the regressions that were found."""
    poor = row(shape="tail", size=0.3, median=0.3, regressed=True, listed=True, overlap=True, iou=0.2)
    assert median_iou(rows(HIT, HIT, poor, MISSED, BESIDE)) == pytest.approx(0.8)
    assert mean_iou(rows(HIT, HIT, poor, MISSED, BESIDE)) == pytest.approx(0.6)
    assert median_iou(MISSED) is None
    assert mean_iou(MISSED) is None


@pytest.mark.parametrize(
    ("reported", "share"),
    [
        ([(10, 19)], 1.0),
        ([(10, 14)], 0.5),
        ([(5, 24)], 0.5),
        ([(10, 12), (17, 19)], 0.6),
        ([(20, 29)], 0.0),
        ([], 0.0),
    ],
    ids=["exact", "half", "twice", "fragments", "beside", "nothing"],
)
def test_overlap_share(reported, share):
    """The share is that of common points in all points of either range, ends included."""
    assert overlap_share((10, 19), reported) == pytest.approx(share)


def test_rows_say_where_a_report_lies():
    """A row joins truth and call, and knows a report inside the range from one beside it."""
    truth = Truth(
        shape=("tail", "tail", ""),
        size=np.array([0.3, 0.3, 0.0]),
        median=np.array([0.3, 0.3, 0.0]),
        ramp=np.array([False, True, False]),
        first=np.array([5, 15, -1]),
        last=np.array([9, 19, -1]),
        factor=np.ones(30),
    )
    calls = (replace(FLAG, worse=((5, 9),)), replace(FLAG, worse=((10, 12),)), replace(FLAG, worse=((20, 22),)))
    made = rows_of(truth, calls)
    assert made["overlap"].tolist() == [True, False, False]
    assert made["iou"].tolist() == [1.0, 0.0, 0.0]
    assert made["ramp"].tolist() == [False, True, False]
    assert made["regressed"].all()


def test_calls_of_our_detection():
    """Outcomes and windows of a detection come out by direction, a minor change as listed only."""
    worse, better = window(Direction.WORSE, 12, 19), window(Direction.BETTER, 0, 9)
    detection = Detection(
        results=(
            result(0, Outcome.REGRESSED, better, worse),
            result(1, Outcome.MINOR, worse),
            result(2, Outcome.IMPROVED, better),
            result(3, Outcome.INCONCLUSIVE),
        ),
        shifts=(),
        method="test",
        level=0.95,
        fdr=0.05,
        seed=1,
        noise_source="",
        mirrored=0,
    )
    assert calls_of(detection) == (
        replace(FLAG, worse=((12, 19),), better=((0, 9),), confidence="high"),
        replace(SILENT_CALL, listed=True, worse=((12, 19),), confidence="high"),
        replace(SILENT_CALL, improved=True, better=((0, 9),), confidence="high"),
        SILENT_CALL,
    )


def test_calls_of_the_earlier_criteria():
    """Windows of the earlier criteria become one call per curve with the steepest window's severity."""
    curves, _ = simulate(REGIMES[0], curves=2, points=8, reruns=0, changed=0.0, rng=np.random.default_rng(0))
    steep = ReferenceWindow(curve=1, first=8, last=10, median=0.6, consistency=1.0, severity=Severity.SEVERE)
    flat = replace(steep, first=12, last=14, median=0.2, severity=Severity.MODERATE)
    assert reference_calls(curves, (steep, flat)) == (
        SILENT_CALL,
        replace(FLAG, worse=((8, 10), (12, 14)), severity=Severity.SEVERE),
    )


def test_slowed_multiplies_cost_of_the_candidate_only():
    """A slowed run has longer latencies and lower rates, of one endpoint when one is named."""
    curves, _ = simulate(REGIMES[0], curves=32, points=8, reruns=1, changed=0.0, rng=np.random.default_rng(0))
    chosen = curves.curves[3].endpoint
    slower = recorded.slowed(curves, 1.25, chosen)
    factor = np.nanmedian((slower.mean / curves.mean)[CANDIDATE].reshape(32, 8), axis=1)
    expected = [1.0 if c.endpoint != chosen else 1.25 if c.less_better else 0.8 for c in curves.curves]
    assert factor == pytest.approx(expected)
    np.testing.assert_array_equal(slower.mean[BASELINE], curves.mean[BASELINE])
    np.testing.assert_array_equal(slower.mean[2:], curves.mean[2:])


def test_recorded_jobs_may_be_absent():
    """A folder without the recorded jobs is not an error."""
    assert recorded.find(Path("no such folder")) is None


@pytest.mark.parametrize("section", ["aa", "injected"])
def test_the_tables_without_recorded_jobs(section, capsys, monkeypatch):
    """Without recorded jobs the benchmark says so in a line, after the tables it can make."""
    import detection
    import detectors

    monkeypatch.setattr(detectors, "CURVES", 24)
    code = detection.main(["--jobs", "1", "--points", "8", "--only", section, "--shared", "no such folder"])
    printed = capsys.readouterr().out
    assert code == 0
    assert all(f"\n{regime.name} " in printed for regime in REGIMES)
    assert "earlier criteria" in printed
    assert "No recorded jobs in no such folder" in printed
