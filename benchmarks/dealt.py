"""Make further runs of one version out of two real ones, by dealing what lies between the two anew.

The logarithm of the second run over the first is real noise, but only one draw of it. Endpoints are measured one after
the other, so their noise is taken for exchangeable: each made-up run gives every endpoint another endpoint's noise, as
one block with all its curves and loads, so that correlation along the load and between curves, whole levels that lie
off, and far points stay as they were. The two runs are of one version, so either could have come first: every block
gets a random sign. How noisy a curve is is partly its own and partly the run's doing (see `OWN`), so a block is drawn
half way to the roughness of the curves it is laid on. What a whole run shares is dealt as a whole, with a sign of its
own.

A run's noise is the difference of two runs over the root of two, so that two made-up runs differ by as much as the two
real ones. No endpoint gets the same block twice among the runs of one job. It is still one pair of runs: a kind of
disturbance that it does not show cannot be dealt.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace
from simulate import family_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet

SMALLEST = 1e-9
"""Roughness that stands for none, where both runs are the same."""

OWN = 0.5
"""Part of the differences in roughness that stays with the curve: between the three recorded lab runs, the logarithms
of the curves' roughness correlate by 0.35, 0.40 and 0.64 within a metric and thread count."""


class Noise(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What lies between two runs of one version: F families of M curves on N loads.

    Attributes
    ----------
    members : ndarray of int, shape (F, M)
        Curve indices; a column holds one metric at one thread count.
    shared : ndarray, shape (M, 1)
        Log cost the second run differs by, on the whole.
    block : ndarray, shape (F, M, N)
        What is left, over `scale`.
    scale : ndarray, shape (F, M, 1)
        What of the curve's roughness, the median step from load to load, is its own.
    """

    members: NDArray[np.int64]
    shared: NDArray[np.float64]
    block: NDArray[np.float64]
    scale: NDArray[np.float64]


def noise_between(curves: CurveSet) -> Noise:
    """Take the noise between the first two runs apart; every endpoint must have the same metrics, threads and loads."""
    members = _members(curves)
    ratio = _worse_up(curves) * np.log(curves.mean[1] / curves.mean[0])
    own = ratio.reshape(len(curves.curves), -1)[members]
    shared = np.median(np.median(own, axis=2), axis=0)[:, None]
    scale = np.maximum(np.median(np.abs(np.diff(own, axis=2)), axis=2, keepdims=True), SMALLEST) ** OWN
    return Noise(members=members, shared=shared, block=(own - shared) / scale, scale=scale)


def pseudo_runs(curves: CurveSet, runs: int, rng: np.random.Generator) -> CurveSet:
    """Return so many made-up runs of the first run's version, at most as many as there are endpoints."""
    noise = noise_between(curves)
    cost = np.zeros((runs, len(curves.curves), noise.block.shape[2]))
    for run, source in enumerate(deals(len(noise.members), runs, rng)):
        sign = rng.choice([-1.0, 1.0], (len(source) + 1, 1, 1))
        cost[run, noise.members] = sign[0] * noise.shared + sign[1:] * noise.block[source] * noise.scale
    factor = np.exp(_worse_up(curves) * cost.reshape(runs, -1) / math.sqrt(2))
    arrays = {name: np.repeat(getattr(curves, name)[:1], runs, axis=0) for name in ("count", "absence", "errors")}
    arrays |= {"mean": curves.mean[0] * factor, "sd": curves.sd[0] * factor}
    for array in arrays.values():
        array.setflags(write=False)
    return replace(curves, **arrays)


def deals(families: int, runs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return whose block each family gets in each run, shape (runs, families): no column holds one twice."""
    order = rng.permutation(families)
    place = np.argsort(order)
    steps = rng.permutation(families)[:runs]
    return order[(place + steps[:, None]) % families]


def _members(curves: CurveSet) -> NDArray[np.int64]:
    """Return each family's curves in order of metric and thread count."""
    number = family_numbers(curves)
    order = sorted(
        range(len(number)), key=lambda k: (number[k], curves.curves[k].metric_kind, curves.curves[k].threads or 0)
    )
    return np.array(order).reshape(number.max() + 1, -1)


def _worse_up(curves: CurveSet) -> NDArray[np.float64]:
    sign = [1.0 if curve.less_better else -1.0 for curve in curves.curves]
    return np.repeat(sign, [curve.stop - curve.start for curve in curves.curves])
