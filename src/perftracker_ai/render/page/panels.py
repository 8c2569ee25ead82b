"""The small multiples of a cluster: its curves, and for comparison the curves of the same test that did not change.

In: a `View` and a cluster. Out: `Html` figures in the order metric, threads, all on one x axis and one kind of y axis,
each with its values as a table and to take along. What is drawn is chosen here; how, in `perftracker_ai.render.svg`.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
import numpy as np

from perftracker_ai.model import BASELINE, CANDIDATE, Absence, Direction, Outcome
from perftracker_ai.model.checks import CALENDAR, DisturbedStretch
from perftracker_ai.render import svg
from perftracker_ai.render.page.markup import Html, el, escaped, join
from perftracker_ai.report.curve import change
from perftracker_ai.report.view import labels
from perftracker_ai.stats import distinct, median, quantile
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import (
    UNKNOWN,
    format_change,
    format_column,
    format_load,
    format_range,
    format_value,
    plural,
    unit_of,
)
from perftracker_ai.words.text import clean, csv_cell, listing, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Cluster, Curve, CurveSet, Severity, Window
    from perftracker_ai.report.view import Finding, View

    Floats = NDArray[np.float64]

PER_CLUSTER, SEEN = 6, 4
"""Charts of an issue, and those of them that are not folded away."""
FEWEST_POINTS = 3
BAND_SIGMAS = 1.96
"""Half width of the noise band: 95 % of normal noise."""
BAND_ROOM = 1.3
"""How far beyond the curves an axis may reach, as a factor, to show the noise band."""
SPIKE = 2.0
"""How far above what surrounds it, as a factor, a single point makes an axis no longer; it is clipped and marked."""

PREFIXED = frozenset({"s", "B", "B/s", "s/op", "B/op"})
_NOUGHTS = re.compile(r"\.0+(?!\d)|(?<=\.\d)0+(?!\d)")
_LABEL, _TEXT = 28, 60


def panels(shown: View, cluster: Cluster) -> Html:
    """Return the figures of a cluster; nothing when none of its curves has an axis of loads."""
    findings = chosen(shown, cluster)
    if not findings:
        return Html("")
    axes, log = _x_axes(shown, findings), _shares_log(shown, findings)
    position = next(at for at, other in enumerate(shown.analysis.clusters) if other is cluster)
    first = {one.curve.index for one in sorted(findings, key=lambda one: _weight(cluster, one))[:SEEN]}
    seen: list[Html] = []
    folded: list[Html] = []
    for one in findings:
        drawn = _figure(shown, cluster, one, f"p{position}-{one.curve.index}", (axes[_axis(one.curve)], log))
        (seen if one.curve.index in first else folded).append(drawn)
    left_out = sum(_drawable(shown.by_curve[index]) for index in cluster.curves) - len(
        {one.curve.index for one in findings} & set(cluster.curves)
    )
    rest = el("p", f"… and {plural(left_out, 'curve')} more of this issue, in the table of all curves.", class_="more")
    charts = el("div", *seen, class_="panels", id=f"p{position}-charts")
    return el("div", charts, *_folded(folded), *((rest,) if left_out else ()), data_fact=f"/clusters/{position}")


def _weight(cluster: Cluster, finding: Finding) -> tuple[bool, float]:
    """Order the curves of an issue by how much they changed, those that only stand beside it last."""
    window = finding.window
    return finding.curve.index not in cluster.curves, -abs(window.median_slowdown) if window else 0.0


def _folded(drawn: list[Html]) -> Iterator[Html]:
    if drawn:
        summary = el("summary", plural(len(drawn), "more chart"))
        yield el("details", summary, el("div", *drawn, class_="panels"), class_="more-charts")


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


def _shares_log(shown: View, findings: list[Finding]) -> bool:
    """Tell whether the y axes of an issue are logarithmic: all or none, so that their slopes compare."""
    every = [_finite(*_values(shown, one)) for one in findings]
    return all(len(one) and one.min() > 0 for one in every) and any(svg.log_fits(unspiked(one)) for one in every)


def unspiked(values: Floats) -> Floats:
    """Leave out the outermost fortieth at both ends, so that a spike does not choose the axis."""
    return values[(values >= quantile(values, 0.025)) & (values <= quantile(values, 0.975))]


def _values(shown: View, finding: Finding) -> tuple[Floats, Floats]:
    part = slice(finding.curve.start, finding.curve.stop)
    mean = shown.analysis.curves.mean
    return mean[BASELINE, part], mean[CANDIDATE, part]


# ── one figure ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _figure(shown: View, cluster: Cluster, finding: Finding, name: str, axes: tuple[_Axis, bool]) -> Html:
    """Return a chart with its caption, its values behind it, and the links that enlarge it and take it along."""
    member = finding.curve.index in cluster.curves
    what = el("b", clean(wording.metric_name(finding.curve), _LABEL))
    caption = el("figcaption", el("span", what, _beside(finding), class_="what"), _change(finding))
    drawing = svg.panel(_panel(shown, finding, name, axes))
    parts = (caption, drawing, _tools(shown, finding, name), _table(shown, finding))
    kind = "panel" if member else "panel beside"
    return el("figure", *parts, class_=kind, id=name, data_fact=f"/curves/{finding.curve.index}")


def _beside(finding: Finding) -> str:
    """Return what stands behind the metric in a caption: unit, threads."""
    curve = finding.curve
    unit = "" if curve.base_unit in PREFIXED else f", {clean(unit_of(curve.base_unit, curve.unit), 12)}"
    return unit + (f" · {plural(curve.threads, 'thread')}" if curve.threads else "")


def _change(finding: Finding) -> Html:
    """Return the change over the window that stands for the curve, or the outcome where there is none."""
    window, curve, result = finding.window, finding.curve, finding.result
    if window is None:
        return el("span", result.outcome.value, class_="none")
    text = change(curve, window.median_slowdown)
    fact = f"/curves/{curve.index}/result/windows/{result.worst or 0}/median_slowdown"
    return el("span", text, class_=f"num {accent(result.severity or result.outcome)}", data_fact=fact)


def accent(kind: Severity | Outcome) -> str:
    """Return the class that colours a severity or an outcome; what is neither good nor bad has none of its own."""
    return "neutral" if kind in {Outcome.MOVED, Outcome.CHANGED} else kind.value


def _panel(shown: View, finding: Finding, name: str, axes: tuple[_Axis, bool]) -> svg.Panel:
    curves, curve, (axis, log) = shown.analysis.curves, finding.curve, axes
    baseline, candidate = _values(shown, finding)
    band = _band(curves, finding)
    ends = svg.value_range(_with_band(tamed(baseline, candidate), band), log=log)
    bands = tuple(_episodes(shown, curve))
    return svg.Panel(
        name=name,
        title=clean(curve.tag),
        description=_description(shown, finding, ends, bands),
        x=curves.load[curve.start : curve.stop],
        x_range=(float(axis.loads[0]), float(axis.loads[-1])),
        x_log=axis.log,
        x_ticks=_x_ticks(curves, curve, axis, finding.result.windows),
        x_unit=clean(curve.load_unit, _LABEL),
        baseline=baseline,
        candidate=candidate,
        band=band,
        shades=tuple(_shade(curves, window) for window in finding.result.windows),
        episodes=bands,
        onsets=(),
        tick_text=y_ticks(curve.base_unit, svg.ticks(*ends, log=log)),
        y_range=ends,
        y_log=log,
    )


def tamed(*lines: Floats) -> Floats:
    """Return values with single spikes cut down to what surrounds them: they must not flatten all the rest."""
    every = np.concatenate([_surrounding(line) for line in lines])
    known = _finite(*lines)
    if not len(every) or not len(known):
        return known
    most, least = float(every.max()) * SPIKE, float(every.min()) / SPIKE
    return known[(known <= most) & ((known >= least) | (every.min() <= 0))] if most > 0 else known


def _surrounding(line: Floats) -> Floats:
    """Return the median of every point and two on either side; as they are where there are fewer than five."""
    values, width = _finite(line), 5
    if len(values) < width:
        return values
    padded = np.concatenate((values[:2], values, values[-2:]))
    middle: Floats = median(np.stack([padded[at : at + len(values)] for at in range(width)]), axis=0)
    return middle


def _episodes(shown: View, curve: Curve) -> Iterator[svg.Episode]:
    """Yield where a run was disturbed while this curve was measured, with the time of the day."""
    for check in shown.analysis.validity:
        if isinstance(check, DisturbedStretch):
            yield from _episode(shown, curve, check)


def _episode(shown: View, curve: Curve, check: DisturbedStretch) -> Iterator[svg.Episode]:
    analysis, part = shown.analysis, slice(curve.start, curve.stop)
    curves = analysis.curves
    drawn = ((BASELINE, "baseline", analysis.baseline), (CANDIDATE, "candidate", analysis.candidate))
    for row, role, job in drawn:  # of a rerun there is no line that a band could explain
        inside = (curves.end[row, part] >= check.begin) & (curves.begin[row, part] <= check.end)
        loads = curves.load[part][inside]
        if job.id in check.jobs and len(loads):
            text = f"{role}: {check.kind}{_clock(check.begin, check.end)}"
            yield svg.Episode(first=float(loads[0]), last=float(loads[-1]), text=text)


def _clock(begin: float, end: float) -> str:
    """Return a stretch of time as it stood on the clock; nothing where times are mere places in an order."""
    if begin < CALENDAR:
        return ""
    first, last = (datetime.fromtimestamp(moment, UTC) for moment in (begin, end))
    return f" {first:%H:%M}–{last:%H:%M} UTC"


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


def y_ticks(base_unit: str, ticks: tuple[float, ...]) -> tuple[tuple[float, str], ...]:
    """Return round numbers with their labels, all in one unit, without noughts behind the point."""
    unit, (texts,) = format_column((np.array(ticks),), base_unit)
    behind = f" {unit}" if base_unit in PREFIXED else ""
    return tuple(
        (value, f"{_NOUGHTS.sub('', text)}{behind}" if value else "0") for value, text in zip(ticks, texts, strict=True)
    )


def _x_ticks(curves: CurveSet, curve: Curve, axis: _Axis, windows: Sequence[Window]) -> tuple[tuple[float, str], ...]:
    """Return loads to name, the most wanted first: ends of affected ranges, ends of the axis, round loads between."""
    inner = [float(curves.load[at]) for window in windows for at in (window.first, window.last)]
    low, high = float(axis.loads[0]), float(axis.loads[-1])
    wanted = dict.fromkeys((*inner, low, high))
    if curve.numbered:
        wanted |= dict.fromkeys(svg.ticks(low, high, log=axis.log) if low < high else ())
        return tuple((load, format_load(load)) for load in wanted)
    label = dict(
        zip(curves.load[curve.start : curve.stop].tolist(), curves.label[curve.start : curve.stop], strict=True)
    )
    return tuple((load, clean(label[load], _LABEL)) for load in wanted if load in label)


# ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _table(shown: View, finding: Finding) -> Html:
    """Return every value of a chart as a table, folded: load, baseline, candidate, slowdown."""
    baseline, candidate = _values(shown, finding)
    curve, part = finding.curve, slice(finding.curve.start, finding.curve.stop)
    unit, (before, after) = format_column((baseline, candidate), curve.base_unit, curve.unit)
    behind = f", {clean(unit, _LABEL)}" if unit else ""
    heads = ("load", f"baseline{behind}", f"candidate{behind}", "slowdown")
    head = el("thead", el("tr", *(el("th", text.capitalize(), scope="col") for text in heads)))
    slower = map(_slower, shown.slowdown[part].tolist())
    rows = zip(_loads(shown.analysis.curves, curve), before, after, slower, strict=True)
    cells = "".join([f"<tr><th>{load}</th><td>{a}</td><td>{b}</td><td>{c}</td></tr>" for load, a, b, c in rows])
    table = el("table", head, el("tbody", Html(cells)))
    return el("details", el("summary", "Values"), table, class_="values-of")


def _slower(slowdown: float) -> str:
    return format_change(slowdown) if math.isfinite(slowdown) else UNKNOWN


def _loads(curves: CurveSet, curve: Curve) -> Iterable[str]:
    if curve.numbered:
        return map(format_load, curves.load[curve.start : curve.stop].tolist())
    return (escaped(clean(label, _TEXT)) for label in curves.label[curve.start : curve.stop])


def _tools(shown: View, finding: Finding, name: str) -> Html:
    """Return what can be done with a chart: see it large, which needs no script, and take its values along."""
    file = f"curve-{finding.curve.index}.csv"
    large = el("a", "Enlarge", href=f"#{name}", class_="open")
    close = el("a", "Close", href=f"#{name.partition('-')[0]}-charts", class_="close")
    csv = Html(f'<a download="{file}" href="data:text/csv;charset=utf-8,{_csv(shown, finding)}">CSV</a>')
    return el("p", large, close, csv, class_="tools")


def _csv(shown: View, finding: Finding) -> str:
    """Return the values of a chart as CSV, unrounded as far as it matters, ready to stand in an address."""
    curve, part = finding.curve, slice(finding.curve.start, finding.curve.stop)
    unit = clean(curve.base_unit, _LABEL)
    heads = (f"load {clean(curve.load_unit, _LABEL)}".strip(), f"baseline {unit}", f"candidate {unit}", "slowdown")
    loads = (
        map(format_load, shown.analysis.curves.load[part].tolist())
        if curve.numbered
        else (quote(csv_cell(clean(label, _TEXT)), safe="") for label in shown.analysis.curves.label[part])
    )
    columns = (*_values(shown, finding), shown.slowdown[part])
    rows = zip(loads, *(_numbers(column.tolist()) for column in columns), strict=True)
    return "%0A".join([quote(",".join(map(csv_cell, heads)), safe=",."), *map(",".join, rows), ""])


def _numbers(values: list[float]) -> list[str]:
    """Return numbers that need no escape in an address."""
    return [f"{value:.6g}".replace("+", "") if math.isfinite(value) else "" for value in values]


# ── in words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _description(shown: View, finding: Finding, ends: tuple[float, float], bands: Sequence[svg.Episode]) -> str:
    """Say what the drawing shows to somebody who cannot see it."""
    curves, curve = shown.analysis.curves, finding.curve
    windows = [_window(shown, finding, window) for window in finding.result.windows]
    changed = f"Affected: {listing(windows)}." if windows else f"The curve is {finding.result.outcome.value}."
    absent = [_absent(curves, curve, run, name) for run, name in ((BASELINE, "baseline"), (CANDIDATE, "candidate"))]
    told = (
        f"{wording.better_way(curve).capitalize()}.",
        changed,
        *absent,
        _clipped(shown, finding, ends),
        *_disturbed(curve, bands),
    )
    return " ".join(filter(None, told))


def _clipped(shown: View, finding: Finding, ends: tuple[float, float]) -> str:
    """Tell how many points lie beyond the axis, and how far; empty for none."""
    values = _finite(*_values(shown, finding))
    beyond = values[(values < ends[0]) | (values > ends[1])]
    if not len(beyond):
        return ""
    farthest = format_value(float(beyond.max()), finding.curve.base_unit, finding.curve.unit)
    return f"Beyond the axis: {plural(len(beyond), 'point')}, up to {clean(farthest)}."


def _disturbed(curve: Curve, bands: Sequence[svg.Episode]) -> Iterator[str]:
    for one in bands:
        first, last = (
            f"{format_load(load)} {clean(curve.load_unit, _LABEL)}".strip() for load in (one.first, one.last)
        )
        yield sentence(f"{one.text}: at {format_range(first, last) if curve.numbered else 'some loads'}")


def _window(shown: View, finding: Finding, window: Window) -> str:
    first, last = (clean(label, _TEXT) for label in labels(shown, finding.curve, window))
    way = "" if window.direction is Direction.UNKNOWN else f" {window.direction.value}"
    return f"{format_range(first, last)}, {format_change(window.median_slowdown)}{way} in the median"


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
        ("episode", "M2 1H38V19H2z", "measured while the run was disturbed"),
        ("cut", "M20 4l7 12h-14z", "beyond the axis"),
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
    """Place the sparklines of all curves, net of the run-wide shift and on one scale, so that they compare."""
    curves, results = shown.analysis.curves.curves, shown.analysis.detection.results
    start = np.array([*(curve.start for curve in curves), len(shown.slowdown)])
    shift = np.repeat([result.shift for result in results], np.diff(start))
    sizes = [abs(math.log1p(max(one.median_slowdown, -0.99))) for result in results for one in result.windows]
    reach = min(max([math.log1p(least), *sizes]) * 1.15, math.log(10))
    return svg.sparks((1 + shown.slowdown) / (1 + shift) - 1, start, reach)


def scale_text(placed: svg.Sparks) -> str:
    """Return what the ends of the sparklines' one scale are."""
    return f"{format_change(math.expm1(-placed.reach))} to {format_change(math.expm1(placed.reach))}"


def spark(placed: svg.Sparks, finding: Finding) -> Html:
    """Return the sparkline of a curve; nothing where there are too few loads for a line."""
    if not _drawable(finding) or not finding.result.points:
        return Html("")
    return svg.sparkline(placed, finding.curve.index, shades(finding))
