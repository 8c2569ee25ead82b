"""Every curve in one table: findings first, then what is unchanged; whole without a script, sortable with one.

In: a `View` and its sparklines. Out: `Html`. The script reads what it sorts and filters by from the rows' attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Outcome
from perftracker_ai.render.page.markup import Html, el, join, path, spread, tag
from perftracker_ai.render.page.panels import accent, spark
from perftracker_ai.report.view import labels, typical_point
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import (
    format_change,
    format_pair,
    format_percent,
    format_probability,
    format_range,
    plural,
)
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.render.svg import Sparks
    from perftracker_ai.report.view import Finding, View

ROOM = 300_000
"""Characters of the table's rows: the page has to stay small, and the rest is in the results file."""
LABEL_LIMIT = 60

_FOUND = (Outcome.REGRESSED, Outcome.MINOR, Outcome.CHANGED, Outcome.MOVED, Outcome.IMPROVED)
_FOLDED = (Outcome.INCONCLUSIVE, Outcome.UNCHANGED)
"""Of which most curves are: counted, and shown to who asks."""
_ORDER = (*_FOUND, *_FOLDED)
_HEADS = (
    ("Id", "id"),
    ("Curve", "name"),
    ("Along the load", ""),
    ("Slowdown", "change"),
    ("At its middle", ""),
    ("Loads", ""),
    ("Points", "points"),
    ("Confidence", "sure"),
)


def all_curves(shown: View, placed: Sparks, shared: str, *, scripts: bool) -> Html:
    """Return the table of all curves: what changed is seen, what is unchanged or open is folded and counted.

    A script puts them into one table, with the controls that only it can serve.
    """
    rows = _rows(shown, placed, shared)
    parts = [el("h2", "All curves", id="curves-h"), *_controls(shown, scripts=scripts)]
    found = _table("Curves that changed", [row for outcome in _FOUND for row in rows[outcome]], id_="all")
    parts += spread("div", *found, class_="scroll", role="region", aria_label="Curves", tabindex=0)
    for outcome in _FOLDED:
        parts += _fold(shown, outcome, rows[outcome])
    left = len(shown.by_curve) - sum(map(len, rows.values()))
    if left:
        rest = f"… and {plural(left, 'curve')} more, in the results file."
        parts.append(el("p", rest, class_="more", data_fact="/curves"))
    return el("section", *parts, id="curves", aria_labelledby="curves-h")


def _table(caption: str, rows: list[Html], id_: str | None = None) -> list[Html]:
    head = el("thead", el("tr", *(_head(text, key) for text, key in _HEADS)))
    title = el("caption", caption, class_="unseen")
    return spread("table", title, head, *spread("tbody", *rows), class_="curves", id=id_)


def _fold(shown: View, outcome: Outcome, rows: list[Html]) -> Iterator[Html]:
    """Yield the curves of an outcome folded away under their number."""
    if rows:
        count = plural(len(shown.findings[outcome]), f"{outcome.value} curve")
        summary = el("summary", count, data_fact=f"/summary/by_outcome/{outcome.value}")
        yield from spread("details", summary, *_table(f"Curves that are {outcome.value}", rows), class_="fold")


def _head(text: str, key: str) -> Html:
    return el("th", text, scope="col", data_sort=key or None)


def _controls(shown: View, *, scripts: bool) -> Iterator[Html]:
    """Return the form that filters the table; hidden until the script that serves it runs."""
    if not scripts:
        return
    curves = [finding.curve for finding in shown.by_curve.values()]
    outcomes = [("changed", "changed"), ("all", "all"), *((one.value, one.value) for one in _ORDER)]
    kinds = [("", "all"), *((kind, kind) for kind in sorted({curve.metric_kind.value for curve in curves}))]
    counts = sorted({curve.threads for curve in curves if curve.threads is not None})
    threads = [("", "all"), *((str(count), str(count)) for count in counts)]
    orders = [("", "findings first"), *((key, text.lower()) for text, key in _HEADS if key)]
    fields = (
        el("label", "Search ", tag("input", type="search", name="q", autocomplete="off")),
        _select("Outcome", "outcome", outcomes),
        _select("Metric", "kind", kinds),
        _select("Threads", "threads", threads),
        _select("Order", "sort", orders, "narrow"),  # where there is no room for headings to click on
    )
    yield el("form", *fields, el("p", role="status", id="shown"), id="filter", hidden="", data_fact="/curves")


def _select(label: str, name: str, choices: list[tuple[str, str]], kind: str | None = None) -> Html:
    options = [el("option", text, value=value) for value, text in choices]
    return el("label", f"{label} ", el("select", *options, name=name), class_=kind)


# ── a row ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rows(shown: View, placed: Sparks, shared: str) -> dict[Outcome, list[Html]]:
    """Return a row for every finding by its outcome, as many as there is room for."""
    rows: dict[Outcome, list[Html]] = {outcome: [] for outcome in _ORDER}
    left = ROOM
    for outcome in _ORDER:
        for finding in shown.findings[outcome]:
            row = _row(shown, finding, placed, shared)
            left -= len(row)
            if left < 0:
                return rows
            rows[outcome].append(row)
    return rows


def _row(shown: View, finding: Finding, placed: Sparks, shared: str) -> Html:
    curve, result = finding.curve, finding.result
    kind = result.severity or result.outcome
    known = [el("span", "accepted", class_="chip neutral")] if curve.index in shown.accepted else []
    return el(
        "tr",
        el(
            "th",
            el("span", finding.id, class_="id"),
            el("span", kind.value, class_=f"chip {accent(kind)}"),
            *known,
            scope="row",
        ),
        el("td", _name(finding, shared), class_="what"),
        el("td", spark(placed, finding), class_="line"),
        _change(finding),
        el("td", *_values(shown, finding), class_="values"),
        el("td", *_loads(shown, finding), class_="loads"),
        _points(finding),
        _sure(finding),
        id=f"curve-{curve.index}",
        class_=accent(kind),
        data_o=result.outcome.value,
        data_k=curve.metric_kind.value,
        data_t=curve.threads,
        data_fact=_place(finding, ""),
    )


def _name(finding: Finding, shared: str) -> Html:
    """Return endpoint, then metric with the better direction, threads and scenario."""
    curve = finding.curve
    better = wording.better_way(curve)
    metric = clean(wording.metric_name(curve), LABEL_LIMIT)
    sign = "↕" if not curve.direction_known else "↓" if curve.less_better else "↑"
    arrow = el("span", sign, class_="arrow", title=better, role="img", aria_label=better)
    parts = (plural(curve.threads, "thread") if curve.threads else "", clean(curve.scenario, LABEL_LIMIT))
    rest = "".join(f" · {part}" for part in parts if part)
    return Html(
        el("span", path(curve.endpoint, shared), class_="endpoint") + el("span", metric, " ", arrow, rest, class_="sub")
    )


def _change(finding: Finding) -> Html:
    """Return the median slowdown of the window that stands for the curve, else of the whole curve."""
    window, result = finding.window, finding.result
    if window is None:
        value, fact = result.median_slowdown, _place(finding, "/result/median_slowdown")
    else:
        value, fact = window.median_slowdown, f"{_window(finding)}/median_slowdown"
    key = "" if value is None else f"{value:.4f}"
    kind = "" if window is None else f" {accent(result.severity or result.outcome)}"
    return el("td", format_change(value), class_=f"num{kind}", data_fact=fact, data_v=key)


def _place(finding: Finding, field: str) -> str:
    """Return where in the results a field of a curve stands."""
    return f"/curves/{finding.curve.index}{field}"


def _window(finding: Finding) -> str:
    """Return where the window stands that stands for a curve."""
    return _place(finding, f"/result/windows/{finding.result.worst or 0}")


def _values(shown: View, finding: Finding) -> Iterator[Html]:
    """Return the values where it changed by about its median, or what would decide it."""
    curve, window = finding.curve, finding.window
    point = None if window is None else typical_point(shown, finding, window)
    if point is not None:
        values = clean(format_pair(point.baseline, point.candidate, curve.base_unit, curve.unit))
        yield el("span", values, class_="num", data_fact=_place(finding, ""))
    elif finding.result.needed:
        needed = f"Needs {clean(finding.result.needed)}"
        yield el("span", needed, class_="sub", data_fact=_place(finding, "/result/needed"))


def _loads(shown: View, finding: Finding) -> Iterator[Html]:
    """Return the range of the window that stands for the curve, and how many more windows there are."""
    window = finding.window
    if window is None:
        return
    first, last = (clean(label, LABEL_LIMIT) for label in labels(shown, finding.curve, window))
    yield el("span", format_range(first, last), data_fact=_window(finding))
    others = len(finding.result.windows) - 1
    if others:
        yield el(
            "span", f"and {plural(others, 'other range')}", class_="sub", data_fact=_place(finding, "/result/windows")
        )


def _points(finding: Finding) -> Html:
    """Return how many points were compared, and how many of the window's are beyond the threshold."""
    window, points = finding.window, finding.result.points
    count = el("span", f"{points:,}", data_fact=_place(finding, "/result/points"))
    beyond = []
    if window is not None:
        share = el("span", format_percent(window.consistency), data_fact=f"{_window(finding)}/consistency")
        beyond = [el("span", share, f" of {window.points:,} beyond", class_="sub", data_fact=_window(finding))]
    return el("td", join([count, *beyond]), class_="points num", data_v=str(points))


def _sure(finding: Finding) -> Html:
    confidence, window = finding.result.confidence, finding.window
    if confidence is None:
        return el("td", data_v="0")
    parts = [el("span", confidence.value)]
    if window is not None and window.q_value is not None:
        q_value = el(
            "span",
            f"q {format_probability(window.q_value)}",
            class_="sub",
            data_fact=f"{_window(finding)}/q_value",
        )
        parts.append(q_value)
    rank = {"low": "1", "medium": "2", "high": "3"}[confidence.value]
    return el("td", join(parts), class_=f"sure {confidence.value}", data_v=rank)
