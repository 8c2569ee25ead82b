"""What the dashboard shows, read from where it is kept: a store, a folder of reports, or both.

A folder holds what each comparison found; only a store knows what became of it with later jobs, and what the endpoints
cost over time. Paths come from looking through the folder and never from a request.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.commands.issues import results_below
from perftracker_ai.decoding import decoded
from perftracker_ai.errors import OutputError, StoreError
from perftracker_ai.files import read_bounded, reason, unmarked
from perftracker_ai.model import Attribution, Cluster, Direction, Severity
from perftracker_ai.model.history import JobRef
from perftracker_ai.model.issues import IssueStatus, OpenIssue
from perftracker_ai.results.saved import SavedJob, SavedJobs  # noqa: TC001 - msgspec reads it
from perftracker_ai.store import Comparison, IssueRow, hardware_of, origin_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from perftracker_ai.model import JobInfo
    from perftracker_ai.store import History, Levels, Ran, Said, Scope, Store, Triage

_MOST_FILES = 5000
"""Results that are looked at."""
_LARGEST = 64 << 20
"""Bytes of results that are read."""
_WORTH = (Severity.CRITICAL, Severity.SEVERE, Severity.MODERATE)
_REAL = (Attribution.CODE, Attribution.UNDECIDED)
NO_STORE = (
    "There is no store of past jobs: a report is all that is known of each night. A store adds which issues stay open "
    "from job to job and since when, and what every endpoint cost over time; "
    "`perftracker-ai history sync --product NAME` makes one."
)
NEEDS_STORE = "make a store with `perftracker-ai history sync --product NAME` and `index`"
NO_COMPARISON = (
    "The store holds no comparison yet, so these are read from the folder of reports; `perftracker-ai index` with its "
    "name puts them into the store, which then says what stays open from job to job."
)


class StoreRecords:
    """What a store keeps; results that were too large for it are looked for in the folder of reports."""

    def __init__(self, store: Store, folder: FolderRecords, note: str = "", server: str = "") -> None:
        self._store, self._folder, self.place, self.note = store, folder, store.location, note
        self._scheme = server.partition("://")[0] if server.startswith(("http://", "https://")) else ""
        self._origin = origin_of(server) if self._scheme else ""

    def comparisons(self, product: str | None, most: int) -> tuple[Comparison, ...]:
        """Return the newest comparisons of every server, product, hardware and suite, so many of each, oldest first."""
        return self._store.comparisons.newest(most, product)

    def of_jobs(self, candidates: Collection[int]) -> tuple[Comparison, ...]:
        """Return every comparison whose candidate has one of these numbers, by when it ended and was made."""
        return self._store.comparisons.of_jobs(candidates)

    def issues(self, product: str | None) -> tuple[IssueRow, ...]:
        """Return every issue as its newest job left it, the largest first."""
        return self._store.comparisons.every_issue(product)

    def largest_issues(self, candidates: Collection[str]) -> tuple[IssueRow, ...]:
        """Return the worst issues of each comparison by its candidate's uuid, the worst first; none that is closed."""
        return self._store.comparisons.largest(candidates)

    def numbered(self, number: int) -> tuple[tuple[str, JobInfo], ...]:
        """Return the jobs of a number, each with its server, the newest first."""
        return self._store.numbered(number)

    def jobs(self, scope: Scope) -> tuple[JobInfo, ...]:
        """Return a scope's jobs, oldest first."""
        return self._store.jobs(scope)

    def page_of(self, origin: str, job: JobInfo) -> str:
        """Return the address of a job's page on the server that is set; empty for a job of another one."""
        known = self._origin and origin == self._origin
        return f"{self._scheme}://{origin}/{job.project_id}/job/{job.id}" if known else ""

    def ran(self, product: str | None, most: int) -> tuple[Ran, ...]:
        """Return the newest jobs of every server, product, hardware and suite, so many of each, oldest first."""
        return self._store.lately(most, product)

    def levels(self, scope: Scope, most: int) -> tuple[Levels, ...]:
        """Return what each curve of a scope's newest jobs cost as a whole, oldest first."""
        return self._store.levels(scope, most)

    def measured(self, scope: Scope, jobs: Collection[str]) -> History | None:
        """Return every value of a scope's jobs by their uuids."""
        return self._store.series(scope, jobs)

    def course(self, place: Scope, key: str) -> tuple[IssueRow, ...]:
        """Return an issue as each job that tells of it left it, by when they ended."""
        return self._store.comparisons.course(place, key)

    def said(self, product: str | None) -> tuple[Said, ...]:
        """Return the last word on each issue, of a product or of all."""
        return self._store.triage.newest(product)

    def log(self, product: str | None, key: str | None, most: int) -> tuple[Said, ...]:
        """Return everything that was said; so much, the newest first."""
        return self._store.triage.log(most, product, key)

    def say(self, said: Sequence[tuple[Triage, int]]) -> tuple[Said, ...]:
        """Keep what somebody says, all of it or nothing; return what others said meanwhile."""
        return self._store.triage.add(said)

    def result(self, origin: str, baseline: str, candidate: str) -> bytes | None:
        """Return the results of two jobs by their uuids; None when they are nowhere."""
        found = self._store.comparisons.result(origin, baseline, candidate)
        return self._folder.result("", baseline, candidate) if found is None else found


class FolderRecords:
    """What a folder of reports holds; each file of results is read once, and again when it has become another."""

    def __init__(self, folder: Path, note: str = NO_STORE) -> None:
        self._folder, self.place, self.note = folder, str(folder), note
        self._known: dict[Path, tuple[tuple[int, int], _Told | None]] = {}
        self._lock = Lock()

    def comparisons(self, product: str | None, most: int) -> tuple[Comparison, ...]:
        """Return the newest comparisons of every product, hardware and suite, so many of each, oldest first."""
        counted: dict[tuple[str, str, str], int] = {}
        chosen = []
        for one in reversed(self._told()):
            made = one.comparison
            place = made.product, made.hardware, made.suite
            counted[place] = counted.get(place, 0) + 1
            if product in (None, made.product) and counted[place] <= most:
                chosen.append(made)
        return tuple(reversed(chosen))

    def of_jobs(self, candidates: Collection[int]) -> tuple[Comparison, ...]:
        """Return every comparison whose candidate has one of these numbers, by when it ended and was made."""
        wanted = set(candidates)
        found = [one.comparison for one in self._told() if one.comparison.candidate_id in wanted]
        return tuple(sorted(found, key=lambda one: (one.end, one.candidate_id, one.made)))

    def issues(self, product: str | None) -> tuple[IssueRow, ...]:
        """Return what the newest comparison of every product, hardware and suite found."""
        newest = {(one.comparison.product, one.comparison.hardware, one.comparison.suite): one for one in self._told()}
        rows = [row for one in newest.values() if product in (None, one.comparison.product) for row in one.issues]
        return tuple(sorted(rows, key=lambda row: -row.issue.slowdown))

    def largest_issues(self, candidates: Collection[str]) -> tuple[IssueRow, ...]:
        """Return the issues of comparisons by their candidates' uuids, the worst of each first."""
        wanted = set(candidates)
        rows = [row for one in self._told() if one.comparison.candidate in wanted for row in one.issues]
        return tuple(sorted(rows, key=lambda row: (-Severity.rank(Severity(row.issue.severity)), -row.issue.slowdown)))

    def numbered(self, number: int) -> tuple[tuple[str, JobInfo], ...]:  # noqa: ARG002 - a folder has none
        """Return nothing: reports do not hold jobs."""
        return ()

    def jobs(self, scope: Scope) -> tuple[JobInfo, ...]:  # noqa: ARG002 - the same
        """Return nothing, for the same reason."""
        return ()

    def page_of(self, origin: str, job: JobInfo) -> str:  # noqa: ARG002 - the same
        """Return nothing, for the same reason."""
        return ""

    def ran(self, product: str | None, most: int) -> tuple[Ran, ...]:  # noqa: ARG002 - the same
        """Return nothing, for the same reason."""
        return ()

    def levels(self, scope: Scope, most: int) -> tuple[Levels, ...]:  # noqa: ARG002 - a folder has none
        """Return nothing: reports do not hold what jobs cost."""
        return ()

    def measured(self, scope: Scope, jobs: Collection[str]) -> History | None:  # noqa: ARG002 - the same
        """Return nothing, for the same reason."""
        return None

    def course(self, place: Scope, key: str) -> tuple[IssueRow, ...]:
        """Return an issue as every comparison that found it did."""
        named = (place.product, place.hardware, place.suite, key)
        rows = (row for one in self._told() for row in one.issues)
        return tuple(row for row in rows if (row.product, row.hardware, row.suite, row.issue.key) == named)

    def said(self, product: str | None) -> tuple[Said, ...]:  # noqa: ARG002 - a folder has none
        """Return nothing: only a store keeps what people say."""
        return ()

    def log(self, product: str | None, key: str | None, most: int) -> tuple[Said, ...]:  # noqa: ARG002 - the same
        """Return nothing, as `said`."""
        return ()

    def say(self, said: Sequence[tuple[Triage, int]]) -> tuple[Said, ...]:
        """Refuse to keep anything.

        Raises
        ------
        StoreError
        """
        raise StoreError(f"A folder of reports keeps nothing that {said[0][0].author} says", NEEDS_STORE)

    def result(self, origin: str, baseline: str, candidate: str) -> bytes | None:  # noqa: ARG002 - reports name no server
        """Return the results of two jobs by their uuids; None when there are none."""
        for one in self._told():
            if (one.comparison.baseline, one.comparison.candidate) == (baseline, candidate):
                return _content(one.path)
        return None

    def _told(self) -> list[_Told]:
        """Read what is new in the folder, and return all of it, by the candidate's end."""
        with self._lock:
            found = {}
            for path in islice(results_below(self._folder), _MOST_FILES):
                stamp = _stamp(path)
                if stamp is not None:
                    known = self._known.get(path)
                    found[path] = known if known and known[0] == stamp else (stamp, _read(path, stamp[0]))
            self._known = found
            told = [one for _, one in found.values() if one is not None]
        return sorted(told, key=lambda one: (one.comparison.end, one.comparison.candidate_id, str(one.path)))


# ── files of results ────────────────────────────────────────────────────────────────────────────────────────────────


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of results tells."""

    path: Path
    comparison: Comparison
    issues: tuple[IssueRow, ...]


class _Summary(msgspec.Struct):
    by_outcome: dict[str, int]


class _Rule(msgspec.Struct):
    key: str
    fired: bool


class _Verdict(msgspec.Struct):
    verdict: str
    rules: tuple[_Rule, ...]


class _Cluster(Cluster, frozen=True, kw_only=True):
    """An issue as the file has it, with whether the settings accept it."""

    accepted: bool


class _Accepted(msgspec.Struct):
    """An entry of the settings, and the curves that it accepts."""

    until: date
    curves: tuple[int, ...]


class _Result(msgspec.Struct):
    tool_version: str
    metadata: SavedJobs
    verdict: _Verdict
    summary: _Summary
    clusters: tuple[_Cluster, ...]
    accepted: tuple[_Accepted, ...] = ()


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return by what a file is known to be the same; None when it is gone."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _content(path: Path) -> bytes | None:
    """Read a file of results; None when it is too large to be shown.

    Raises
    ------
    OutputError
        When it cannot be read.
    """
    try:
        content = read_bounded(path, _LARGEST)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise OutputError(f"{path.name} in {path.parent.name} cannot be read: {why}", "see its permissions") from error
    return None if content is None else unmarked(content)


def _read(path: Path, modified_ns: int) -> _Told | None:
    """Read what a file of results tells; None for one that is no such file, or damaged."""
    try:
        content = _content(path)
        if content is None:
            return None
        result = decoded(content, _Result)
        made = _comparison(result, datetime.fromtimestamp(modified_ns / 1e9, UTC))
    except (OutputError, ValueError, RecursionError, OverflowError, OSError):
        return None
    worse = [one for one in result.clusters if one.direction is Direction.WORSE and one.severity in _WORTH]
    rows = tuple(_row(made, result, one) for one in worse if one.attribution in _REAL)
    return _Told(path=path, comparison=made, issues=rows)


def _comparison(result: _Result, made: datetime) -> Comparison:
    baseline, candidate = result.metadata.baseline, result.metadata.candidate
    counted = [one.severity for one in result.clusters if one.direction is not Direction.BETTER and not one.accepted]
    return Comparison(
        origin="",
        product=candidate.product_name,
        hardware=hardware_of(candidate.hosts),
        suite=candidate.suite_name,
        project=candidate.project_id,
        baseline=baseline.uuid,
        candidate=candidate.uuid,
        baseline_id=baseline.id,
        candidate_id=candidate.id,
        baseline_version=baseline.product_ver,
        candidate_version=candidate.product_ver,
        reruns=tuple(job.id for job in result.metadata.reruns),
        candidate_reruns=tuple(job.id for job in result.metadata.candidate_reruns),
        end=_aware(candidate.end),
        made=made,
        tool=result.tool_version,
        settings="",
        verdict=result.verdict.verdict,
        rules=tuple(rule.key for rule in result.verdict.rules if rule.fired),
        counts=result.summary.by_outcome | {severity.value: counted.count(severity) for severity in Severity},
        validity=(),
        asked_by="",
    )


def _until(result: _Result, one: _Cluster) -> date | None:
    """Return the last day on which every curve of an issue is accepted; None where one is not."""
    lasts = [[entry.until for entry in result.accepted if curve in entry.curves] for curve in one.curves]
    return min(map(max, lasts)) if lasts and all(lasts) else None


def _row(made: Comparison, result: _Result, one: _Cluster) -> IssueRow:
    first, good = _job(result.metadata.candidate), _job(result.metadata.baseline)
    issue = OpenIssue(
        key=one.key,
        status=IssueStatus.NEW,
        cluster=one.id,
        endpoint=one.endpoint,
        title=one.title,
        scenarios=one.scenarios,
        metric_kinds=tuple(kind.value for kind in one.metric_kinds),
        severity=str(one.severity),
        attribution=one.attribution.value,
        confidence=str(one.confidence),
        slowdown=one.median_slowdown,
        opened=one.median_slowdown,
        news=one.median_slowdown,
        load_first=one.load_first,
        load_last=one.load_last,
        threads=one.threads,
        curves=len(one.curves),
        measured=True,
        whole=False,
        accepted=one.accepted,
        accepted_until=_until(result, one),
        offset=0.0,
        first=first,
        last_good=good,
        earliest=first,
        latest=first,
    )
    return IssueRow(
        origin=made.origin,
        product=made.product,
        hardware=made.hardware,
        suite=made.suite,
        job=first,
        baseline=made.baseline,
        candidate=made.candidate,
        issue=issue,
    )


def _job(job: SavedJob) -> JobRef:
    return JobRef(job=job.id, version=job.product_ver, end=_aware(job.end))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
