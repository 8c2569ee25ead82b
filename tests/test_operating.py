import numpy as np
import pytest
from detectors import Plan, earlier, ours, simulated
from evaluate import ROW
from more_runs import LAB_RERUNS, LAB_SHAPES, Judged, dealt_judged, false_cells, small_cells, together
from operating import BY_CHANCE, EARLIER, Point, compared, points_of
from simulate import REGIMES, Regime, simulate

PLAN = Plan(1, (24,), 5, markdown=False, shared=None)


def point(detector, setting, false, every):
    return Point(
        detector=detector, setting=setting, false=false, every=every, every_net=every, due=0.9, due_net=0.8, exact=0.7
    )


POINTS = [
    point(EARLIER, "15%", 90.0, 0.8),
    point(EARLIER, "20%", 40.0, 0.7),
    point(EARLIER, "25%", 29.0, 0.6),
    point(EARLIER, "30%", 12.0, 0.5),
    point("pair", "fdr 5%, from 15%", 2.0, 0.5),
    point("pair", "fdr 99%, from 15%", 28.0, 0.72),
    point("pair", "fdr 99%, from 8%", 31.0, 0.75),
    point("2 reruns", "fdr 5%, from 15%", 40.0, 0.6),
]


def test_detectors_are_compared_at_a_third_of_the_false_alarms():
    """Each detector is shown at its default and at its setting of most false alarms within a third of the earlier."""
    shown = [(entry.detector, entry.setting) for entry in compared(POINTS)]
    assert shown == [
        (EARLIER, "15%"),
        (f"{EARLIER}, a third", "25%"),
        ("pair", "fdr 5%, from 15%"),
        ("pair, a third", "fdr 99%, from 15%"),
        ("2 reruns", "fdr 5%, from 15%"),
    ]


def row(**fields):
    made = np.zeros(1, dtype=ROW)
    for name, value in fields.items():
        made[name] = value
    return made


def test_a_point_counts_every_slower_curve_and_chance():
    """Recall is over all slower curves and over those due, net of what noise alone would have earned, and by place."""
    hit = row(size=0.3, median=0.3, regressed=True, overlap=True, iou=0.4)
    exact = row(size=0.3, median=0.3, regressed=True, overlap=True, iou=0.9)
    missed = row(size=0.2, median=0.2)
    small = row(size=0.08, median=0.08, regressed=True, overlap=True, iou=1.0)
    false = row(regressed=True)
    rows = np.concatenate([hit, exact, missed, missed, small, false])
    chance = np.concatenate([hit, missed, missed, missed, missed, false])
    seen = {(EARLIER, "15%", ""): rows, (EARLIER, "15%", BY_CHANCE): chance}
    (made,) = points_of(seen)
    assert made.false == pytest.approx(1000 / 6)
    assert made.every == pytest.approx(3 / 5)
    assert made.due == pytest.approx(1 / 2)
    assert made.every_net == pytest.approx((3 / 5 - 1 / 5) / (1 - 1 / 5))
    assert made.due_net == pytest.approx((1 / 2 - 1 / 5) / (1 - 1 / 5))
    assert made.exact == pytest.approx(1 / 4)


def test_the_earlier_criteria_can_be_made_looser():
    """A threshold below the criteria's own reports more curves, each with a severity."""
    runs, _ = simulated(REGIMES[1], 24, (1,), reruns=0, changed=0.1)
    loose, own = earlier(runs, 0.05), earlier(runs)
    assert sum(call.regressed for call in loose) > sum(call.regressed for call in own)
    assert all(call.severity is not None for call in loose if call.regressed)
    assert any(call.regressed for call in ours(runs))


def test_small_changes_are_found_more_often_with_reruns():
    """In jobs made from two real runs every job is judged calm and changed, and both numbers of reruns on the same."""
    quiet = Regime(name="quiet", low=0.03, high=0.03, missing=0.0)
    pair, _ = simulate(quiet, curves=72, points=24, reruns=0, changed=0.0, rng=np.random.default_rng(1))
    judged = dealt_judged(pair, LAB_SHAPES[0], PLAN)
    assert set(judged.calm) == set(judged.changed) == set(LAB_RERUNS)
    assert all((rows["size"] == 0).all() for rows in judged.calm[0])
    assert all((rows["size"] != 0).any() for rows in judged.changed[0])
    changes, none, three, only_three, only_none, gain = small_cells(judged, LAB_RERUNS)
    assert changes > 0
    assert float(three.split()[0]) > float(none.split()[0])
    assert only_three > only_none
    assert gain.startswith("+")
    *rates, jobs = false_cells(judged, LAB_RERUNS)
    assert len(rates) == 4
    none, three = (sum(bool(part["regressed"].any()) for part in judged.calm[count]) for count in LAB_RERUNS)
    assert jobs == f"{none}, {three} of 8"


def test_jobs_of_several_regimes_are_put_together():
    """Pooling keeps every job apart, so that jobs can be counted."""
    one, other = Judged(), Judged()
    one.calm, other.calm = {0: [row()]}, {0: [row(), row()]}
    assert len(together([one, other]).calm[0]) == 3
