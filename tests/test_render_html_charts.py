"""The charts: where lines break, which axis fits, what is marked, and what is said to those who cannot see them."""

import csv
import itertools
import math
import re
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import unquote

import numpy as np
import pytest
from analyses import Plan, analysis, decision, failed_check, improved, regressed, typical
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from perftracker_ai.model import Absence, MetricKind, Verdict
from perftracker_ai.model.checks import DriftingRun, Episode
from perftracker_ai.render import svg
from perftracker_ai.render.page import panels
from perftracker_ai.report.view import view, worsened
from perftracker_ai.words.numbers import format_change
from perftracker_ai.words.text import clean, csv_cell

NAN = float("nan")


def array(*values):
    return np.array(values, dtype=float)


def first_panel(made):
    """The figures of the worst issue of an analysis."""
    shown = view(made)
    return str(panels.panels(shown, worsened(shown)[0]))


# ── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("y", "commands"),
    [
        (array(1, 2, 3), "M0 1l10 1 10 1"),
        (array(1, NAN, 3), "M0 1h0M20 3h0"),
        (array(NAN, 2, 3), "M10 2l10 1"),
        (array(NAN, NAN, NAN), ""),
        (array(), ""),
    ],
    ids=["whole", "gap", "late start", "nothing", "no points"],
)
def test_a_line_is_never_drawn_over_a_missing_point(y, commands):
    """A line stops where a run has no value and goes on behind it; a lone point stays visible as a dot."""
    assert svg.line(np.arange(len(y)) * 10.0, y) == commands


def test_an_area_is_broken_as_its_edges_are():
    """The noise band has no part where either edge is unknown."""
    assert svg.area(array(0, 1, 2), array(1, 2, NAN), array(5, 6, 7)) == "M0 1l1 1 0 4 -1 -1z"


# ── axes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("values", "log"),
    [(array(1, 30), True), (array(1, 10), False), (array(0, 100), False), (array(-1, 100), False), (array(), False)],
    ids=["wide", "narrow", "zero", "negative", "nothing"],
)
def test_value_axis_is_logarithmic_where_values_span_decades(values, log):
    """Only positive values spread over more than a decade get a logarithmic axis."""
    assert svg.log_fits(values) is log


@pytest.mark.parametrize(
    ("loads", "fits"),
    [(array(1, 10, 100, 1000), True), (np.arange(1, 60) * 1000.0, False), (array(1, 1000), False)],
    ids=["by ratio", "by difference", "two loads"],
)
def test_load_axis_follows_the_spacing_of_the_loads(loads, fits):
    """Loads spaced by ratio get a logarithmic axis, loads spaced evenly a linear one."""
    assert svg.geometric(loads) is fits


@given(st.floats(1e-9, 1e12), st.floats(1.0, 1e9), st.booleans())
def test_ticks_are_few_ascending_and_on_the_axis(low, ratio, log):
    """Whatever the values, an axis gets between two and seven ticks, ascending, within its ends."""
    if not log:
        low, ends = 0.0, svg.value_range(array(low, low * ratio), log=False)
    else:
        ends = svg.value_range(array(low, low * ratio), log=True)
    found = svg.ticks(*ends, log=log)
    assert 2 <= len(found) <= 7
    assert all(ends[0] <= tick * 1.000001 and tick <= ends[1] * 1.000001 for tick in found)
    assert all(one < other for one, other in pairwise(found))


@pytest.mark.parametrize("values", [array(), array(0, 0), array(-3, -1)], ids=["nothing", "zeros", "negative"])
def test_an_axis_without_extent_still_has_one(values):
    """Values that span nothing, or are all below zero, still give an axis with zero on it."""
    low, high = svg.value_range(values, log=False)
    assert low <= 0 <= high
    assert low < high


# ── panels ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def with_gaps(made, run, points):
    """The same analysis, a run of it failed at some points."""
    curves = made.curves
    for name, value in (("mean", np.nan), ("absence", Absence.FAILED)):
        values = getattr(curves, name)
        values.setflags(write=True)
        values[run, points] = value
    return made


def test_absent_points_are_marked_and_told():
    """A load at which the candidate failed has a cross in the drawing and is told with its reason."""
    made = with_gaps(analysis([regressed()], decision(Verdict.BLOCK)), 1, [2, 3])
    drawn = first_panel(made)
    crosses = re.search(r'class="gone-cand" d="([^"]+)"', drawn)[1]
    assert crosses.count("M") == 2
    assert "The candidate has no value at 2 loads (failed)." in drawn
    assert "gone-base" not in drawn


def test_window_is_shaded_where_it_is():
    """The shaded range begins and ends at the loads of the window, a little room for single loads aside."""
    made = analysis([regressed(first=5, last=9)], decision(Verdict.BLOCK))
    shade = re.search(r'<rect x="(\d+)" y="14" width="(\d+)" height="\d+" class="shade worse">', first_panel(made))
    left, width = int(shade[1]), int(shade[2])
    axis = svg.WIDTH - 12 - 92
    assert left + 5 == round(92 + axis * 5 / 9)
    assert left + width - 5 == 92 + axis


def test_panels_of_a_cluster_share_their_x_axis():
    """Curves of one issue that were measured over different loads are drawn on one axis of all these loads."""
    made = analysis([regressed(threads=1), regressed(threads=4)], decision(Verdict.BLOCK))
    loads = made.curves.load
    loads.setflags(write=True)
    loads[made.curves.curves[1].start : made.curves.curves[1].stop] += 90_000
    drawn = first_panel(made)
    lower, upper = ([int(x) for x in places.split()] for places in re.findall(r'data-x="([\d ]+)"', drawn))
    assert (lower[0], upper[-1]) == (92, svg.WIDTH - 12)
    assert max(lower) < min(upper)


def test_unchanged_sibling_is_drawn_beside_its_issue():
    """A curve of the same test that did not change stands beside those that did, marked as context."""
    drawn = first_panel(analysis([Plan(threads=1), regressed(threads=16)], decision(Verdict.BLOCK)))
    assert re.findall(r'<figure class="([^"]+)" id="\S+" data-fact="([^"]+)"', drawn) == [
        ("panel beside", "/curves/0"),
        ("panel", "/curves/1"),
    ]


def test_panels_of_a_large_cluster_are_counted_not_drawn():
    """A cluster of more curves than there is room for says how many are not drawn."""
    made = analysis([regressed(threads=count) for count in range(1, 11)], decision(Verdict.BLOCK))
    drawn = first_panel(made)
    assert drawn.count("<figure") == panels.PER_CLUSTER
    assert "… and 4 curves more of this issue" in drawn


def test_ends_of_affected_ranges_are_named():
    """Where a range begins and ends inside of the axis, its loads are written, and the axis has both its ends."""
    drawn = first_panel(analysis([regressed(first=4, last=6)], decision(Verdict.BLOCK)))
    names = re.findall(r'<text x="\d+" y="\d+">(\d+)</text>', drawn)
    assert {"1000", "5000", "7000", "10000"} <= set(names)


def test_names_of_loads_never_lie_over_each_other():
    """Of labels that would overlap the less wanted is left out."""
    drawn = first_panel(analysis([regressed(first=8, last=9)], decision(Verdict.BLOCK)))
    spans = [
        (int(x), int(x) + 11 * len(text)) for x, text in re.findall(r'<text x="(\d+)" y="\d+">(\d+)</text>', drawn)
    ]
    assert all(one[1] < other[0] for one, other in pairwise(sorted(spans)))
    assert len(spans) >= 2


def changed(made, run, points, factor):
    """The same analysis with values of a run multiplied at some points."""
    mean = made.curves.mean
    mean.setflags(write=True)
    mean[run, points] *= factor
    return made


def heights(drawn, kind):
    """How far down the points of a line lie, from the steps along it."""
    found = []
    for run in re.search(rf'class="{kind}" d="M([^"]+)"', drawn)[1].split("M"):
        begin, _, steps = run.removesuffix("h0").partition("l")
        found += itertools.accumulate([int(begin.split()[1]), *map(int, steps.split()[1::2])])
    return found


@pytest.mark.parametrize("run", [0, 1])
def test_a_spike_does_not_flatten_its_panel(run):
    """A single value a hundred times as large is clipped, marked and told; all others keep about their height."""
    plans = [regressed(first=5)]
    plain = first_panel(analysis(plans, decision(Verdict.BLOCK)))
    spiked = first_panel(changed(analysis(plans, decision(Verdict.BLOCK)), run, [2], 100.0))
    for kind in ("base", "cand"):
        usual, now = heights(plain, kind), heights(spiked, kind)
        assert [y for at, y in enumerate(now) if at != 2] == pytest.approx(
            [y for at, y in enumerate(usual) if at != 2], abs=60
        )
    assert spiked.count('class="cut"') == 1
    assert "Beyond the axis: 1 point, up to" in spiked
    assert 'class="cut"' not in plain


def test_a_change_of_three_loads_is_no_spike():
    """What is measured at three loads in a row is drawn at its height, however large."""
    drawn = first_panel(changed(analysis([regressed(first=5)], decision(Verdict.BLOCK)), 1, [5, 6, 7], 8.0))
    assert 'class="cut"' not in drawn


def test_panels_of_an_issue_share_their_kind_of_axis():
    """Where one panel of an issue needs a logarithmic axis all have one, and say so; else none has."""
    made = analysis([regressed(threads=1), regressed(threads=4)], decision(Verdict.BLOCK))
    assert "log scale" not in first_panel(made)
    curve = made.curves.curves[1]
    wide = changed(made, slice(None), slice(curve.start, curve.start + 4), 1 / 100)
    assert first_panel(wide).count(">log scale</text>") == 2


def disturbed(made, check):
    return structs.replace(made, validity=(check,))


def test_a_disturbed_stretch_is_a_band_with_its_time():
    """Loads measured while a run was disturbed have a band over them that names what it was and the time of the day."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    start = 1_780_000_000.0
    for name in ("begin", "end"):
        times = getattr(made.curves, name)
        times.setflags(write=True)
        times[1] = start + 60 * np.arange(times.shape[1])
    check = failed_check(Episode, jobs=(made.candidate.id,), begin=start + 120, end=start + 300)
    drawn = first_panel(disturbed(made, check))
    assert drawn.count('class="episode"') == 1
    assert f">candidate: episode {datetime.fromtimestamp(start + 120, UTC):%H:%M}" in drawn
    assert "UTC: at 3000–6000 policies." in drawn
    assert "episode" not in first_panel(disturbed(made, failed_check(DriftingRun, jobs=(made.candidate.id,))))


# ── values behind a chart ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_chart_has_its_values_as_a_table():
    """Behind a chart stands every load with both values, in one unit, and what the change comes to."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    drawn = first_panel(made)
    rows = re.findall(r"<tr><th>(\d+)</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", drawn)
    assert [int(row[0]) for row in rows] == made.curves.load.tolist()
    unit = re.search(r">Baseline, (\w+)<", drawn)[1]
    for row, before, after, slower in zip(rows, *made.curves.mean[:2], view(made).slowdown, strict=True):
        assert row[3] == format_change(slower)
        for text, value in zip(row[1:3], (before, after), strict=True):
            assert float(text.replace(",", "")) / {"ms": 1e3}[unit] == pytest.approx(value, rel=0.006)


def read_csv(drawn):
    address = re.search(r'download="[\w.-]+\.csv" href="data:text/csv;charset=utf-8,([^"]+)"', drawn)[1]
    return list(csv.reader(unquote(address).splitlines()))


def test_values_can_be_taken_along_unrounded():
    """The CSV of a chart has the values in base units to six digits, and nothing where nothing was measured."""
    made = with_gaps(analysis([regressed()], decision(Verdict.BLOCK)), 1, [3])
    heads, *rows = read_csv(first_panel(made))
    assert heads == ["load policies", "baseline s", "candidate s", "slowdown"]
    assert [float(row[0]) for row in rows] == made.curves.load.tolist()
    assert [float(row[1]) for row in rows] == pytest.approx(made.curves.mean[0], rel=1e-5)
    assert rows[3][2:] == ["", ""]


@given(st.text(max_size=30))
def test_no_cell_is_a_formula(text):
    """Whatever a job calls a load, a spreadsheet takes the cell for text, and reads it back whole."""
    (row,) = csv.reader([f"1,{csv_cell(clean(text))},2"]) if clean(text) else ([["1", "", "2"]])
    assert not row[1].startswith(("=", "+", "-", "@", "\t", "\r", "|", "%"))
    assert row[1].removeprefix("'") == clean(text).removeprefix("'")


def test_scalars_have_no_panel():
    """A cluster of tests without loads has nothing to draw, and draws nothing."""
    made = analysis([regressed(scalar=True, threads=None)], decision(Verdict.BLOCK))
    assert first_panel(made) == ""


def test_every_drawing_says_what_it_shows():
    """A chart has a title and a description, which its drawing refers to."""
    drawn = first_panel(typical())
    for name in re.findall(r'aria-labelledby="(\S+)-t \S+-d"', drawn):
        assert f'<title id="{name}-t">' in drawn
        assert f'<desc id="{name}-d">' in drawn
    assert "Lower is better. Affected: 6000–10000 policies, +150 % worse in the median." in drawn


def test_noise_band_is_drawn_only_where_noise_is_known():
    """A curve whose noise could not be estimated has no band."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    assert 'class="band"' in first_panel(made)
    results = (structs.replace(made.detection.results[0], noise=None),)
    made = structs.replace(made, detection=structs.replace(made.detection, results=results))
    assert 'class="band"' not in first_panel(made)


def test_rate_says_its_unit_and_that_higher_is_better():
    """A rate's axis has plain numbers, its unit stands in the caption, and its description says higher is better."""
    drawn = first_panel(analysis([regressed(kind=MetricKind.RATE)], decision(Verdict.BLOCK)))
    assert "<b>rate</b>, req/s" in drawn
    assert "Higher is better." in drawn


# ── sparklines, bars ────────────────────────────────────────────────────────────────────────────────────────────────


def spark(slowdown, *shades):
    return svg.sparkline(svg.sparks(slowdown, np.array([0, len(slowdown)]), math.log(2)), 0, shades)


def test_sparkline_of_noise_is_flat():
    """A change far below the threshold hardly leaves the middle of a sparkline."""
    quiet = np.array([0.01, -0.01] * 10)
    drawn = heights(spark(quiet), "cand")
    assert max(drawn) - min(drawn) <= svg.SPARK_HEIGHT / 10


def test_sparkline_golden(golden):
    """A sparkline with a gap and a shaded window stays as it was looked at."""
    golden("sparkline.svg", spark(array(0, 0.1, NAN, 0.5, 0.6), (3, 4, "worse")) + "\n")


def test_sparklines_are_placed_one_by_one():
    """A sparkline is the same among others as alone, none and a single point among them."""
    lines = (array(0, 0.1, 0.2), array(4, NAN), array(NAN, NAN, -0.5, -2), array(0.1), array())
    together = svg.sparks(np.concatenate(lines), np.cumsum([0, *map(len, lines)]), math.log(2))
    assert [svg.sparkline(together, at, ()) for at in range(len(lines))] == [spark(line) for line in lines]


def test_bar_shows_even_the_smallest_count():
    """A count of one among thousands is still to be seen, a count of none is not."""
    widths = re.findall(r'width="(\d+)"', svg.bar(((1, "critical"), (0, "severe"), (9999, "unchanged"))))
    assert len(widths) == 2
    assert int(widths[0]) >= 2


def test_sparklines_that_are_compared_share_a_scale():
    """Of two issues the larger one has the higher line: what is half as slow is drawn about half as high."""
    shown = view(analysis([regressed(slowdown=1.0), regressed("GET /b", slowdown=0.4)], decision(Verdict.BLOCK)))
    placed = panels.sparks(shown, 0.15)
    tops = [min(heights(panels.spark(placed, shown.by_curve[index]), "cand")) for index in range(2)]
    large, small = (placed.zero - top for top in tops)
    assert large / small == pytest.approx(math.log(2.0) / math.log(1.4), rel=0.15)
    assert large > svg.SPARK_HEIGHT / 3


def test_improvement_is_shaded_as_better():
    """The range of an improvement is shaded as such."""
    shown = view(analysis([improved()], decision(Verdict.APPROVE)))
    assert "shade better" in str(panels.panels(shown, shown.analysis.clusters[0]))
