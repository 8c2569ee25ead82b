import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perftracker_ai.errors import JobError
from perftracker_ai.model import Direction
from perftracker_ai.trends import Series, Trend, TrendState, find_trends

POINTS = 120


def series(values, *, less_better=True, versions=None, reference=0, noise=0.0):
    values = np.asarray(values, dtype=float)
    return Series(
        times=np.arange(len(values)) * 86_400.0,
        values=values,
        versions=tuple(versions or (f"1.{number}" for number in range(len(values)))),
        less_better=less_better,
        reference=reference,
        noise=noise,
    )


def trend(values, **keywords) -> Trend:
    return find_trends([series(values, **keywords)])[0]


def noisy(*pieces, sigma=0.02, seed=1):
    """Return levels, each for so many jobs, with log-normal noise on them."""
    level = np.concatenate([np.full(count, level) for level, count in pieces])
    return level * np.exp(np.random.default_rng(seed).normal(0, sigma, len(level)))


# ── what is said ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_regression_is_dated_sized_and_named():
    """A step of 25 % is one change at its first job, with its size, its place and the last good job."""
    told = trend(noisy((0.4, 70), (0.5, 50)))
    (change,) = told.changes
    assert (told.state, change.index, change.previous, change.direction) == (
        TrendState.CHANGED,
        70,
        69,
        Direction.WORSE,
    )
    assert change.low < 0.25 < change.high
    assert change.slowdown == pytest.approx(0.25, abs=0.02)
    assert change.earliest <= 70 <= change.latest
    assert 0 < change.p_value < 1e-9
    assert (change.same_version, change.recovered) == (False, None)


def test_segments_cover_the_series_with_levels_in_its_unit():
    """Segments run from change to change and carry levels with their intervals."""
    first, second = trend(noisy((0.4, 70), (0.5, 50))).segments
    assert (first.first, first.last, first.points) == (0, 69, 70)
    assert (second.first, second.last, second.points) == (70, 119, 50)
    assert first.low < 0.4 < first.high
    assert second.low < 0.5 < second.high


def test_rate_that_falls_is_a_slowdown():
    """Half the throughput is twice the cost, +100 %."""
    (change,) = trend(noisy((1000, 60), (500, 60)), less_better=False).changes
    assert change.direction is Direction.WORSE
    assert change.slowdown == pytest.approx(1.0, abs=0.05)


def test_latency_that_falls_is_an_improvement():
    """A lower latency is better and has a negative slowdown."""
    (change,) = trend(noisy((0.5, 60), (0.4, 60))).changes
    assert change.direction is Direction.BETTER
    assert change.slowdown == pytest.approx(-0.2, abs=0.02)


def test_recovered_regression_says_so():
    """A regression that was taken back names the change with which it was, and the total is nothing."""
    told = trend(noisy((1.0, 40), (1.3, 40), (1.0, 40)))
    worse, better = told.changes
    assert (worse.recovered, better.recovered) == (80, None)
    assert told.total == pytest.approx(0.0, abs=0.02)


def test_partly_recovered_regression_is_not_recovered():
    """Half of a regression taken back leaves it standing."""
    told = trend(noisy((1.0, 40), (1.4, 40), (1.2, 40)))
    assert [change.recovered for change in told.changes] == [None, None]
    assert told.total == pytest.approx(0.2, abs=0.03)


def test_recovery_may_take_several_steps():
    """A regression taken back in two steps is recovered with the second."""
    told = trend(noisy((1.0, 40), (1.4, 40), (1.2, 40), (1.0, 40)))
    assert [change.recovered for change in told.changes] == [120, None, None]


def test_change_within_one_version_is_marked():
    """A level that changed between two jobs of one version was not changed by the code."""
    versions = ["1.0"] * 90 + ["1.1"] * 30
    (change,) = trend(noisy((0.4, 70), (0.5, 50)), versions=versions).changes
    assert change.same_version


def test_versions_that_are_not_known_are_not_the_same():
    """Two jobs without a version say nothing of whether the code changed between them."""
    (change,) = trend(noisy((0.4, 70), (0.5, 50)), versions=[""] * 120).changes
    assert not change.same_version


def test_steady_series():
    """Noise alone is steady, with one segment, no total and its noise estimated."""
    told = trend(noisy((3.0, POINTS), sigma=0.05))
    assert (told.state, told.changes, len(told.segments)) == (TrendState.STEADY, (), 1)
    assert told.total == pytest.approx(0.0)
    assert told.noise == pytest.approx(0.05, rel=0.2)
    assert told.correlation == pytest.approx(0.0, abs=0.3)
    assert told.floor == 0.02


# ── drift ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("less_better", [True, False])
def test_slow_drift_is_summed_and_not_cut(less_better):
    """A little each release, no step anywhere: the sum since the reference is told, with its interval."""
    creep = np.exp(np.linspace(0, np.log(1.3), POINTS))
    values = noisy((1.0, POINTS)) * (creep if less_better else 1 / creep)
    told = trend(values, less_better=less_better)
    assert (told.state, told.changes) == (TrendState.DRIFTING, ())
    assert told.drift.significant
    assert told.drift.low < 0.3 < told.drift.high
    assert told.total == pytest.approx(told.drift.slowdown)


def test_drift_counts_from_the_reference():
    """Half way through, half of the logarithm is left."""
    values = noisy((1.0, POINTS)) * np.exp(np.linspace(0, 0.4, POINTS))
    whole, half = trend(values).drift, trend(values, reference=POINTS // 2).drift
    assert np.log1p(half.slowdown) == pytest.approx(np.log1p(whole.slowdown) * 59 / 119)


def test_level_of_a_drifting_series_is_that_of_its_middle():
    """The segment of a drifting series carries the level in its middle, where half the drift has come in."""
    (segment,) = trend(noisy((1.0, POINTS)) * np.exp(np.linspace(0, 0.4, POINTS))).segments
    assert segment.low < np.exp(0.2) < segment.high


def test_step_in_a_drifting_series_is_told_apart():
    """A step on top of a drift is one change, and the drift is told without it."""
    values = noisy((1.0, 100), (1.3, 100), sigma=0.015) * np.exp(np.linspace(0, 0.3, 200))
    told = trend(values)
    assert [change.index for change in told.changes] == [100]
    assert told.drift.significant
    assert told.drift.low < np.expm1(0.3) < told.drift.high
    assert told.total == pytest.approx(1.3 * np.exp(0.3) - 1, abs=0.1)


def test_one_step_is_no_drift():
    """A single step is not taken for a slope."""
    told = trend(noisy((1.0, 60), (1.3, 60)))
    assert not told.drift.significant
    assert told.drift.low < 0 < told.drift.high


def test_reference_after_the_only_change_leaves_nothing():
    """The total counts from the reference's level, so that an older change does not count."""
    assert trend(noisy((1.0, 60), (1.3, 60)), reference=90).total == pytest.approx(0.0)


# ── traps ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stay", [1, 3, 8])
def test_switching_between_two_levels_is_said_and_not_cut(stay):
    """A series that switches between 530 and 20,700 has two modes and no changes, however long it stays in each."""
    rng = np.random.default_rng(3)
    upper = np.cumsum(rng.random(POINTS) < 1 / stay if stay > 1 else rng.integers(0, 2, POINTS)) % 2
    told = trend(np.where(upper, 20_700, 530) * np.exp(rng.normal(0, 0.03, POINTS)))
    assert (told.state, told.changes, told.segments) == (TrendState.BIMODAL, (), ())
    assert told.modes.low == pytest.approx(530, rel=0.05)
    assert told.modes.high == pytest.approx(20_700, rel=0.05)
    assert told.modes.share_high == pytest.approx(upper.mean())
    assert told.modes.switches == np.count_nonzero(np.diff(upper))
    assert (told.total, told.drift, told.noise, told.correlation) == (None, None, None, None)


def test_step_with_spikes_is_not_two_modes():
    """A change of level and a few spikes across it are no switching."""
    values = noisy((1.0, 60), (1.3, 60))
    values[[7, 20, 33]] *= 1.4
    assert trend(values).state is TrendState.CHANGED


def test_two_rounded_values_are_not_two_modes():
    """Values that round to 1.0 or 1.1 say nothing of what lies between."""
    values = np.where(np.random.default_rng(2).random(POINTS) < 0.6, 1.0, 1.1)
    values[::17] = 0.99
    assert trend(values).state is TrendState.STEADY


@pytest.mark.parametrize("shift", [0.0, 0.03])
def test_quantised_series_has_a_floor(shift):
    """Whole milliseconds about 10 cannot show a shift of 3 %: the floor says so, and nothing is cut."""
    exact = np.concatenate([np.full(60, 10.5), np.full(60, 10.5 * (1 + shift))])
    told = trend(np.round(exact * np.exp(np.random.default_rng(4).normal(0, 0.02, POINTS))))
    assert (told.state, told.changes) == (TrendState.STEADY, ())
    assert told.floor == pytest.approx(1.5 / 10, rel=0.11)


def test_quantised_series_shows_what_is_larger_than_its_floor():
    """Whole milliseconds show a step from 10 to 14."""
    values = np.round(noisy((10.4, 60), (14.2, 60), sigma=0.03))
    assert [change.index for change in trend(values).changes] == [60]


def test_constant_series_is_steady():
    """A constant is steady and as sure as anything is allowed to be."""
    told = trend(np.full(POINTS, 3.3))
    assert (told.state, told.noise) == (TrendState.STEADY, 0.005)


def test_exact_step_of_a_constant_is_a_change():
    """A counter that went from 100 to 105 changed: nobody can say it was rounded."""
    told = trend(np.repeat([100.0, 105.0], 60))
    assert [change.index for change in told.changes] == [60]
    assert told.floor == 0.02


def test_change_below_the_practical_threshold_is_none():
    """However sure, a change of one per cent is no change."""
    assert trend(noisy((1.0, 200), (1.01, 200), sigma=0.005)).changes == ()


def test_noise_known_from_reruns_is_a_lower_bound():
    """A step that is nothing against the noise known from elsewhere is no change."""
    values = noisy((1.0, 30), (1.1, 30), sigma=0.01)
    assert len(trend(values).changes) == 1
    told = trend(values, noise=0.2)
    assert (told.state, told.noise) == (TrendState.STEADY, 0.2)


def test_noise_that_rose_is_flaky():
    """Noise that trebled is told with its place and ratio, and not cut into levels."""
    rng = np.random.default_rng(5)
    told = trend(np.exp(rng.normal(0, np.repeat([0.02, 0.06], [80, 60]))))
    assert (told.state, told.changes) == (TrendState.FLAKY, ())
    assert told.flaky.index == pytest.approx(80, abs=10)
    assert told.flaky.ratio == pytest.approx(3, rel=0.3)
    assert 0 < told.flaky.p_value < 1e-4


def test_noise_that_fell_is_not_flaky():
    """A series that calmed down is steady."""
    rng = np.random.default_rng(5)
    told = trend(np.exp(rng.normal(0, np.repeat([0.06, 0.02], [80, 60]))))
    assert (told.state, told.flaky) == (TrendState.STEADY, None)


def test_spikes_are_labelled_and_change_nothing():
    """Single wild values are outliers by position, and neither changes nor levels follow them."""
    values = noisy((1.0, 60), (1.2, 60))
    calm = trend(values)
    values[[10, 45, 46, 90]] *= (3.0, 0.4, 5.0, 2.0)
    told = trend(values)
    assert set(told.outliers) >= {10, 45, 46, 90}
    assert [change.index for change in told.changes] == [change.index for change in calm.changes] == [60]
    assert told.segments[0].level == pytest.approx(calm.segments[0].level, rel=0.01)


def test_few_wild_jobs_in_a_row_are_no_change():
    """Three bad nights in a row are no new level."""
    values = noisy((1.0, POINTS))
    values[50:53] *= 2
    assert trend(values).state is TrendState.STEADY


# ── what is not there ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("absent", [np.nan, 0.0, -1.0, np.inf, 1e-40])
def test_absent_values_are_neither_zero_nor_a_change(absent):
    """Jobs without a value are left out, and positions still count in the series as it is."""
    values = noisy((0.4, 70), (0.5, 50))
    values[[0, 30, 31, 32, 69, 70, 71, 119]] = absent
    told = trend(values)
    (change,) = told.changes
    assert (change.previous, change.index, told.points) == (68, 72, POINTS - 8)
    assert (told.segments[0].first, told.segments[-1].last) == (1, 118)


def test_reference_without_a_value_counts_from_the_next():
    """A reference that has no value hands over to the next job that has one."""
    values = noisy((1.0, POINTS)) * np.exp(np.linspace(0, 0.4, POINTS))
    values[[39, 40]] = np.nan
    assert trend(values, reference=39).drift == trend(values, reference=41).drift


def test_reference_after_the_last_value_leaves_nothing():
    """From a reference behind the last value nothing can have crept in."""
    values = noisy((1.0, POINTS))
    values[-1] = np.nan
    told = trend(values, reference=POINTS - 1)
    assert (told.drift.slowdown, told.total) == (0.0, 0.0)


@pytest.mark.parametrize("points", [0, 1, 2, 9])
def test_few_values_are_too_short(points):
    """Below ten values nothing is said, and nothing breaks."""
    told = trend(noisy((1.0, points)))
    assert (told.state, told.points, told.segments, told.outliers) == (TrendState.TOO_SHORT, points, (), ())


def test_ten_values_can_show_a_large_change():
    """Five values on either side are enough for a change that stands out."""
    assert [change.index for change in trend(noisy((1.0, 5), (1.5, 5), sigma=0.01)).changes] == [5]


def test_no_series_no_trends():
    """Nothing in, nothing out."""
    assert find_trends([]) == ()


def test_only_absent_values_are_too_short():
    """A series without any value is too short."""
    assert trend(np.full(30, np.nan)).state is TrendState.TOO_SHORT


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"versions": ("1",)}, "has 3 values, 3 times and 1 versions"),
        ({"times": np.array([0.0, 2.0, 2.0])}, "do not increase"),
        ({"reference": 3}, "take a position from 0 to 2"),
    ],
)
def test_malformed_series_is_refused_in_a_sentence(broken, sentence):
    """Lengths that differ, times that do not increase and a reference outside are named, with what to do."""
    whole = {"times": np.arange(3.0), "values": np.ones(3), "versions": ("1", "2", "3"), "less_better": True}
    with pytest.raises(JobError, match=sentence):
        Series(**whole | broken)


# ── many at once ────────────────────────────────────────────────────────────────────────────────────────────────────


def _numbers(told):
    """Return a trend as plain values, for comparison within rounding."""
    return [leaf for leaf in _leaves(msgspec.to_builtins(told)) if not isinstance(leaf, bool | str | type(None))]


def _leaves(value):
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return [value]
    return [leaf for item in value for leaf in _leaves(item)]


def _words(told):
    return [leaf for leaf in _leaves(msgspec.to_builtins(told)) if isinstance(leaf, bool | str | type(None))]


def test_trend_is_the_same_alone_and_among_others():
    """Series of many lengths judged together get what each gets alone, in the order given."""
    rng = np.random.default_rng(6)
    lengths = [5, 10, 11, 40, 41, 90, 127, 128, 129, 130, 200, 201, 350]
    values = [noisy((1.0, n // 2), (1.2, n - n // 2), sigma=0.03, seed=n) for n in lengths]
    values += [one * np.exp(np.linspace(0, 0.4, len(one))) for one in values]
    values += [one * rng.choice([1, 4], len(one)) for one in values]
    crowd = [series(values[number]) for number in rng.permutation(len(values))]
    for together, one in zip(find_trends(crowd), crowd, strict=True):
        alone = find_trends([one])[0]
        assert _words(together) == _words(alone)
        assert _numbers(together) == pytest.approx(_numbers(alone), rel=1e-6, abs=1e-9)


def test_series_is_not_changed():
    """What is handed in stays as it was, read-only arrays included."""
    values = noisy((1.0, 60), (1.3, 60))
    values[7] = np.nan
    before = values.copy()
    values.setflags(write=False)
    trend(values)
    np.testing.assert_array_equal(values, before)


def test_trend_survives_being_written_and_read():
    """A trend goes through JSON unchanged."""
    told = trend(noisy((1.0, 40), (1.3, 40), (1.0, 40)))
    assert msgspec.json.decode(msgspec.json.encode(told), type=Trend) == told


# ── properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

steps = st.lists(st.sampled_from([-0.5, -0.3, -0.2, 0.2, 0.3, 0.5]), min_size=0, max_size=3)
seeds = st.integers(0, 10_000)


def stepped(sizes, seed, sigma=0.02):
    """Return a series with these steps, 30 jobs apart."""
    level = np.repeat(np.cumsum([0.0, *sizes]), 30)
    return np.exp(level + np.random.default_rng(seed).normal(0, sigma, len(level)))


@settings(deadline=None, max_examples=40)
@given(steps, seeds, st.floats(1e-6, 1e9))
def test_unit_does_not_matter(sizes, seed, factor):
    """Values in another unit have the same changes, sizes and state."""
    values = stepped(sizes, seed)
    one, other = trend(values), trend(values * factor)
    assert [change.index for change in one.changes] == [change.index for change in other.changes]
    assert one.state == other.state
    assert [c.slowdown for c in one.changes] == pytest.approx([c.slowdown for c in other.changes], rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(steps, seeds)
def test_direction_mirrors(sizes, seed):
    """The inverse of a series with the opposite direction has the same slowdowns."""
    values = stepped(sizes, seed)
    one, other = trend(values), trend(1 / values, less_better=False)
    assert [c.index for c in one.changes] == [c.index for c in other.changes]
    assert [c.slowdown for c in one.changes] == pytest.approx([c.slowdown for c in other.changes], rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(steps, seeds)
def test_time_reversed_shows_the_same_steps(sizes, seed):
    """A series read backwards has its changes at the mirrored places with the opposite sign."""
    values = stepped(sizes, seed)
    there, back = trend(values).changes, trend(values[::-1]).changes
    assert [c.index for c in there] == [len(values) - c.index for c in reversed(back)]
    assert [np.log1p(c.slowdown) for c in there] == pytest.approx([-np.log1p(c.slowdown) for c in reversed(back)])


@settings(deadline=None, max_examples=40)
@given(steps, seeds)
def test_clear_steps_are_found_where_they_are(sizes, seed):
    """Steps ten times the noise are found at their places, and no others."""
    found = [change.index for change in trend(stepped(sizes, seed)).changes]
    assert found == pytest.approx([30 * (number + 1) for number in range(len(sizes))], abs=1)


@settings(deadline=None, max_examples=40)
@given(seeds, st.lists(st.integers(0, 11), min_size=1, max_size=6, unique=True))
def test_where_spikes_are_does_not_matter(seed, places):
    """Spikes anywhere, but not next to each other, leave the changes as they are."""
    values = stepped([0.3, -0.2], seed)
    calm = [change.index for change in trend(values).changes]
    for place in places:
        values[4 + 7 * place] *= 3
    assert [change.index for change in trend(values).changes] == pytest.approx(calm, abs=1)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats() | st.floats(1e-30, 1e30), max_size=60))
def test_any_numbers_get_a_trend(values):
    """Whatever the numbers, a trend comes back, with finite numbers where it has any."""
    told = trend(values)
    assert told.points == sum(1e-30 <= value <= 1e30 for value in values)
    assert np.isfinite(_numbers(told)).all()
