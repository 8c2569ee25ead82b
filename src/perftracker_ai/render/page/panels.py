"""The small multiples of a cluster: its curves, and for comparison the curves of the same test that did not change.

In: a `View` and a cluster. Out: `Html` figures in the order metric, threads, all on one x axis. What is drawn is chosen
here; how, in `perftracker_ai.render.svg`.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.model import BASELINE, CANDIDATE, Absence, Direction
from perftracker_ai.render import phrases, svg
from perftracker_ai.render.page import facts
from perftracker_ai.render.page.markup import Html, el, join
from perftracker_ai.report.view import labels
from perftracker_ai.stats import distinct, median
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import (
    format_change,
    format_load,
    format_number,
    format_range,
    format_value,
    plural,
    unit_of,
)
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Cluster, Curve, CurveSet, Window
    from perftracker_ai.report.view import Finding, View

    Floats = NDArray[np.float64]

PER_CLUSTER = 6
FEWEST_POINTS = 3
BAND_SIGMAS = 1.96
"""Half width of the noise band: 95 % of normal noise."""
BAND_ROOM = 1.3
"""How far beyond the curves an axis may reach, as a factor, to show the noise band."""

_PREFIXED = frozenset({"s", "B", "B/s", "s/op", "B/op"})
_NOUGHTS = re.compile(r"\.0+(?!\d)|(?<=\.\d)0+(?!\d)")
_LABEL = 28


def panels(shown: View, cluster: Cluster) -> Html:
    """Return the figures of a cluster; nothing when none of its curves has an axis of loads."""
    findings = chosen(shown, cluster)
    if not findings:
        return Html("")
    axes = _x_axes(shown, findings)
    position = facts.position(shown.analysis, cluster)
    drawn = [_figure(shown, cluster, one, f"p{position}-{one.curve.index}", axes[_axis(one.curve)]) for one in findings]
    left_out = sum(_drawable(shown.by_curve[index]) for index in cluster.curves) - len(
        {one.curve.index for one in findings} & set(cluster.curves)
    )
    rest = el("p", f"… and {plural(left_out, 'curve')} more of this issue, in the table of all curves.", class_="more")
    return Html(el("div", *drawn, class_="panels") + (rest if left_out else ""))


def chosen(shown: View, cluster: Cluster) -> list[Finding]:
    """Return the findings to draw: the cluster's own, then unchanged curves of its tests while there is room."""
    own = [shown.by_curve[index] for index in cluster.curves]
    scenarios, members = set(cluster.scenarios), set(cluster.curves)
    beside = [
        finding
        for finding in shown.by_curve.values()
        if finding.curve.endpoint == cluster.endpoint
        and finding.curve.scenario in scenarios
        and finding.curve.index not in members
    ]
    beside.sort(key=lambda finding: _order(finding.curve))
    found = [finding for finding in (*own, *beside) if _drawable(finding)][:PER_CLUSTER]
    return sorted(found, key=lambda finding: _order(finding.curve))


def _drawable(finding: Finding) -> bool:
    curve = finding.curve
    return not curve.scalar and curve.stop - curve.start >= FEWEST_POINTS


def _order(curve: Curve) -> tuple[str, str, str, int, int]:
    return curve.scenario, curve.metric_kind.value, curve.statistic, curve.threads or 0, curve.index


class _Axis(msgspec.Struct, frozen=True):
    """What curves drawn on one x axis have in common."""

    loads: Floats  # of all of them, ascending
    log: bool


def _axis(curve: Curve) -> tuple[str, bool]:
    """Return what two curves must share to be drawn on one x axis."""
    return curve.load_unit, curve.numbered


def _x_axes(shown: View, findings: list[Finding]) -> dict[tuple[str, bool], _Axis]:
    """Return the x axis of all curves that share one."""
    together: dict[tuple[str, bool], list[Floats]] = {}
    for finding in findings:
        curve = finding.curve
        together.setdefault(_axis(curve), []).append(shown.analysis.curves.load[curve.start : curve.stop])
    every = {axis: distinct(np.concatenate(loads)) for axis, loads in together.items()}
    return {axis: _Axis(loads, axis[1] and svg.geometric(loads)) for axis, loads in every.items()}


# ── one figure ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _figure(shown: View, cluster: Cluster, finding: Finding, name: str, axis: _Axis) -> Html:
    member = finding.curve.index in cluster.curves
    caption = el(
        "figcaption",
        el("span", el("b", clean(wording.metric_name(finding.curve), _LABEL)), _beside(finding), class_="what"),
        _change(finding),
    )
    drawing = svg.panel(_panel(shown, finding, name, axis))
    kind = "panel" if member else "panel beside"
    return el("figure", caption, drawing, class_=kind, data_fact=facts.of_curve(finding.curve.index))


def _beside(finding: Finding) -> str:
    """Return what stands behind the metric in a caption: unit, threads."""
    curve = finding.curve
    unit = "" if curve.base_unit in _PREFIXED else f", {clean(unit_of(curve.base_unit, curve.unit), 12)}"
    return unit + (f" · {phrases.threads((curve.threads,))}" if curve.threads else "")


def _change(finding: Finding) -> Html:
    """Return the change over the window that stands for the curve, or the outcome where there is none."""
    window = finding.window
    if window is None:
        return el("span", finding.result.outcome.value, class_="none")
    kind = finding.result.severity or finding.result.outcome
    fact = facts.of_window(finding, "median_slowdown")
    return el("span", format_change(window.median_slowdown), class_=f"num {kind.value}", data_fact=fact)


def _panel(shown: View, finding: Finding, name: str, axis: _Axis) -> svg.Panel:
    curves, curve = shown.analysis.curves, finding.curve
    part = slice(curve.start, curve.stop)
    baseline, candidate = curves.mean[BASELINE, part], curves.mean[CANDIDATE, part]
    band = _band(curves, finding)
    values = _finite(baseline, candidate)
    log = svg.log_fits(values)
    ends = svg.value_range(_with_band(values, band), log=log)
    return svg.Panel(
        name=name,
        title=clean(curve.tag),
        description=_description(shown, finding),
        x=curves.load[part],
        x_range=(float(axis.loads[0]), float(axis.loads[-1])),
        x_log=axis.log,
        x_labels=_x_labels(curves, curve, axis.loads),
        baseline=baseline,
        candidate=candidate,
        band=band,
        shades=tuple(_shade(curves, window) for window in finding.result.windows),
        tick_text=tuple((value, _tick(curve, value)) for value in svg.ticks(*ends, log=log)),
        y_range=ends,
        y_log=log,
    )


def _finite(*values: Floats) -> Floats:
    together = np.concatenate(values)
    return together[np.isfinite(together)]


def _with_band(values: Floats, band: tuple[Floats, Floats] | None) -> Floats:
    """Add the noise band to what an axis must hold, as far as it does not flatten the curves."""
    if band is None or not len(values):
        return values
    least, most = values.min() / BAND_ROOM, values.max() * BAND_ROOM
    return np.concatenate((values, np.minimum(np.maximum(_finite(*band), least), most)))


def _shade(curves: CurveSet, window: Window) -> svg.Shade:
    first, last = float(curves.load[window.first]), float(curves.load[window.last])
    return svg.Shade(first=first, last=last, kind=window.direction.value)


def _band(curves: CurveSet, finding: Finding) -> tuple[Floats, Floats] | None:
    """Return where noise alone would put the candidate: about the baseline's runs, moved by the run-wide shift."""
    curve, result = finding.curve, finding.result
    if result.noise is None:
        return None
    runs = curves.rows[0]
    values = curves.mean[runs, curve.start : curve.stop]
    middle = median(values, axis=0) if len(runs) > 1 else values[0]
    centre = np.where(values[0] > 0, middle, np.nan)
    centre *= (1 + result.shift) if curve.less_better else 1 / (1 + result.shift)
    spread = math.exp(BAND_SIGMAS * result.noise)
    return centre / spread, centre * spread


def _tick(curve: Curve, value: float) -> str:
    """Return the label of a tick: a round number, without noughts behind the point."""
    shown = format_value(value, curve.base_unit) if curve.base_unit in _PREFIXED else format_number(value)
    return "0" if value == 0 else _NOUGHTS.sub("", shown)


def _x_labels(curves: CurveSet, curve: Curve, loads: Floats) -> tuple[str, str]:
    if not curve.numbered:
        return clean(curves.label[curve.start], _LABEL), clean(curves.label[curve.stop - 1], _LABEL)
    return format_load(float(loads[0])), f"{format_load(float(loads[-1]))} {clean(curve.load_unit, _LABEL)}".strip()


# ── in words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _description(shown: View, finding: Finding) -> str:
    """Say what the drawing shows to somebody who cannot see it."""
    curves, curve = shown.analysis.curves, finding.curve
    better = "Lower" if curve.less_better else "Higher"
    windows = [_window(shown, finding, window) for window in finding.result.windows]
    changed = f"Affected: {listing(windows)}." if windows else f"The curve is {finding.result.outcome.value}."
    absent = [_absent(curves, curve, run, name) for run, name in ((BASELINE, "baseline"), (CANDIDATE, "candidate"))]
    return " ".join(filter(None, (f"{better} is better.", changed, *absent)))


def _window(shown: View, finding: Finding, window: Window) -> str:
    first, last = (clean(label, phrases.LABEL_LIMIT) for label in labels(shown, finding.curve, window))
    way = "worse" if window.direction is Direction.WORSE else "better"
    return f"{format_range(first, last)}, {format_change(window.median_slowdown)} {way} in the median"


def _absent(curves: CurveSet, curve: Curve, run: int, name: str) -> str:
    reasons = curves.absence[run, curve.start : curve.stop].tolist()
    missing = [reason for reason in reasons if reason]
    if not missing:
        return ""
    kinds = sorted({Absence(reason).name.lower().replace("_", " ") for reason in missing})
    return f"The {name} has no value at {plural(len(missing), 'load')} ({listing(kinds)})."


def legend(more: Sequence[tuple[str, str, str]] = ()) -> Html:
    """Return what lines, areas and marks mean, once for all figures; `more` are marks of other drawings."""
    kinds = (
        ("base", "M2 10H38", "baseline"),
        ("cand", "M2 10H38", "candidate"),
        ("band", "M2 3H38V17H2z", "where noise alone would put 95 % of the candidate's points"),
        ("shade worse", "M2 1H38V19H2z", "worse over these loads"),
        ("shade better", "M2 1H38V19H2z", "better over these loads"),
        ("gone-cand", "M15 5l10 10m0-10l-10 10", "no value"),
        *more,
    )
    items = [
        el("li", Html(f'<svg viewBox="0 0 40 20" aria-hidden="true">{svg.path(drawn, kind)}</svg>'), text)
        for kind, drawn, text in kinds
    ]
    return el("ul", join(items), class_="legend", aria_label="Legend of the charts")


def shades(finding: Finding) -> Sequence[tuple[int, int, str]]:
    """Return the windows of a finding as positions along its curve, for a sparkline."""
    start = finding.curve.start
    return [(one.first - start, one.last - start, one.direction.value) for one in finding.result.windows]


def sparks(shown: View, least: float) -> svg.Sparks:
    """Place the sparklines of all curves, net of the run-wide shift."""
    curves = shown.analysis.curves.curves
    start = np.array([*(curve.start for curve in curves), len(shown.slowdown)])
    shift = np.repeat([result.shift for result in shown.analysis.detection.results], np.diff(start))
    return svg.sparks((1 + shown.slowdown) / (1 + shift) - 1, start, least)


def spark(placed: svg.Sparks, finding: Finding) -> Html:
    """Return the sparkline of a curve; nothing where there are too few loads for a line."""
    if not _drawable(finding) or not finding.result.points:
        return Html("")
    return svg.sparkline(placed, finding.curve.index, shades(finding))
