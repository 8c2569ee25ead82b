"""What would decide a curve that could not be told about.

In: the level of the curve, its standard error and the margin. Out: a `Need`, and its words, stated here once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.detect.chance import RULE_P
from perftracker_ai.detect.windows import LEVEL
from perftracker_ai.model import Cause
from perftracker_ai.stats import t_quantile
from perftracker_ai.words.numbers import format_value, plural

if TYPE_CHECKING:
    from perftracker_ai.settings import DetectSettings

SENSIBLE_RUNS = 10
"""Further runs of each version that anyone would make to decide one curve, at most."""

LARGE = 1e6
"""Degrees of freedom of what so many runs would know."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """Why a curve could not be told about; `runs` more of each version would decide it, None where none would."""

    cause: Cause
    runs: int | None


def needed(level: float, error: float, settings: DetectSettings, *, silenced: bool) -> Need:
    """Say what would decide a curve that could not be told about.

    Parameters
    ----------
    level, error : float
        Level of the curve on the log scale and its standard error; NaN without a common load.
    silenced : bool
        Whether it did change, by less than the smallest time that counts.
    """
    if silenced:
        return Need(cause=Cause.SMALL_TIME, runs=None)
    if not (math.isfinite(level) and math.isfinite(error)):
        return Need(cause=Cause.NOTHING_SHARED, runs=None)
    runs = _more_runs(abs(level), error, math.log1p(settings.moderate))
    return Need(cause=Cause.TOO_NOISY, runs=None) if runs > SENSIBLE_RUNS else Need(cause=Cause.FEW_RUNS, runs=runs)


def _more_runs(level: float, error: float, margin: float) -> int:
    """Count the runs of each version, beside those there are, after which the curve is on one side of the margin.

    So many runs of each version divide the variance. A level inside the margin is to keep its interval inside; one
    beyond it is to be out of the reach of chance.
    """
    if level < margin:
        errors = t_quantile((1 - LEVEL) / 2, LARGE)
        return max(_runs(errors * error, max(margin - level, margin / 100)) - 1, 1)
    return max(runs_of_each(level, error) - 1, 1)


def runs_of_each(level: float, error: float) -> int:
    """Count the runs of each version after which a change of this size is out of the reach of chance.

    Parameters
    ----------
    level : float
        The change on the log scale, above zero.
    error : float
        Standard error of what one run of each version tells; so many runs of each divide its square.
    """
    return _runs(t_quantile(RULE_P, LARGE) * error, level)


def _runs(reach: float, room: float) -> int:
    return max(math.ceil(min((reach / room) ** 2, 1e6)), 1)


def need_text(need: Need, shortest: float) -> str:
    """Return what would decide, in words that follow "needs"; ``shortest`` is the smallest time that counts."""
    match need.cause:
        case Cause.NOTHING_SHARED:
            return "a value in both runs at one load at least"
        case Cause.SMALL_TIME:
            limit = format_value(shortest, "s")
            return f"a smaller detect.min_time_change_s: it changed, but by less than {limit}"
        case Cause.TOO_NOISY:
            return "a quieter machine: not decidable on this one with a sensible number of runs"
        case Cause.FEW_RUNS:
            return f"about {plural(need.runs or 1, 'more run')} of each version"
