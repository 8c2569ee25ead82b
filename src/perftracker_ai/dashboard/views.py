"""Rows become what a page shows: values, the same for its HTML and its JSON.

In: comparisons, issues and levels as they are kept, and the time of day. Out: one value a page, complete and in order.
*Slowdown* is meant as everywhere: positive is worse, 0.5 is 50 % slower.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime  # noqa: TC003 - msgspec reads it
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from perftracker_ai.dashboard import triage
from perftracker_ai.dashboard.creeps import Creeps  # noqa: TC001 - the same
from perftracker_ai.dashboard.heat import Heat  # noqa: TC001 - the same
from perftracker_ai.dashboard.links import link
from perftracker_ai.dashboard.slugs import slug
from perftracker_ai.model import Confidence, MetricKind, Severity, Verdict
from perftracker_ai.model.history import JobRef
from perftracker_ai.model.issues import IssueStatus
from perftracker_ai.render import board

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from perftracker_ai.model.issues import OpenIssue
    from perftracker_ai.store import Comparison, IssueRow, Ran, Said

MOST_SHOWN = 300
"""Issues of a list that a page shows, so that it stays small; the rest are counted, and found by narrowing it."""
NOBODY = "nobody"
"""Owner of the issues that nobody cares for."""
QUIET_DAYS = 3
"""Days without a job from which a product is said to be quiet: a weekend is not."""
_SECONDS_A_DAY = 86_400
_GRAVITY = {
    Verdict.BLOCK: 0,
    Verdict.INVESTIGATE: 1,
    Verdict.INSUFFICIENT_EVIDENCE: 2,
    Verdict.APPROVE_WITH_MONITORING: 3,
    Verdict.SAME_VERSION: 4,
    Verdict.APPROVE: 5,
}
"""Verdicts by how soon somebody has to look."""
NOT_JUDGED = "NOT JUDGED"
"""Stands for the verdict of a product whose jobs nobody had compared."""
APPROVED = frozenset({Verdict.APPROVE.value, Verdict.APPROVE_WITH_MONITORING.value})
_ASIDE = ("minor", "moved with the run", "inconclusive", "improved")
"""Outcomes of curves that are no issue."""


class State(StrEnum):
    """Which issues a list shows."""

    OPEN = "open"  # new or acknowledged
    NEW = "new"  # nobody has said anything of them, or it holds no longer
    WORSE = "worse"  # open, and worse or back with the newest job
    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"  # by the settings
    DISMISSED = "not a regression"
    FIXED = "fixed"
    CLOSED = "closed"  # a job is back on the level of before
    ALL = "all"


_OPEN = frozenset({State.NEW.value, State.ACKNOWLEDGED.value})
"""States of what is open."""


class Sort(StrEnum):
    """How a list of issues is ordered."""

    WORST = "worst"
    NEWEST = "newest"
    PRODUCT = "product"


class Place(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What is compared with what: a product on one hardware with one suite, on one server."""

    product: str
    hardware: str
    suite: str
    origin: str


class Night(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was compared.

    Attributes
    ----------
    baseline_job : int
    baseline_version : str
        What it was compared with.
    job : JobRef
    verdict : str
    why : str
        Key of the rule that gave it; empty where it is not kept.
    doubts : tuple of str
        Kinds of the checks of the comparison that failed.
    counts : dict of str to int
        Issues by severity, curves by outcome.
    path : str
        Of its report.
    """

    baseline_job: int
    baseline_version: str
    job: JobRef
    verdict: str
    why: str
    doubts: tuple[str, ...]
    counts: dict[str, int]
    path: str


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of an issue.

    Attributes
    ----------
    number : int
        By which it is known that an edit was made upon it.
    """

    number: int
    state: str
    owner: str
    note: str
    ticket: str
    until: str
    author: str
    made: datetime


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """An issue in a list.

    Attributes
    ----------
    key : str
        Its stable name.
    state : str
        That of the list it is in: what people say of it, unless the settings accept it or a job closed it.
    status : str
        What became of it with the newest job.
    until : date or None
        The last day on which the settings accept it.
    word : Word or None
        The last that somebody said of it.
    again : str
        Why that holds no longer; empty where it does.
    form : str
        How forms name it.
    slowdown, opened : float
        Of the newest job against the level before it came in, and when it came in.
    costs_time : bool
        Whether it is of times or rates: what is of memory or counts gets worse, and not slower.
    first, last_good, job : JobRef
        With which job it came in, the last one before, and the newest one.
    path : str
        Where it is told of: the newest report that found it, or else the page of the product.
    page : str
        Its own page.
    """

    place: Place
    key: str
    state: str
    status: str
    until: date | None
    word: Word | None
    again: str
    form: str
    severity: str
    attribution: str
    confidence: str
    endpoint: str
    title: str
    slowdown: float
    opened: float
    costs_time: bool
    load_first: str
    load_last: str
    threads: tuple[int, ...]
    curves: int
    first: JobRef
    last_good: JobRef
    job: JobRef
    measured: bool
    path: str
    page: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A product on one hardware with one suite, as it stands.

    Attributes
    ----------
    verdict : str
        Of the newest job that was judged; NOT_JUDGED where none was.
    jobs : tuple of JobRef
        The newest jobs, judged or not, oldest first; never empty.
    nights : tuple of Night
        The newest comparisons, oldest first.
    helped : tuple of int
        Numbers of the jobs that were baselines or further runs in them.
    since : JobRef
        With which job the verdict became what it is now.
    approved : JobRef or None
        The last of these jobs that was approved, with monitoring or without.
    age_days : float
        Since the newest job ended, judged or not.
    open : dict of str to int
        Open issues that are not accepted, by severity.
    accepted : int
        Issues that the settings accept.
    aside : int
        Issues that somebody says are no regression, or fixed.
    worst : Issue or None
        The worst of the open ones.
    creeps : Creeps or None
        What grows from job to job, as the newest comparison found it; None where it knew of no earlier jobs, or where
        nobody asked because nothing in its verdict grows.
    """

    place: Place
    verdict: str
    since: JobRef
    approved: JobRef | None
    age_days: float
    jobs: tuple[JobRef, ...]
    nights: tuple[Night, ...]
    helped: tuple[int, ...]
    open: dict[str, int]
    accepted: int
    aside: int
    worst: Issue | None
    creeps: Creeps | None

    @property
    def judged(self) -> Night | None:
        """Return the newest comparison; None where there is none."""
        return self.nights[-1] if self.nights else None

    @property
    def by_job(self) -> dict[int, Night]:
        """Return the comparisons by the numbers of their jobs."""
        return {one.job.job: one for one in self.nights}

    @property
    def waiting(self) -> int:
        """Return how many of the jobs nobody looked at since the newest one that was judged."""
        last = self.judged
        newer = [one for one in self.jobs if last is None or (one.end, one.job) > (last.job.end, last.job.job)]
        return len(self.left(newer))

    def left(self, jobs: Sequence[JobRef]) -> list[JobRef]:
        """Return the jobs that were neither judged nor helped to judge others."""
        looked_at = {*self.helped, *self.by_job}
        return [one for one in jobs if one.job not in looked_at]


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The first page: every product in a line, the one to look at first on top."""

    now: datetime
    lines: tuple[Line, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Issues that came in with one job.

    Attributes
    ----------
    issues : tuple of Issue
        Those to be looked at.
    faint : tuple of Issue
        Those of low confidence, of which nobody is to be startled.
    aside : dict of str to int
        What the newest comparison of that job listed besides: curves that changed by little, moved with the run, or of
        which nothing can be said.
    path : str
        Of the report of that job; empty when it is not kept.
    """

    place: Place
    first: JobRef
    last_good: JobRef
    issues: tuple[Issue, ...]
    faint: tuple[Issue, ...]
    aside: dict[str, int]
    path: str


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Which issues are asked for.

    Attributes
    ----------
    product, owner : str
        The only one that is shown; empty for all. NOBODY are those without an owner.
    find : str
        What endpoints or products that are shown hold; empty for anything.
    """

    state: State
    product: str
    owner: str
    find: str
    sort: Sort


class Inbox(Chosen, frozen=True, kw_only=True):
    """The list of issues.

    Attributes
    ----------
    states, products, owners : dict of str to int
        How many issues each has, with the other choices as they are.
    groups : tuple of Group
        With MOST_SHOWN issues together at most, the first in order.
    """

    now: datetime
    states: dict[str, int]
    products: dict[str, int]
    owners: dict[str, int]
    groups: tuple[Group, ...]


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """The page of a product.

    Attributes
    ----------
    others : tuple of Place
        Where else the product is measured.
    issues, closed : tuple of Issue
        The open ones, worst first, and those that came and went, the last one first.
    heat : Heat or None
        What its endpoints cost from job to job; None where nothing of it is kept.
    """

    now: datetime
    line: Line
    others: tuple[Place, ...]
    issues: tuple[Issue, ...]
    closed: tuple[Issue, ...]
    heat: Heat | None


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """Beside a report: where it was measured, and the issues that are known there, the largest first."""

    place: Place
    issues: tuple[Issue, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was once said of an issue."""

    place: Place
    key: str
    word: Word


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """Who said what, the newest first; of a product, or of all where it is empty."""

    now: datetime
    product: str
    entries: tuple[Entry, ...]


class IssuePage(msgspec.Struct, frozen=True, kw_only=True):
    """The page of an issue.

    Attributes
    ----------
    course : tuple of (JobRef, str, float)
        With which job it had which status and slowdown, the oldest first.
    log : tuple of Entry
        What was said of it, the newest first.
    """

    now: datetime
    issue: Issue
    course: tuple[tuple[JobRef, str, float], ...]
    log: tuple[Entry, ...]


class Accepting(msgspec.Struct, frozen=True, kw_only=True):
    """How the settings come to accept an issue.

    Attributes
    ----------
    reason, day : str
        As asked for; empty where it was not yet.
    entry, command : str
        What stands in the settings file then, and what writes it there; empty where it was not asked for.
    file : str
        The settings file that this dashboard writes; empty where it writes none.
    problem : str
        Why there is no entry.
    """

    reason: str
    day: str
    entry: str
    command: str
    file: str
    problem: str


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def home(made: Made, rows: Iterable[IssueRow], creeps: Mapping[Place, Creeps | None]) -> Home:
    """Return the first page's values: by verdict, then by the worst open issue, then by name."""
    own = defaultdict(list)
    for row in rows:
        own[place_of(row)].append(row)
    found = [line(place, made, own[place], creeps.get(place)) for place in made.places]
    return Home(now=made.now, lines=tuple(sorted(found, key=_urgency)))


def inbox(
    comparisons: Sequence[Comparison],
    rows: Iterable[IssueRow],
    said: Iterable[Said],
    now: datetime,
    chosen: Chosen,
) -> Inbox:
    """Return the list of issues, grouped by the job they came in with."""
    made = Made(comparisons, said, now)
    every = [one for one in (issue(row, made) for row in rows) if _holds(one, chosen.find)]
    here = [one for one in every if chosen.product in {"", one.place.product}]
    theirs = [one for one in every if chosen.owner in {"", owner_of(one)}]
    own = [one for one in here if chosen.owner in {"", owner_of(one)}]
    grouped: dict[tuple[Place, int], list[Issue]] = defaultdict(list)
    for one in own:
        if _is_in(one, chosen.state):
            grouped[one.place, one.first.job].append(one)
    groups = [_group(place, members, made.night(place, job)) for (place, job), members in grouped.items()]
    return Inbox(
        now=now,
        **msgspec.structs.asdict(chosen),
        states=_counted(own),
        products=dict(sorted(Counter(one.place.product for one in theirs if _is_in(one, chosen.state)).items())),
        owners=dict(sorted(Counter(owner_of(one) for one in here if _is_in(one, chosen.state)).items())),
        groups=tuple(_first(sorted(groups, key=_ORDERS[chosen.sort]), MOST_SHOWN)),
    )


def _counted(issues: Iterable[Issue]) -> dict[str, int]:
    """Return how many issues each list shows."""
    alike: dict[tuple[str, str], list[Issue]] = defaultdict(list)
    for one in issues:
        alike[one.state, one.status].append(one)
    return {kind.value: sum(len(those) for those in alike.values() if _is_in(those[0], kind)) for kind in State}


def _first(groups: Iterable[Group], most: int) -> Iterator[Group]:
    """Yield groups with so many issues together at most."""
    for one in groups:
        issues = one.issues[:most]
        faint = one.faint[: most - len(issues)]
        most -= len(issues) + len(faint)
        if issues or faint:
            yield msgspec.structs.replace(one, issues=issues, faint=faint)


def of_report(made: Comparison, rows: Iterable[IssueRow], said: Iterable[Said], now: datetime) -> Reported:
    """Return what is known of the issues of a report's product, where it was measured."""
    place, known = place_of(made), Made((made,), said, now)
    return Reported(place=place, issues=tuple(issue(row, known) for row in rows if place_of(row) == place))


def product_page(
    made: Made, rows: Iterable[IssueRow], place: Place, course: tuple[Heat | None, Creeps | None]
) -> Product:
    """Return the values of a product's page at one of the places where it is measured."""
    own = [row for row in rows if place_of(row) == place]
    issues = sorted((issue(row, made) for row in own), key=_worst)
    closed = [one for one in issues if one.state == IssueStatus.CLOSED]
    return Product(
        now=made.now,
        line=line(place, made, own, course[1]),
        others=tuple(sorted(one for one in made.places if one != place)),
        issues=tuple(one for one in issues if one.state != IssueStatus.CLOSED),
        closed=tuple(sorted(closed, key=lambda one: one.job.end, reverse=True)),
        heat=course[0],
    )


def entry(said: Said) -> Entry:
    """Return what somebody once said as the log shows it."""
    one = said.triage
    place = Place(product=one.product, hardware=one.hardware, suite=one.suite, origin=one.origin)
    return Entry(place=place, key=one.key, word=word(said))


def places_of(comparisons: Sequence[Comparison], ran: Sequence[Ran] = ()) -> tuple[Place, ...]:
    """Return where a product is measured, the place of its newest job first."""
    ends: dict[Place, datetime] = {}
    for place, end in (
        *((place_of(one), one.end) for one in comparisons),
        *((place_of(one), one.job.end) for one in ran),
    ):
        ends[place] = max(end, ends.get(place, end))
    return tuple(sorted(ends, key=lambda place: ends[place], reverse=True))


# ── their parts ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Made:
    """Comparisons by where and of which job they are, of those of one job the last one made; and what was said.

    Attributes
    ----------
    places : dict of Place to tuple of Night
        The comparisons of each place, oldest first; none where jobs ran and were not compared.
    jobs : dict of Place to tuple of JobRef
        The jobs of each place, judged or not, oldest first; never none.
    helped : dict of Place to set of int
        Numbers of the jobs of each place that were baselines or further runs.
    """

    def __init__(
        self, comparisons: Sequence[Comparison], said: Iterable[Said], now: datetime, ran: Sequence[Ran] = ()
    ) -> None:
        self.now, self._words = now, triage.last_words(said)
        compared = _by_place(comparisons)
        self.jobs = _jobs_of(compared, ran)
        self.helped: dict[Place, set[int]] = defaultdict(set)
        for one in comparisons:
            self.helped[place_of(one)] |= {one.baseline_id, *one.reruns, *one.candidate_reruns}
        self.places = {place: compared.get(place, ()) for place in self.jobs}
        self._pages: dict[Place, tuple[str, str, str]] = {}
        self._by_job = {(place, one.job.job): one for place, nights in self.places.items() for one in nights}

    def word(self, row: IssueRow) -> Said | None:
        """Return the last word on an issue; None where there is none."""
        return self._words.get(triage.name_of(row))

    def page(self, place: Place, key: str) -> str:
        """Return the address of an issue's page; what all issues of a place share in it is made once."""
        if place not in self._pages:
            self._pages[place] = issue_path(place, "").partition("?")
        path, mark, query = self._pages[place]
        return f"{path}{quote(key, safe='')}{mark}{query}"

    def night(self, place: Place, job: int) -> Night | None:
        """Return the comparison of a job; None where it is not kept."""
        return self._by_job.get((place, job))


def _by_place(comparisons: Sequence[Comparison]) -> dict[Place, tuple[Night, ...]]:
    found: dict[Place, dict[str, Night]] = defaultdict(dict)
    ordered = sorted(comparisons, key=lambda one: (one.end, one.candidate_id, one.made))
    for one, night in zip(ordered, nights(ordered), strict=True):
        found[place_of(one)][one.candidate] = night
    return {place: tuple(own.values()) for place, own in found.items()}


def _jobs_of(compared: Mapping[Place, Sequence[Night]], ran: Sequence[Ran]) -> dict[Place, tuple[JobRef, ...]]:
    """Return the jobs of each place, compared or not, oldest first."""
    found: dict[Place, dict[int, JobRef]] = defaultdict(dict)
    for place, nights in compared.items():
        found[place] |= {one.job.job: one.job for one in nights}
    for one in ran:
        found[place_of(one)][one.job.job] = one.job
    return {place: tuple(sorted(jobs.values(), key=lambda job: (job.end, job.job))) for place, jobs in found.items()}


def line(place: Place, made: Made, rows: Sequence[IssueRow], creeps: Creeps | None) -> Line:
    """Return how a product stands."""
    nights, jobs = made.places[place], made.jobs[place]
    states = [triage.state_of(row, made.word(row), made.now)[0] for row in rows]
    still = [row for row, state in zip(rows, states, strict=True) if state in _OPEN]
    counted = Counter(row.issue.severity for row in still)
    worst = min(still, key=lambda row: _first_of_all(row.issue), default=None)
    return Line(
        place=place,
        verdict=nights[-1].verdict if nights else NOT_JUDGED,
        since=_since(nights) if nights else jobs[0],
        approved=next((one.job for one in reversed(nights) if one.verdict in APPROVED), None),
        age_days=(made.now - jobs[-1].end).total_seconds() / _SECONDS_A_DAY,
        jobs=jobs,
        nights=nights,
        helped=tuple(sorted(made.helped[place])),
        open={severity.value: counted[severity.value] for severity in Severity if counted[severity.value]},
        accepted=states.count(State.ACCEPTED.value),
        aside=states.count(State.DISMISSED.value) + states.count(State.FIXED.value),
        worst=issue(worst, made) if worst else None,
        creeps=creeps,
    )


def nights(made: Sequence[Comparison]) -> tuple[Night, ...]:
    """Return comparisons as pages show them, in order."""
    pairs = Counter((one.baseline_id, one.candidate_id) for one in made)
    return tuple(_night(one, by_uuid=pairs[one.baseline_id, one.candidate_id] > 1) for one in made)


def _night(one: Comparison, *, by_uuid: bool) -> Night:
    """Return a comparison as a page shows it; numbers that two servers use are told apart by the candidate's uuid."""
    return Night(
        baseline_job=one.baseline_id,
        baseline_version=one.baseline_version,
        job=JobRef(job=one.candidate_id, version=one.candidate_version, end=one.end),
        verdict=one.verdict,
        why=next(iter(one.rules), ""),
        doubts=one.validity,
        counts=one.counts,
        path=link(f"/c/{one.baseline_id}..{one.candidate_id}", candidate=one.candidate if by_uuid else ""),
    )


def issue(row: IssueRow, made: Made) -> Issue:
    """Return an issue as a page shows it."""
    one, place = row.issue, place_of(row)
    said = made.word(row)
    state, again = triage.state_of(row, said, made.now)
    number = said.number if said else 0
    told = made.night(place, row.job.job if one.cluster else one.first.job)
    return Issue(
        place=place,
        key=one.key,
        state=state,
        status=one.status.value,
        until=one.accepted_until,
        word=word(said) if said else None,
        again=again,
        form=str(triage.target(triage.name_of(row), number, row.job.end)),
        severity=one.severity,
        attribution=one.attribution,
        confidence=one.confidence,
        endpoint=one.endpoint,
        title=one.title,
        slowdown=one.slowdown,
        opened=one.opened,
        costs_time=any(kind != MetricKind.OTHER.value for kind in one.metric_kinds),
        load_first=one.load_first,
        load_last=one.load_last,
        threads=one.threads,
        curves=one.curves,
        first=one.first,
        last_good=one.last_good,
        job=row.job,
        measured=one.measured,
        path=f"{told.path}#issue-{quote(one.key, safe='')}" if told else link(product_path(place)),
        page=made.page(place, one.key),
    )


def word(said: Said) -> Word:
    """Return what somebody said as pages show it."""
    names = ("state", "owner", "note", "ticket", "until", "author", "made")
    return Word(number=said.number, **{name: getattr(said.triage, name) for name in names})


def owner_of(one: Issue) -> str:
    """Return who cares for an issue; NOBODY where nobody does."""
    return (one.word.owner if one.word else "") or NOBODY


def _holds(one: Issue, text: str) -> bool:
    return not text or any(text.casefold() in name.casefold() for name in (one.endpoint, one.title, one.place.product))


def issue_path(place: Place, key: str) -> str:
    """Return the address of an issue's page."""
    return link(f"{product_path(place)}/i/{quote(key, safe='')}", hw=place.hardware, suite=place.suite)


def product_path(place: Place) -> str:
    """Return the path of a product's page."""
    return board.product_path(place.product)


def endpoint_path(place: Place, endpoint: str) -> str:
    """Return the path of an endpoint's page."""
    return f"{product_path(place)}/e/{slug(endpoint)}"


def gravity(verdict: str) -> int:
    """Return how soon somebody has to look: 0 is at once."""
    return _GRAVITY[Verdict(verdict)] if verdict in set(Verdict) else _GRAVITY[Verdict.INSUFFICIENT_EVIDENCE]


def place_of(one: Comparison | IssueRow | Ran) -> Place:
    """Return where something was measured."""
    return Place(product=one.product, hardware=one.hardware, suite=one.suite, origin=one.origin)


def _since(nights: Sequence[Night]) -> JobRef:
    """Return the first job of the last stretch of one verdict."""
    other = [at for at, one in enumerate(nights) if one.verdict != nights[-1].verdict]
    return nights[other[-1] + 1 if other else 0].job


def _urgency(one: Line) -> tuple[int, float, Place]:
    return gravity(one.verdict), -(one.worst.slowdown if one.worst else 0.0), one.place


def _weight(one: Issue | OpenIssue) -> int:
    return Severity.rank(Severity(one.severity)) if one.severity in set(Severity) else 0


def _first_of_all(one: OpenIssue) -> tuple[bool, int, float, str]:
    """Return by what the one issue is chosen that is named before all others: what is doubtful comes last."""
    return one.confidence == Confidence.LOW.value, *_worst(one)


def _worst(one: Issue | OpenIssue) -> tuple[int, float, str]:
    """Return by what issues are ordered, the worst first."""
    return -_weight(one), -one.slowdown, one.key


def _is_in(one: Issue, state: State) -> bool:
    """Tell whether a list of a state shows an issue."""
    match state:
        case State.ALL:
            return True
        case State.OPEN:
            return one.state in _OPEN
        case State.WORSE:
            return _is_in(one, State.OPEN) and one.status in {IssueStatus.WORSE.value, IssueStatus.REOPENED.value}
        case _:
            return one.state == state.value


def _group(place: Place, members: Sequence[Issue], came: Night | None) -> Group:
    ordered = sorted(members, key=_worst)
    faint = [one for one in ordered if one.confidence == Confidence.LOW.value]
    return Group(
        place=place,
        first=ordered[0].first,
        last_good=ordered[0].last_good,
        issues=tuple(one for one in ordered if one not in faint),
        faint=tuple(faint),
        aside={name: came.counts[name] for name in _ASIDE if came is not None and came.counts.get(name)},
        path=came.path if came is not None else "",
    )


def _worst_first(group: Group) -> tuple[int, float, float]:
    worst = max((*group.issues, *group.faint), key=lambda one: (_weight(one), one.slowdown))
    return -_weight(worst) if group.issues else 1, -worst.slowdown, -group.first.end.timestamp()


_ORDERS = {
    Sort.WORST: _worst_first,
    Sort.NEWEST: lambda group: (-group.first.end.timestamp(), *_worst_first(group)),
    Sort.PRODUCT: lambda group: (group.place, *_worst_first(group)),
}
