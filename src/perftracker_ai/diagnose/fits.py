"""Shapes fitted to a profile: in goes a `Profile`, out comes the simplest curve of the load that describes it.

Six descriptions compete by least squares: the same everywhere; a step up; a step down; a band; cost that grows in
proportion to the load beyond an onset; the share that no longer fits into something of a fixed size; and a changed
cost exponent. Each position of onset and end is tried. The winner has the smallest Bayesian information criterion,
with the sample size reduced for neighbours that resemble each other, and must be *clear*: outside the affected range
at most half of the change inside it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.diagnose.profiles import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.diagnose.profiles import Profile

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MIN_POINTS = 6
"""Shorter profiles cannot tell a step from a slope."""

NOTHING = 0.25
"""The same for what exceeds a capacity, below which nothing at all can be exceeded."""

MIN_PART = 3
"""Points on either side of an onset; fewer are a spike or an end effect."""

CLEAR = 0.5
"""Largest share of the change that may be seen outside the affected range."""

FLOOR = 0.01
"""Differences of one per cent are no difference: keeps noise-free data from being fitted to the last digit."""

MAX_CORRELATION = 0.8
"""Above it the correlation of neighbours is the misfit's, not the noise's."""


class Form(StrEnum):
    """The descriptions that compete."""

    EVERYWHERE = "everywhere"
    STEP_UP = "step up"
    STEP_DOWN = "step down"
    BAND = "band"
    GROWTH = "growth beyond an onset"
    OVERFLOW = "share beyond a capacity"
    EXPONENT = "changed exponent"


PARAMETERS = {
    Form.EVERYWHERE: 1,
    Form.EXPONENT: 2,
    Form.STEP_UP: 3,
    Form.STEP_DOWN: 3,
    Form.GROWTH: 3,
    Form.OVERFLOW: 3,
    Form.BAND: 4,
}
"""Free numbers of each description, positions included."""


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A description with its numbers.

    Attributes
    ----------
    first, last : int
        Affected points of the profile, inclusive.
    inside, outside : float
        Fitted log change: the median over the affected range, and what is left outside (0 when nothing is outside;
        for growth and exponents, the fitted value at the low end).
    scatter : float
        Standard deviation of the residuals.
    """

    form: Form
    first: int
    last: int
    inside: float
    outside: float
    scatter: float


class _Candidate(msgspec.Struct, frozen=True):
    form: Form
    first: int
    last: int
    fitted: Floats


def fit(profile: Profile) -> Fit:
    """Describe a profile by the simplest form that fits.

    Parameters
    ----------
    profile : Profile
        With at least `MIN_POINTS` points.

    Returns
    -------
    Fit
        The clear candidate of the smallest criterion; `Form.EVERYWHERE` is always a candidate.
    """
    change = profile.change
    candidates = [one for one in _candidates(profile) if one.form is Form.EVERYWHERE or _is_clear(one, change)]
    errors = [float(((change - one.fitted) ** 2).mean()) for one in candidates]
    size = effective_size(change - candidates[int(np.argmin(errors))].fitted)
    scores = [
        size * np.log(error + FLOOR**2) + PARAMETERS[one.form] * np.log(size)
        for one, error in zip(candidates, errors, strict=True)
    ]
    return _as_fit(candidates[int(np.argmin(scores))], change)


def _candidates(profile: Profile) -> list[_Candidate]:
    """Give the best position of every form."""
    count = len(profile.change)
    everywhere = _Candidate(Form.EVERYWHERE, 0, count - 1, np.full(count, profile.change.mean()))
    return [
        everywhere,
        *_steps(profile.change),
        *_bands(profile.change),
        *(_growths(profile) if profile.numbered else []),
    ]


def effective_size(residuals: Floats) -> float:
    """Count independent points among correlated ones (Bartlett): n (1 - r) / (1 + r)."""
    variance = float((residuals**2).mean()) + FLOOR**2
    correlation = float((residuals[1:] * residuals[:-1]).mean()) / variance
    correlation = min(max(correlation, 0.0), MAX_CORRELATION)
    return max(len(residuals) * (1.0 - correlation) / (1.0 + correlation), 2.0)


# ── levels ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _steps(change: Floats) -> list[_Candidate]:
    """Cut once: affected from a load on, or up to a load."""
    count = len(change)
    cuts = np.arange(MIN_PART, count - MIN_PART + 1)
    after, before, gain = _split(change, cuts, np.full(len(cuts), count))
    up = int(np.argmax(np.where(after > before, gain, -1.0)))
    down = int(np.argmax(np.where(after < before, gain, -1.0)))
    return [
        _Candidate(Form.STEP_UP, int(cuts[up]), count - 1, _levels(count, cuts[up], count, after[up], before[up])),
        _Candidate(Form.STEP_DOWN, 0, int(cuts[down]) - 1, _levels(count, 0, cuts[down], before[down], after[down])),
    ]


def _bands(change: Floats) -> list[_Candidate]:
    """Cut twice: affected in between, with `MIN_PART` points on either side."""
    count = len(change)
    starts, stops = np.triu_indices(count + 1, MIN_PART)
    kept = (starts >= MIN_PART) & (stops <= count - MIN_PART)
    starts, stops = starts[kept], stops[kept]
    if not len(starts):
        return []
    inside, outside, gain = _split(change, starts, stops)
    best = int(np.argmax(np.where(inside > outside, gain, -1.0)))
    first, stop = int(starts[best]), int(stops[best])
    return [_Candidate(Form.BAND, first, stop - 1, _levels(count, first, stop, inside[best], outside[best]))]


def _split(change: Floats, starts: Ints, stops: Ints) -> tuple[Floats, Floats, Floats]:
    """Give the mean inside and outside of every half-open range, and how much of the squares these explain."""
    total = np.concatenate([[0.0], np.cumsum(change)])
    size, part = stops - starts, total[stops] - total[starts]
    inside, outside = part / size, (total[-1] - part) / (len(change) - size)
    return inside, outside, size * (len(change) - size) * (inside - outside) ** 2


def _levels(count: int, first: int, stop: int, inside: float, outside: float) -> Floats:
    levels = np.full(count, outside)
    levels[first:stop] = inside
    return levels


# ── growth ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _growths(profile: Profile) -> list[_Candidate]:
    """Try cost that grows beyond every onset, linearly or as a share, and a changed exponent over the whole range."""
    load, change, count = profile.load, profile.change, len(profile.load)
    onsets = np.arange(0, count - 2 * MIN_PART + 1)
    beyond = np.clip(load[None, :] - load[onsets, None], 0.0, None)
    span = load[-1] - load[onsets, None]
    top = median(change[-MIN_PART:])
    size = max(np.expm1(top), FLOOR)
    candidates = [_best_growth(Form.GROWTH, onsets, np.log1p(size * beyond / span), change)]
    if load[0] > 0:
        share = beyond / load[None, :]
        candidates.append(_best_growth(Form.OVERFLOW, onsets, np.log1p(size * share / share[:, -1:]), change))
        candidates.append(_best_growth(Form.EXPONENT, onsets[:1], np.log(load)[None, :], change))
    return candidates


def _best_growth(form: Form, onsets: Ints, bases: Floats, change: Floats) -> _Candidate:
    """Regress the change on every basis, and keep the best rising one."""
    centred = bases - bases.mean(axis=1, keepdims=True)
    common = centred @ (change - change.mean())
    slope = common / np.maximum((centred**2).sum(axis=1), FLOOR**4)
    best = int(np.argmax(np.where(slope > 0, slope * common, -1.0)))
    fitted = change.mean() + max(slope[best], 0.0) * centred[best]
    onset = int(onsets[best])  # the last load without growth, unless growth starts with the axis
    return _Candidate(form, onset + 1 if onset else 0, len(change) - 1, fitted)


# ── the choice ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_clear(one: _Candidate, change: Floats) -> bool:
    """Tell whether the change inside is positive and at least twice what is left outside, on either side."""
    inside, outside = _inside_outside(one)
    if one.form is Form.BAND:  # one level was fitted to both sides: a growth would hide in their mean
        outside = max(median(change[: one.first]), median(change[one.last + 1 :]))
    limit = NOTHING if one.form is Form.OVERFLOW else CLEAR
    return inside > 0 and outside <= limit * inside


def _inside_outside(one: _Candidate) -> tuple[float, float]:
    """Give the fitted change of the affected range and of the rest; of growth, at the high and at the low end."""
    if one.form is Form.EVERYWHERE:
        return float(one.fitted[0]), 0.0
    if one.form in {Form.GROWTH, Form.OVERFLOW, Form.EXPONENT}:
        return float(one.fitted[-1]), float(one.fitted[0])
    outside = one.fitted[0] if one.first > 0 else one.fitted[-1]
    return float(one.fitted[one.first]), float(outside)


def _as_fit(one: _Candidate, change: Floats) -> Fit:
    inside, outside = _inside_outside(one)
    scatter = float(np.sqrt(((change - one.fitted) ** 2).mean()))
    return Fit(form=one.form, first=one.first, last=one.last, inside=inside, outside=outside, scatter=scatter)
