"""What was chosen because it stands out is smaller than it looks: the winner's curse, taken into the interval.

In: a change in standard errors, its chance, and the largest chance that would have been a finding. Out: how far the
truth may lie below it. The estimate of a finding is a normal one of which only what is beyond the criterion is ever
seen; its lower limit is the truth at which so large a value, among those that are seen, has a probability of 2.5 %.

References
----------
Zhong & Prentice, Biostatistics 9 (2008) 621-634, doi:10.1093/biostatistics/kxn001.
"""

from __future__ import annotations

import math
from statistics import NormalDist

SIDE = 0.025
"""Probability on either side of an interval of 95 %."""

PLAIN = NormalDist().inv_cdf(1 - SIDE)
"""Standard errors to the limit of what was not chosen."""

FAR = 3.0
"""Standard errors beyond the criterion from which being chosen makes no difference."""

_STEPS = 30
_LEAST_P = 1e-300


def lower_reach(deviate: float, p: float | None, most: float) -> float:
    """Return the distance to the lower limit in standard errors, no farther than to zero and no less than `PLAIN`.

    Parameters
    ----------
    deviate : float
        The change in its standard errors, above zero.
    p, most : float
        Its chance, and the largest that is a finding; with None nothing was chosen by chance.
    """
    if p is None or not 0 < p < 1 or not 0 < most < 1:
        return PLAIN
    beyond = max(_quantile(p) - _quantile(most), 0.0)
    if beyond >= FAR or deviate <= PLAIN:
        return PLAIN
    near, far = PLAIN, deviate
    for _ in range(_STEPS):
        middle = (near + far) / 2
        near, far = (middle, far) if _above(middle) > SIDE * _above(middle - beyond) else (near, middle)
    return far


def _quantile(tail: float) -> float:
    """Return the deviate that a normal value exceeds with a probability."""
    return -NormalDist().inv_cdf(max(tail, _LEAST_P))


def _above(deviate: float) -> float:
    return math.erfc(deviate / math.sqrt(2)) / 2
