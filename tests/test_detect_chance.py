"""False discoveries over all curves: against two-stage control written out, and by how often calm curves are found."""

from types import SimpleNamespace

import numpy as np
import pytest

from perftracker_ai import stats
from perftracker_ai.detect.chance import MOST_SCAN_P, weigh_chances
from perftracker_ai.detect.evidence import SCANNED_POINTS

FDR = 0.05


@pytest.fixture
def rng():
    return np.random.default_rng(20261129)


def two_stage(p, rate):
    """Return what two-stage control rejects, hypothesis by hypothesis, as its authors define it."""

    def stepped_up(level):
        small = [k for k, value in enumerate(sorted(p), 1) if value <= level * k / len(p)]
        return max(small, default=0)

    first = stepped_up(rate / (1 + rate))
    if first in {0, len(p)}:
        return sorted(p)[:first]
    return sorted(p)[: stepped_up(rate / (1 + rate) * len(p) / (len(p) - first))]


def evidence(own, family=None, member=None, size=6):
    """Return the evidence of rows in families of six, to the worse only: nothing speaks for better."""
    rows = len(own)
    calm = np.ones(rows)
    parts = {
        "p": own,
        "family_p": calm if family is None else family,
        "member_p": calm if member is None else member,
        "twin_p": calm,
    }
    panel = SimpleNamespace(starts=np.arange(0, rows, size), twin=np.full(rows, -1))
    worse, better = SimpleNamespace(**parts), SimpleNamespace(**dict.fromkeys(parts, calm))
    return SimpleNamespace(
        sides=(worse, better), points=np.full(rows, float(SCANNED_POINTS)), net=SimpleNamespace(panel=panel)
    )


def test_control_in_groups_is_that_of_each_alone(rng):
    """Each group rejects what two-stage control of it alone does, whatever order the rows come in."""
    group = rng.permutation(np.repeat(np.arange(40), rng.integers(1, 12, 40)))
    p = np.where(rng.random(len(group)) < 0.6, 0.03 * rng.random(len(group)) ** 2, rng.random(len(group)))
    cuts = stats.adaptive_cuts(p, group, FDR)
    for one in range(40):
        mine = p[group == one]
        assert sorted(mine[mine <= cuts[one]]) == two_stage(mine.tolist(), FDR)


@pytest.mark.parametrize("changed", [0.0, 0.1, 0.5, 0.9])
def test_a_scan_is_a_discovery_where_two_stage_control_says_so(rng, changed):
    """Whatever share of a job changed, found is what two-stage control rejects, and nothing beyond its own chance."""
    p = np.where(rng.random(120) < changed, 10 ** -rng.uniform(1, 6, 120), rng.random(120))
    worse, _ = weigh_chances([evidence(p[:60]), evidence(p[60:])], FDR)
    q = np.concatenate(worse.own)
    expected = [value for value in two_stage(p.tolist(), FDR) if value <= MOST_SCAN_P]
    assert sorted(p[q <= FDR]) == expected


@pytest.mark.parametrize(("beside", "own", "found"), [(0.001, 0.15, True), (0.5, 0.04, False)])
def test_a_curve_needs_less_beside_siblings_that_show_it_and_more_beside_others(beside, own, found):
    """Beside five that surely show the change the sixth follows with a weak sign of it; beside five that do not, no."""
    member = np.array([own, *[beside] * 5, *[0.5] * 30])
    family = np.array([1e-6] * 6 + [1.0] * 30)
    worse, _ = weigh_chances([evidence(np.ones(36), family, member)], FDR)
    assert (worse.family[0][0] <= FDR) == found


def test_calm_curves_of_changed_families_are_few_among_the_found(rng):
    """Where a family is found for what some members show, the calm ones are one in twenty of the found at most."""
    shares = []
    for _ in range(60):
        changed = rng.random(120) < np.repeat(rng.choice([0.2, 0.5, 0.9], 20), 6)
        member = np.where(changed, stats.normal_tail(rng.normal(3, 1, 120)), rng.random(120))
        worse, _ = weigh_chances([evidence(np.ones(120), np.full(120, 1e-6), member)], FDR)
        found = worse.family[0] <= FDR
        shares.append((found & ~changed).sum() / max(found.sum(), 1))
    assert np.mean(shares) <= FDR
