"""Trends: when the level of a measured quantity changed, what crept in, and what only looks like it.

`find_trends` takes `Series`, any number, of any lengths, and gives a `Trend` each. Pure and deterministic: a series
gets the same trend alone and among thousands. Refuses nothing: what cannot be told is said to be too short or bimodal.
One series is one hardware; the caller splits. `patterns` says in a reader's words what the curves of a `Timeline` did,
and `chronicle` besides since when the regressions of a comparison are there.
"""

from __future__ import annotations

from perftracker_ai.trends.course import patterns, places
from perftracker_ai.trends.engine import LEAST_CHANGE, find_trends
from perftracker_ai.trends.since import chronicle
from perftracker_ai.trends.vocabulary import Change, DriftEstimate, Flaky, Modes, Segment, Series, Trend, TrendState

__all__ = [
    "LEAST_CHANGE",
    "Change",
    "DriftEstimate",
    "Flaky",
    "Modes",
    "Segment",
    "Series",
    "Trend",
    "TrendState",
    "chronicle",
    "find_trends",
    "patterns",
    "places",
]
