"""The heat map of a product: verdicts and endpoints job by job, a row of coloured cells each.

In: a `Heat` and what was compared. Out: `Html`. A row is one drawing of a few paths and carries its values beside it,
for the page's script reads them under the pointer; without a script they are a table of their own.
"""

from __future__ import annotations

from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.dashboard import parts
from perftracker_ai.render import svg
from perftracker_ai.render.page.markup import Html, el, join, path, tag
from perftracker_ai.words.numbers import format_change, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.dashboard.heat import Heat, Row
    from perftracker_ai.dashboard.views import Line, Night, Place
    from perftracker_ai.model.history import JobRef

    Floats = NDArray[np.float64]

_EDGES = np.array([-0.13, -0.048, 0.05, 0.15, 0.5, 1.0])
_KINDS = ("b2", "b1", "z", "w1", "w2", "w3", "w4", "no")
"""Slowdowns at which the class of a cell changes: those of minor, moderate, severe and critical, and their mirrors."""
_CELL = {"b2": (0, 7), "b1": (0, 4), "w1": (6, 4), "w2": (4, 6), "w3": (2, 8), "w4": (0, 10), "no": (4, 2)}
"""Where a cell of a class begins and how high it is, of ten: what is grave is tall, for colours alone tell nothing."""
_APART = 60
"""Jobs up to which cells stand apart; of more, neighbours of one class are one."""
_WIDE, _TICKS_HIGH, _LETTER = 960, 40, 9.5
"""Size of the row of versions, and width of a letter in it, as large as it is on a narrow screen."""
_LONGEST, _DAY = 16, 5
"""Letters of a version that a tick has, and of a day."""
_LEGEND = (
    ("b2", "13 % or more faster"),
    ("b1", "5 %"),
    ("z", "no change"),
    ("w1", "5 % slower"),
    ("w2", "15 %"),
    ("w3", "50 %"),
    ("w4", "100 % or more"),
    ("no", "not measured"),
)


def heat_map(line: Line, heat: Heat | None, columns: Sequence[JobRef]) -> Html:
    """Return the map.

    Parameters
    ----------
    line : Line
        The product, for its verdicts and the links to its endpoints.
    heat : Heat or None
        Without one the verdicts stand alone.
    columns : sequence of JobRef
        The jobs, oldest first.
    """
    versions = el("tr", el("th", "Version"), el("th"), el("td", _versions(columns), class_="line"))
    verdicts = el("tr", el("th", "Verdict", scope="row"), el("td"), el("td", _bars(line, columns), class_="line"))
    shared = shared_path(heat)
    rows = [_endpoint(line.place, row, columns, shared) for row in heat.rows] if heat else []
    table = el("table", el("tbody", versions, verdicts, *rows), class_="heat")
    return el("div", table, class_="wide", tabindex="0", role="region", aria_labelledby="course")


def shared_path(heat: Heat | None) -> str:
    """Return the leading parts that the paths of all endpoints share, where leaving them out is worth it."""
    paths = [row.endpoint.partition(" ")[2].split("/")[:-1] for row in heat.rows] if heat else []
    known = [one for one in paths if one[:1] == [""]]
    shared = [part[0] for part in takewhile(lambda part: len(set(part)) == 1, zip(*known, strict=False))]
    return "/".join(shared) if len(known) > 1 and len(shared) > 2 else ""  # noqa: PLR2004 - the root and two parts


def legend() -> Html:
    """Return what the cells mean."""
    drawn = ((_cells(np.array([_KINDS.index(kind)]), apart=True), text) for kind, text in _LEGEND)
    items = [el("li", Html(f"{_start(1)}{cells}</svg>"), text) for cells, text in drawn]
    return el("ul", *items, class_="legend")


def values_table(heat: Heat, columns: Sequence[JobRef]) -> Html:
    """Return every value of the map as text: a row a job, a column an endpoint."""
    heads = [el("th", path(row.endpoint), scope="col") for row in heat.rows]
    body = []
    for at, job in enumerate(columns):
        cells = "".join([f"<td>{format_change(row.slowdowns[at])}</td>" for row in heat.rows])
        body.append(el("tr", el("th", parts.job_text(job), scope="row"), Html(cells)))
    table = el(
        "table", el("thead", el("tr", el("th", "Job", scope="col"), *heads)), el("tbody", *body), class_="plain-values"
    )
    return el("div", table, class_="wide", tabindex="0", role="region", aria_labelledby="course")


# ── a row ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _endpoint(place: Place, row: Row, columns: Sequence[JobRef], shared: str) -> Html:
    values = np.array([np.nan if one is None else one for one in row.slowdowns])
    kinds = np.where(np.isnan(values), len(_EDGES) + 1, np.digitize(values, _EDGES))
    address = parts.endpoint_address(place, row.endpoint, jobs=len(columns))
    link = el("a", path(_short(row.endpoint, shared)), href=address, class_="endpoint")
    name = el("th", link, scope="row", title=f"{row.endpoint}: {plural(row.curves, 'curve')}")
    newest = next((one for one in reversed(row.slowdowns) if one is not None), None)
    kind = _KINDS[int(kinds[~np.isnan(values)][-1])] if newest is not None else "no"
    drawn = Html(
        f"{_start(len(columns), _told(values, columns), values)}{_cells(kinds, apart=len(columns) <= _APART)}</svg>"
    )
    return el("tr", name, el("td", format_change(newest), class_=f"num {kind}"), el("td", drawn, class_="line"))


def _short(endpoint: str, shared: str) -> str:
    """Return an endpoint with an ellipsis for the path that all share."""
    method, _, rest = endpoint.partition(" ")
    return f"{method} /…{rest.removeprefix(shared)}" if shared and rest.startswith(f"{shared}/") else endpoint


def _start(jobs: int, label: str = "", values: Floats | None = None) -> Html:
    """Return how a drawing of so many cells begins; one without a label is for eyes only."""
    shown = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    data = {} if values is None else {"data_v": _thousandths(values)}
    return tag("svg", class_="cells", viewBox=f"0 0 {jobs} 10", preserveAspectRatio="none", **shown, **data)


def _thousandths(values: Floats) -> str:
    """Return values as whole thousandths, nothing for what is not there; parted by commas."""
    whole = np.rint(np.where(np.isnan(values), 0.0, np.minimum(values, 1e6)) * 1000).astype(np.int64).tolist()
    return ",".join(["" if gone else str(one) for one, gone in zip(whole, np.isnan(values).tolist(), strict=True)])


def _cells(kinds: NDArray[np.int64], *, apart: bool) -> str:
    """Return the cells of a row, one path a class."""
    drawn: dict[str, list[str]] = {}
    for first, last, at in _runs(kinds, apart=apart):
        kind = _KINDS[at]
        if kind in _CELL:
            top, height = _CELL[kind]
            wide = ".9" if apart else str(last - first)
            drawn.setdefault(kind, []).append(f"M{first} {top}h{wide}v{height}h-{wide}z")
    return "".join([svg.path("".join(commands), kind) for kind, commands in drawn.items()])


def _runs(kinds: NDArray[np.int64], *, apart: bool) -> Iterator[tuple[int, int, int]]:
    """Yield neighbours of one class as first, behind the last, class; each cell by itself where they stand apart."""
    if apart:
        yield from ((at, at + 1, kind) for at, kind in enumerate(kinds.tolist()))
        return
    edges = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    yield from ((first, last, int(kinds[first])) for first, last in pairwise(edges))


def _told(values: Floats, columns: Sequence[JobRef]) -> str:
    """Say what a row shows to somebody who cannot see it."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return "not measured in any of these jobs"
    most, newest = int(known[np.argmax(values[known])]), int(known[-1])
    gone = len(values) - len(known)
    told = (
        f"{format_change(float(values[newest]))} in {columns[newest].version}",
        f"at most {format_change(float(values[most]))}, in {parts.job_text(columns[most])}",
        f"not measured in {plural(gone, 'job')}" if gone else "",
    )
    return "; ".join(filter(None, told))


# ── above the rows ──────────────────────────────────────────────────────────────────────────────────────────────────


def _bars(line: Line, columns: Sequence[JobRef]) -> Html:
    """Return the verdicts as bars that lead to their reports, each with what is to be read of it."""
    nights = line.by_job
    start = tag(
        "svg",
        class_="cells bars",
        viewBox=f"0 0 {len(columns)} 40",
        preserveAspectRatio="none",
        role="group",
        aria_label="Verdict of each job; the table below names them",
    )
    return Html(f"{start}{join(_bar(line, at, job, nights.get(job.job)) for at, job in enumerate(columns))}</svg>")


def _bar(line: Line, at: int, job: JobRef, night: Night | None) -> Html:
    name = el("title", f"{parts.job_text(job)}: {parts.job_verdict(line, job, night)}")
    if night is None:
        return el(
            "rect",
            name,
            x=f"{at}.05",
            y=36,
            width=".9",
            height=4,
            class_="night none",
        )
    kind, height = parts.bar_of(night.verdict)
    rect = el("rect", name, x=f"{at}.05", y=40 - height, width=".9", height=height, class_=f"night {kind}")
    return el("a", rect, href=night.path, tabindex="-1")


def _versions(columns: Sequence[JobRef]) -> Html:
    """Return versions as ticks as far as there is room, the newest first of all; their days below."""
    wide = _WIDE / len(columns)
    taken: list[tuple[float, float]] = []
    drawn, marks = [], []
    for at in parts.spread(len(columns)):
        middle = (at + 0.5) * wide
        text = columns[at].version[:_LONGEST]
        width = max(len(text), _DAY) * _LETTER
        left = min(max(middle - width / 2, 0), _WIDE - width)
        if all(left > last or left + width < first for first, last in taken):
            taken.append((left - 2 * _LETTER, left + width + 2 * _LETTER))
            x = round(left + width / 2)
            drawn.append(el("text", text, x=x, y=13))
            drawn.append(el("text", f"{columns[at].end:%m-%d}", x=x, y=27, class_="small"))
            marks.append(f"M{round(middle)} 32v8")
    start = tag("svg", class_="ticks", viewBox=f"0 0 {_WIDE} {_TICKS_HIGH}", aria_hidden="true")
    return Html(f"{start}{join(drawn)}{svg.path(''.join(marks), 'axis')}</svg>")
