"""The ranges that numbers of the model can have; msgspec asks for them where saved results are read back.

Whoever computes is not asked: what a stage returns is within them by what the stages before it let through.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

SMALLEST, LARGEST = 1e-24, 1e24
"""What a measurement can be, in its base unit: a yoctosecond, a yottabyte.

Beyond stand what C programs write for "no value" (``DBL_MAX``, ``FLT_MAX``, a number before it was set), whatever unit
they come in. Within, squares and ratios of any two values have all their digits.
"""

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""How many there are, or the position of one."""
Number = Annotated[float, Meta(ge=-1e50, le=1e50)]
"""A number that can be calculated with: ratios of two measurements are within."""
Slowdown = Annotated[float, Meta(ge=-1, le=1e50)]
"""Cost after over cost before, minus one."""
Share = Annotated[float, Meta(ge=0, le=1)]
"""A part of a whole, or a probability."""
CurveId = Annotated[str, Meta(pattern=r"^[A-Z][0-9]{1,18}\Z")]
"""What a curve is called in one comparison."""
Key = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,90}\Z")]
"""What an issue is called in every comparison."""
Seconds = Annotated[float, Meta(ge=-62_135_596_800, lt=253_402_300_800)]
"""Seconds since 1970, of the years 1 to 9999."""
