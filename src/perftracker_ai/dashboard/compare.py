"""Any two jobs of the store against each other: chosen, asked for, waited for, opened.

In: numbers of jobs, and what is kept of them. Out: the page and its values. Looking changes nothing; to have two jobs
compared takes somebody who may write, as it takes a processor for a while.
"""

from __future__ import annotations

import re
from datetime import datetime  # noqa: TC003 - msgspec reads it
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from perftracker_ai.dashboard import parts
from perftracker_ai.dashboard.answers import Refused, page, see, values
from perftracker_ai.dashboard.desk import Pair
from perftracker_ai.dashboard.frame import footer
from perftracker_ai.dashboard.frame import page as framed
from perftracker_ai.dashboard.links import link
from perftracker_ai.model.history import JobRef
from perftracker_ai.model.versions import trimmed
from perftracker_ai.render.page.markup import Html, el, join, tag
from perftracker_ai.store import hardware_of
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from starlette.responses import Response

    from perftracker_ai.dashboard.answers import Query
    from perftracker_ai.dashboard.desk import Desk
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.model import JobInfo
    from perftracker_ai.store import Comparison, Located, Ran

_NUMBERS = re.compile(r"[\s,]*(\d{1,18}(?:[\s,]+\d{1,18}){0,19})?[\s,]*", re.ASCII)
"""Up to twenty numbers that every database holds."""
_LISTED = 60
"""Newest jobs of a product to choose from."""
_AGAIN_S = 2
"""Seconds after which the page of a comparison under way asks anew."""
NO_STORE = (
    "Jobs are compared from the store of past jobs, and there is none; `perftracker-ai history sync --product NAME` "
    "makes one."
)
NO_WRITER = (
    "Having jobs compared takes a processor for a while, so it is for those who may write: start the dashboard with "
    "--write-as NAME, or log in as one of the triagers."
)


class Jobs(Protocol):
    """Where jobs to compare are found; the store is such a place."""

    def located(self, numbers: Collection[int]) -> tuple[Located, ...]:
        """Return jobs by their numbers, of whatever server, oldest first."""

    def newest(self, product: str, most: int) -> tuple[Located, ...]:
        """Return the newest jobs of a product, so many at most, oldest first."""

    def lately(self, most: int) -> tuple[Ran, ...]:
        """Return the newest jobs of every server, product, hardware and suite, so many of each."""


class Comparing(NamedTuple):
    """What it takes to have jobs compared: where they are, and where they are asked for."""

    jobs: Jobs
    desk: Desk


class State(StrEnum):
    """How far a comparison is."""

    CHOOSE = "choose"  # no two jobs are named yet
    READY = "ready"
    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "failed"
    KEPT = "kept"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job to choose, and where it was measured."""

    ref: JobRef
    product: str
    hardware: str
    suite: str


class Compare(msgspec.Struct, frozen=True, kw_only=True):
    """The page.

    Attributes
    ----------
    products : tuple of str
        Those whose jobs can be listed; empty where one is chosen.
    product : str
        Whose jobs are listed; empty for none.
    jobs : tuple of Job
        Those to choose from, newest first.
    baseline, candidate : Job or None
    reruns : tuple of Job
        Further runs of either version.
    differences : tuple of str
        In what the two jobs differ besides their versions.
    ahead : int
        How many comparisons come before this one, while it waits.
    seconds : float
        Since it began, or since it was asked for where it waits.
    problem : str
        Why it failed.
    verdict, asked_by, path : str
        Of the one that is kept: the verdict, who asked for it (empty for one that `analyze` made), the address of its
        report, which is empty where this dashboard does not show the store.
    """

    now: datetime
    state: State
    products: tuple[str, ...]
    product: str
    jobs: tuple[Job, ...]
    baseline: Job | None
    candidate: Job | None
    reruns: tuple[Job, ...]
    differences: tuple[str, ...]
    ahead: int
    seconds: float
    problem: str
    verdict: str
    asked_by: str
    path: str


class Chosen(NamedTuple):
    """Jobs that a request names."""

    origin: str
    baseline: JobInfo
    candidate: JobInfo
    reruns: tuple[JobInfo, ...]
    candidate_reruns: tuple[JobInfo, ...]

    @property
    def runs(self) -> tuple[str, ...]:
        """Return their uuids in the order of the run axis."""
        return tuple(one.uuid for one in (self.baseline, self.candidate, *self.reruns, *self.candidate_reruns))


class ComparePage:
    """The page of two jobs: shown to everybody, asked for by those who may write.

    Parameters
    ----------
    comparing : Comparing or None
        None where there is no store.
    """

    def __init__(self, records: Records, comparing: Comparing | None, clock: Callable[[], datetime]) -> None:
        self._records, self._comparing, self._clock = records, comparing, clock

    def show(self, query: Query) -> Response:
        """Answer with the form, or with how far the comparison of two jobs is."""
        shown = self._shown(query)
        if query.json:
            return values(shown)
        answer = page(compare_html(shown, self._records, query, stored=self._comparing is not None), forms=True)
        if shown.state in {State.WAITING, State.RUNNING}:
            answer.headers["Refresh"] = str(_AGAIN_S)
        return answer

    def ask(self, query: Query) -> Response:
        """Have two jobs compared, and lead to where that is seen."""
        require_writer(query)
        if self._comparing is None:
            raise Refused(404, NO_STORE)
        given = {name: query.field(name) for name in ("base", "cand", "rerun", "origin")}
        chosen = _chosen(self._comparing.jobs, given)
        if chosen is None:
            raise Refused(400, "Name two jobs by their numbers.")
        kept = self._kept(chosen)
        if kept is None or kept.asked_by:
            self._comparing.desk.ask(
                Pair(
                    origin=chosen.origin,
                    product=chosen.candidate.product_name,
                    runs=chosen.runs,
                    candidate_reruns=len(chosen.candidate_reruns),
                    asked_by=query.visitor.name,
                )
            )
        return see(link("/compare", **given))

    def _shown(self, query: Query) -> Compare:
        comparing, product = self._comparing, query.values.get("product", "")
        chosen = _chosen(comparing.jobs, query.values) if comparing else None
        listed = comparing.jobs.newest(product, _LISTED) if comparing and product else ()
        every = comparing.jobs.lately(1) if comparing and not product else ()
        blank = Compare(
            now=self._clock(),
            state=State.CHOOSE,
            products=tuple(sorted({one.product for one in every if one.product})),
            product=product,
            jobs=tuple(_job(one.job) for one in reversed(listed)),
            baseline=None,
            candidate=None,
            reruns=(),
            differences=(),
            ahead=0,
            seconds=0.0,
            problem="",
            verdict="",
            asked_by="",
            path="",
        )
        return self._of(blank, chosen, comparing.desk) if comparing and chosen else blank

    def _of(self, blank: Compare, chosen: Chosen, desk: Desk) -> Compare:
        """Say how far the comparison of chosen jobs is."""
        named = msgspec.structs.replace(
            blank,
            baseline=_job(chosen.baseline),
            candidate=_job(chosen.candidate),
            reruns=tuple(map(_job, (*chosen.reruns, *chosen.candidate_reruns))),
            differences=tuple(_differences(chosen.baseline, chosen.candidate)),
        )
        progress = desk.progress(chosen.origin, chosen.runs)
        if progress is not None and not progress.problem:
            state = State.WAITING if progress.ahead else State.RUNNING
            return msgspec.structs.replace(named, state=state, ahead=progress.ahead, seconds=progress.seconds)
        kept = self._kept(chosen)
        if progress is not None:
            return msgspec.structs.replace(named, state=State.FAILED, problem=progress.problem)
        if kept is None:
            return msgspec.structs.replace(named, state=State.READY)
        address = link(f"/c/{kept.baseline_id}..{kept.candidate_id}", candidate=kept.candidate)
        return msgspec.structs.replace(
            named, state=State.KEPT, verdict=kept.verdict, asked_by=kept.asked_by, path=address
        )

    def _kept(self, chosen: Chosen) -> Comparison | None:
        pair = (chosen.origin, chosen.baseline.uuid, chosen.candidate.uuid)
        found = self._records.of_jobs({chosen.candidate.id})
        return next((one for one in found if (one.origin, one.baseline, one.candidate) == pair), None)


def require_writer(query: Query) -> None:
    """Refuse a form of somebody who may not write, or that was not on a page made for who sends it.

    Raises
    ------
    Refused
    """
    if not query.visitor.may_write:
        raise Refused(403, "You may look at this dashboard and change nothing.")
    if not query.is_own_form:
        raise Refused(403, "That form is none of this dashboard, or from before it was started; open the page anew.")


# ── which jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _chosen(jobs: Jobs, given: dict[str, str]) -> Chosen | None:
    """Find the jobs that are named; None where not both are.

    Raises
    ------
    Refused
        When a number is none, or a job is not kept, or they cannot be set against each other.
    """
    base, cand = (_numbers(given.get(name, ""), name) for name in ("base", "cand"))
    if len(base) != 1 or len(cand) != 1:
        return None
    further = _numbers(given.get("rerun", ""), "rerun")
    found = _of_one_server(jobs.located({*base, *cand, *further}), (base[0], cand[0]), given.get("origin", ""))
    if missing := [number for number in (*base, *cand, *further) if number not in found]:
        told = f"job {missing[0]}" if found else f"jobs {base[0]} and {cand[0]} of one server"
        raise Refused(404, f"The store has not got {told}; `perftracker-ai history sync` brings what is missing.")
    baseline, candidate = found[base[0]].job, found[cand[0]].job
    runs = [found[number].job for number in dict.fromkeys(further)]
    _require_comparable(baseline, candidate, runs)
    newer = [one for one in runs if one.version == candidate.version != baseline.version]
    return Chosen(
        origin=found[base[0]].origin,
        baseline=baseline,
        candidate=candidate,
        reruns=tuple(one for one in runs if one not in newer),
        candidate_reruns=tuple(newer),
    )


def _numbers(text: str, name: str) -> list[int]:
    if not _NUMBERS.fullmatch(text):
        raise Refused(400, f"{name} is the number of a job, such as 27, not {clean(text, 40)!r}.")
    return [int(one) for one in re.findall(r"\d+", text)]


def _of_one_server(found: Sequence[Located], wanted: tuple[int, int], origin: str) -> dict[int, Located]:
    """Return jobs by their numbers, of the one server that has the two that are compared; of none where none has both.

    Raises
    ------
    Refused
        When several have, and none is named.
    """
    servers = {one.origin: {other.job.id: other for other in found if other.origin == one.origin} for one in found}
    both = {name: own for name, own in servers.items() if set(wanted) <= own.keys() and origin in {"", name}}
    if len(both) > 1:
        names = listing([clean(name) for name in sorted(both)])
        raise Refused(400, f"Jobs of these numbers are kept from {names}; add origin= with one of them.")
    return next(iter(both.values()), {})


def _require_comparable(baseline: JobInfo, candidate: JobInfo, runs: Sequence[JobInfo]) -> None:
    every = [baseline, candidate, *runs]
    if len({one.uuid for one in every}) < len(every):
        raise Refused(400, "A job is named twice, and nothing can be learnt from comparing it with itself.")
    if len({one.product_name for one in every}) > 1:
        raise Refused(400, "These jobs are of different products.")
    known = {baseline.version, candidate.version}
    for one in runs:
        if one.version not in known:
            raise Refused(400, f"Job {one.id} is of version {clean(one.product_ver, 40)}, which neither of the two is.")


def _job(one: JobInfo) -> Job:
    return Job(
        ref=JobRef(job=one.id, version=one.product_ver, end=one.end),
        product=one.product_name,
        hardware=hardware_of(one.hosts),
        suite=one.suite_name,
    )


def _differences(baseline: JobInfo, candidate: JobInfo) -> list[str]:
    """Say in what two jobs differ besides their versions."""
    found = []
    if hardware_of(baseline.hosts) != hardware_of(candidate.hosts):
        found.append("They ran on different hardware, so what differs may be the machine and not the code.")
    if (baseline.suite_name, trimmed(baseline.suite_ver)) != (candidate.suite_name, trimmed(candidate.suite_ver)):
        found.append("They ran another suite, or another version of it.")
    if baseline.end > candidate.end:
        found.append("The baseline is the later one of the two.")
    if baseline.version == candidate.version:
        found.append("They are of one version: whatever is flagged is noise.")
    return found


# ── page ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def compare_html(shown: Compare, records: Records, query: Query, *, stored: bool) -> str:
    """Return the page."""
    told = {State.RUNNING: "Comparing", State.KEPT: "Compared", State.WAITING: "Waiting"}.get(shown.state, "Compare")
    title = "Compare two jobs"
    if shown.baseline and shown.candidate:
        title = f"{told} {shown.candidate.product} {shown.candidate.ref.version} with {shown.baseline.ref.version}"
    main = [_state(shown, query)] if shown.state is not State.CHOOSE else []
    main.append(_form(shown, query) if stored else el("section", el("p", NO_STORE), aria_label="Compare"))
    foot = footer(records, shown.now, link("/api/v1/compare", **_named(shown)))
    return framed(title, "open", (el("h1", title),), tuple(main), foot, at="/compare")


def _named(shown: Compare) -> dict[str, str]:
    """Return the query of the page."""
    if not (shown.baseline and shown.candidate):
        return {"product": shown.product}
    return {
        "base": str(shown.baseline.ref.job),
        "cand": str(shown.candidate.ref.job),
        "rerun": ",".join(str(one.ref.job) for one in shown.reruns),
        "product": shown.product,
    }


def _state(shown: Compare, query: Query) -> Html:
    """Return which jobs they are, and how far their comparison is."""
    named = (("Baseline", shown.baseline), ("Candidate", shown.candidate), *(("Rerun", one) for one in shown.reruns))
    jobs = [el("li", f"{role}: ", el("b", one.ref.version), f" {_of(one)}") for role, one in named if one]
    notes = [el("p", one, class_="because") for one in shown.differences]
    return el("section", el("ul", *jobs), *notes, *_told(shown, query), aria_label="The comparison")


def _of(one: Job) -> str:
    where = " · ".join(filter(None, (one.hardware or "no host", one.suite and f"suite {one.suite}")))
    return f"(job {one.ref.job}, {parts.day(one.ref.end)}; {where})"


def _told(shown: Compare, query: Query) -> tuple[Html, ...]:
    match shown.state:
        case State.KEPT:
            by = f" {shown.asked_by} asked for it here." if shown.asked_by else ""
            report = el("p", "It came to ", el("a", shown.verdict, href=shown.path), f": open its report.{by}")
            return (report, _button(shown, query, "Compare again")) if shown.asked_by else (report,)
        case State.WAITING:
            return (
                el(
                    "p",
                    f"It waits; {plural(shown.ahead, 'comparison')} to go until it is done. {_AGAIN}",
                    role="status",
                ),
            )
        case State.RUNNING:
            return (el("p", f"It is being made since {shown.seconds:.0f} s. {_AGAIN}", role="status"),)
        case State.FAILED:
            return (el("p", shown.problem, class_="problem", role="alert"), _button(shown, query, "Try again"))
        case _:
            return (el("p", "They have not been compared yet."), _button(shown, query, "Compare"))


_AGAIN = "This page asks by itself again, every other second."


def _button(shown: Compare, query: Query, text: str) -> Html:
    """Return the form that asks for the comparison, or who may send it."""
    if not query.visitor.may_write:
        return el("p", NO_WRITER, class_="because")
    told = _named(shown) | {"origin": query.values.get("origin", ""), "token": query.visitor.token}
    fields = [tag("input", type="hidden", name=name, value=value) for name, value in told.items() if value]
    return el("form", *fields, el("button", text, type="submit"), method="post", action=link("/compare"))


def _form(shown: Compare, query: Query) -> Html:
    """Return the form that names two jobs; it only leads to another page."""
    given = (
        _named(shown) if shown.baseline else {name: query.values.get(name, "") for name in ("base", "cand", "rerun")}
    )
    texts = {"base": "Baseline, a job's number", "cand": "Candidate", "rerun": "Further runs of either version, if any"}
    fields = [
        el("label", text, tag("input", name=name, value=given.get(name, ""), inputmode="numeric", maxlength=200))
        for name, text in texts.items()
    ]
    product = el("label", "List the jobs of product", tag("input", name="product", value=shown.product, maxlength=200))
    button = el("button", "Show", type="submit")
    form = el("form", *fields, product, button, method="get", action=link("/compare"), class_="asks")
    return el("section", el("h2", "Which jobs", id="which"), form, *_list(shown), aria_labelledby="which")


def _list(shown: Compare) -> tuple[Html, ...]:
    """Return the newest jobs of a product, each with links that make it one of the two."""
    if not shown.product:
        links = [el("a", name, href=link("/compare", **(_named(shown) | {"product": name}))) for name in shown.products]
        return (el("p", "List the jobs of ", join(links, " · "), ".", class_="sorts"),) if links else ()
    if not shown.jobs:
        return (el("p", "The store has no job of such a product.", class_="calm"),)
    rows = [_row(one, shown) for one in shown.jobs]
    heads = [el("th", text, scope="col") for text in ("Version", "Job", "Ended", "Where", "Take it as")]
    return (el("table", el("thead", el("tr", *heads)), el("tbody", *rows)),)


def _row(one: Job, shown: Compare) -> Html:
    named = {"base": "", "cand": "", "rerun": ""} | _named(shown)
    links = [
        el("a", text, href=link("/compare", **(named | {name: str(one.ref.job)})))
        for name, text in (("base", "baseline"), ("cand", "candidate"))
    ]
    where = " · ".join(filter(None, (one.hardware or "no host", one.suite)))
    cells = (str(one.ref.job), parts.day(one.ref.end), where, join(links, " · "))
    return el("tr", el("th", one.ref.version, scope="row"), *(el("td", cell) for cell in cells))
