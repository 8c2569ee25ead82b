import math

import numpy as np
import pytest
from msgspec.structs import replace
from simulate import REGIMES, SHAPES, Changes, Regime, injected, simulate, undone, with_reruns

from perftracker_ai.model import BASELINE, CANDIDATE, Absence, MetricKind

SILENT = Regime(name="silent", low=0.0, high=0.0, level=0.0, missing=0.0)
PLAIN = Regime(name="plain", low=0.05, high=0.05, level=0.0, missing=0.0)


def made(regime, *, curves=120, points=54, reruns=0, changed=0.0, seed=1):
    rng = np.random.default_rng(seed)
    return simulate(regime, curves=curves, points=points, reruns=reruns, changed=changed, rng=rng)


def cost_ratio(curves):
    """Return log slowdown of every point, positive is worse, shape (curves, points)."""
    ratio = np.log(curves.mean[CANDIDATE] / curves.mean[BASELINE]).reshape(len(curves.curves), -1)
    return np.where([[curve.less_better] for curve in curves.curves], ratio, -ratio)


@pytest.mark.parametrize("points", [54, 24, 8])
@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_every_regime_gives_whole_jobs(regime, points):
    """Every regime gives positive values in the shapes the model promises, absent ones marked as such."""
    curves, truth = made(regime, curves=40, points=points, reruns=2, changed=0.2)
    assert curves.mean.shape == curves.sd.shape == curves.count.shape == curves.absence.shape == (4, 40 * points)
    assert len(curves.label) == curves.load.size == 40 * points
    assert len(truth.shape) == len(curves.curves) == 40
    assert (curves.absence == Absence.PRESENT).tolist() == np.isfinite(curves.mean).tolist()
    assert (curves.mean[np.isfinite(curves.mean)] > 0).all()
    assert (curves.count > 0).tolist() == np.isfinite(curves.mean).tolist()


def test_same_seed_same_job():
    """The seed alone decides the numbers."""
    one, other, third = (made(REGIMES[1], changed=0.1, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one[0].mean, other[0].mean)
    np.testing.assert_array_equal(one[1].size, other[1].size)
    assert not np.array_equal(one[0].mean, third[0].mean, equal_nan=True)


def test_curves_stand_in_the_order_of_the_model():
    """Curves are sorted by group and tag and their points are contiguous."""
    curves, _ = made(PLAIN, curves=100, points=8)
    names = [(curve.group, curve.tag) for curve in curves.curves]
    assert names == sorted(set(names))
    assert [(curve.start, curve.stop) for curve in curves.curves] == [(8 * i, 8 * i + 8) for i in range(100)]
    assert (np.diff(curves.load.reshape(100, 8)) > 0).all()


def test_arrays_cannot_be_changed():
    """A detector that writes into its input fails at once."""
    curves, _ = made(PLAIN, curves=10, points=8)
    for name in ("load", "mean", "sd", "count", "absence", "errors"):
        assert not getattr(curves, name).flags.writeable


def test_without_noise_only_the_injected_points_differ():
    """The candidate differs from the baseline by exactly what the truth says."""
    curves, truth = made(SILENT, changed=0.5)
    slowdown = np.expm1(cost_ratio(curves)).ravel()
    for index, curve in enumerate(curves.curves):
        inside = np.zeros(curve.stop, dtype=bool)
        if truth.shape[index]:
            inside[truth.first[index] : truth.last[index] + 1] = True
            assert np.median(slowdown[inside.nonzero()]) == pytest.approx(truth.median[index])
            assert slowdown[curve.start : curve.stop][
                np.abs(slowdown[curve.start : curve.stop]).argmax()
            ] == pytest.approx(truth.size[index])
        outside = ~inside[curve.start :]
        assert slowdown[curve.start : curve.stop][outside] == pytest.approx(0.0, abs=1e-12)


def test_every_shape_is_injected_in_about_the_share_asked_for():
    """A tenth of the curves is changed, in every shape, both onsets, both directions."""
    truths = [made(SILENT, curves=152, points=24, changed=0.1, seed=seed)[1] for seed in range(30)]
    shares = [np.mean([bool(shape) for shape in truth.shape]) for truth in truths]
    assert min(shares) >= 0.1 - 0.5 / 152
    assert max(shares) <= 0.1 + 8 / 152
    assert {shape for truth in truths for shape in truth.shape} == {"", *SHAPES}
    sizes = np.concatenate([truth.size[truth.size != 0] for truth in truths])
    ramps = np.concatenate([truth.ramp[truth.size != 0] for truth in truths])
    assert (sizes > 0).any()
    assert (sizes < 0).any()
    assert set(ramps) == {True, False}


def test_one_thread_count_means_one_thread_count():
    """A change of shape `thread` hits both metrics of one thread count, `lone` one curve, others the whole endpoint."""
    for seed in range(30):
        curves, truth = made(SILENT, points=8, changed=0.3, seed=seed)
        hit = [
            (curve.endpoint, shape, curve.threads, curve.metric_kind)
            for curve, shape in zip(curves.curves, truth.shape, strict=True)
        ]
        for endpoint, shape in {(entry[0], entry[1]) for entry in hit if entry[1]}:
            members = [entry for entry in hit if entry[0] == endpoint and entry[1] == shape]
            family = [curve for curve in curves.curves if curve.endpoint == endpoint]
            if shape == "lone":
                assert len(members) == 1
            elif shape == "thread":
                assert len({threads for _, _, threads, _ in members}) == 1
                assert {kind for _, _, _, kind in members} == {MetricKind.LATENCY, MetricKind.RATE}
            else:
                assert len(members) == len(family)


def test_noise_has_the_size_asked_for():
    """The log ratio of two runs scatters by the square root of two times the noise of one."""
    curves, _ = made(PLAIN, curves=1000)
    assert cost_ratio(curves).std() == pytest.approx(0.05 * math.sqrt(2), rel=0.03)


def test_noise_is_correlated_along_the_load():
    """Neighbouring loads share noise, half of it on average."""
    noise = cost_ratio(made(PLAIN, curves=1000)[0])
    assert np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1] == pytest.approx(0.5, abs=0.05)


def test_latency_and_rate_are_disturbed_together():
    """Noise that slows a latency slows the rate of the same endpoint and thread count."""
    curves, _ = made(PLAIN, curves=960)
    noise = cost_ratio(curves)
    row = {(c.endpoint, c.threads, c.metric_kind): noise[c.index] for c in curves.curves}
    latency = np.concatenate([row[key] for key in row if key[2] is MetricKind.LATENCY])
    rate = np.concatenate([row[*key[:2], MetricKind.RATE] for key in row if key[2] is MetricKind.LATENCY])
    assert np.corrcoef(latency, rate)[0, 1] == pytest.approx(0.6, abs=0.05)


def test_level_regime_scatters_more_between_runs_than_within():
    """In the level regime the scatter of whole curves between runs exceeds that within a curve."""
    noise = cost_ratio(made(next(regime for regime in REGIMES if regime.name == "level"), curves=600)[0])
    assert np.nanmedian(noise, axis=1).std() > 1.3 * np.nanstd(noise - np.nanmean(noise, axis=1, keepdims=True))


def test_bursts_hit_all_curves_of_an_endpoint_at_once():
    """A burst disturbs the same load of every curve of an endpoint, and no other endpoint's."""
    curves, _ = made(replace(SILENT, bursts=0.03))
    disturbed = np.abs(cost_ratio(curves)) > 1e-9
    by_endpoint = {}
    for curve in curves.curves:
        by_endpoint.setdefault(curve.endpoint, []).append(disturbed[curve.index])
    assert all((members == members[0]).all() for members in map(np.array, by_endpoint.values()))
    assert np.mean(disturbed) == pytest.approx(2 * 0.03, rel=0.3)
    assert len({tuple(members[0]) for members in by_endpoint.values()}) > 1


def test_uneven_runs_differ_in_their_noise():
    """Runs are equally noisy, but in an uneven regime some are clearly noisier than others."""
    even, uneven = (made(replace(PLAIN, uneven=ratio), reruns=8)[0] for ratio in (1.0, 3.0))
    noise = [np.log(curves.mean / np.median(curves.mean, axis=0)).std(axis=1) for curves in (even, uneven)]
    assert noise[0].max() / noise[0].min() < 1.1
    assert noise[1].max() / noise[1].min() > 1.5


def test_slower_regime_slows_the_candidate_only():
    """The overall slowdown is in the candidate and not in the reruns."""
    curves, _ = made(Regime(name="slower", low=0.01, high=0.01, slower=0.10), reruns=1)
    rerun = np.log(curves.mean[2] / curves.mean[BASELINE])
    assert np.nanmedian(cost_ratio(curves)) == pytest.approx(math.log(1.10), abs=0.01)
    assert np.nanmedian(rerun) == pytest.approx(0.0, abs=0.01)


def test_heavy_tails_have_the_same_variance_and_more_extremes():
    """Student noise is scaled to the noise asked for and still has more far points than normal noise."""
    heavy = Regime(name="heavy", low=0.05, high=0.05, tail_df=5.0, level=0.0, missing=0.0)
    normal, tailed = (cost_ratio(made(regime, curves=1000)[0]) for regime in (PLAIN, heavy))
    assert tailed.std() == pytest.approx(normal.std(), rel=0.05)
    assert np.mean(np.abs(tailed) > 4 * tailed.std()) > 3 * np.mean(np.abs(normal) > 4 * normal.std())


def test_quantised_values_keep_three_digits():
    """Quantised values are whole numbers of their third digit."""
    curves, _ = made(Regime(name="digits", digits=3, missing=0.0), curves=20)
    assert [float(f"{value:.3g}") for value in curves.mean.ravel()] == pytest.approx(curves.mean.ravel(), rel=1e-12)


def test_one_sample_has_no_scatter():
    """With one score a point there is no standard deviation; with three there is."""
    single, several = (made(Regime(name="n", samples=samples), curves=10)[0] for samples in (1, 3))
    assert np.isnan(single.sd).all()
    assert np.isfinite(several.sd[several.count > 0]).all()


def test_reruns_can_be_left_out():
    """The same pair with fewer reruns has the same baseline and candidate."""
    curves, _ = made(REGIMES[1], curves=10, reruns=5)
    fewer = with_reruns(curves, 2)
    assert fewer.mean.shape[0] == fewer.sd.shape[0] == fewer.count.shape[0] == fewer.absence.shape[0] == 4
    np.testing.assert_array_equal(fewer.mean, curves.mean[:4])


def test_what_was_injected_can_be_undone():
    """Without what was injected the same noise remains, and the baseline is as it was."""
    curves, truth = made(SILENT, curves=64, changed=0.5)
    clean = undone(curves, truth)
    assert clean.mean[CANDIDATE] == pytest.approx(curves.mean[BASELINE])
    np.testing.assert_array_equal(clean.mean[BASELINE], curves.mean[BASELINE])
    assert not np.allclose(curves.mean[CANDIDATE], curves.mean[BASELINE])


def test_changes_are_injected_as_asked():
    """Changes put into known runs have the shapes and sizes asked for, and nothing but the candidate differs."""
    curves, _ = made(SILENT, curves=120, points=24, reruns=1)
    changes = Changes(share=0.5, shapes=("tail",), sizes=(0.10,))
    changed, truth = injected(curves, changes, np.random.default_rng(3))
    assert set(truth.shape) == {"", "tail"}
    size = np.array([0.0, 0.10, 1 / 1.10 - 1])
    assert np.abs(truth.size[:, None] - size).min(axis=1) == pytest.approx(0.0, abs=1e-12)
    assert changed.mean[CANDIDATE] == pytest.approx(curves.mean[CANDIDATE] * truth.factor)
    np.testing.assert_array_equal(np.delete(changed.mean, CANDIDATE, axis=0), np.delete(curves.mean, CANDIDATE, axis=0))
    assert undone(changed, truth).mean == pytest.approx(curves.mean)
    assert undone(changed, truth).sd == pytest.approx(curves.sd)
