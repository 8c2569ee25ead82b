"""Triage over HTTP: the pages of issues and of the log, and the forms that are sent from them.

In: queries, and forms of those who may write. Out: pages, or the way back to the page a form was on. A form that was
made upon what is no longer the last word writes nothing and is asked once more, and so is one that cannot be used:
nothing that somebody typed is lost.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.dashboard import views
from perftracker_ai.dashboard.answers import Refused, page, see, values
from perftracker_ai.dashboard.audit import audit_page
from perftracker_ai.dashboard.forms import once_more
from perftracker_ai.dashboard.issue import issue_page
from perftracker_ai.dashboard.links import link
from perftracker_ai.dashboard.triage import (
    Edit,
    applied,
    found,
    last_words,
    name_of,
    problem_of,
    read_edit,
    read_target,
    said_of,
)
from perftracker_ai.dashboard.views import Chosen
from perftracker_ai.errors import UsageError
from perftracker_ai.store import Scope, microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from starlette.responses import Response

    from perftracker_ai.dashboard.answers import Query
    from perftracker_ai.dashboard.records import Acceptor, Records
    from perftracker_ai.dashboard.views import Accepting, Issue
    from perftracker_ai.store import IssueRow

_MOST = 500
"""Entries of the log that a page shows."""
_GONE = "An issue of that form is not kept any more; open the list again."


class Problem(NamedTuple):
    """Why a form is asked once more."""

    status: int
    told: str


_CHECK = Problem(400, "Check at least one issue.")
_CHANGED = Problem(409, "Somebody else said something of it since the page was opened; neither word is lost.")
_STARTED = Problem(403, "The page was opened before the dashboard was started anew; look at it once more.")


class Triaging:
    """The pages and forms of triage.

    Parameters
    ----------
    written : callable
        Is called when something was written.
    """

    def __init__(
        self,
        records: Records,
        clock: Callable[[], datetime],
        written: Callable[[], None],
        acceptor: Acceptor | None,
    ) -> None:
        self._records, self._clock, self._written, self._acceptor = records, clock, written, acceptor

    # pages

    def issue(self, query: Query) -> Response:
        """Answer with the page of an issue."""
        row = self._row(query)
        scope = Scope(origin=row.origin, product=row.product, hardware=row.hardware, suite=row.suite)
        course = self._records.course(scope, row.issue.key)
        every = self._records.log(row.product, row.issue.key, _MOST)  # on any machine
        shown = views.IssuePage(
            now=self._clock(),
            issue=self._shown([row])[0],
            course=tuple((one.job, one.issue.status.value, one.issue.slowdown) for one in course),
            log=tuple(views.entry(one) for one in every if said_of(one) == name_of(row)),
        )
        if query.json:
            return values(shown)
        accepting = self._accepting(row, query.values.get("reason", ""), query.values.get("day", ""))
        return page(issue_page(shown, self._records, query.visitor, accepting), forms=True)

    def audit(self, query: Query) -> Response:
        """Answer with everything that was said."""
        product = query.values.get("product", "")
        log = self._records.log(product or None, None, _MOST)
        shown = views.Audit(now=self._clock(), product=product, entries=tuple(map(views.entry, log)))
        return values(shown) if query.json else page(audit_page(shown, self._records))

    # forms

    def say_of_several(self, query: Query) -> Response:
        """Take a form that says the same of several issues."""
        chosen = {name: query.values[name] for name in Chosen.__struct_fields__ if name in query.values}
        return self._say(query, self._records.issues(None), link("/issues", **chosen))

    def say_of_one(self, query: Query) -> Response:
        """Take a form of one issue: what is said of it, or that the settings are to accept it."""
        row = self._row(query)
        back = views.issue_path(views.place_of(row), row.issue.key)
        if query.field("accept"):
            return self._accept(query, row, back)
        return self._say(query, [row], back)

    def _say(self, query: Query, rows: Sequence[IssueRow], back: str) -> Response:
        """Keep what a form says, or ask once more."""
        if not query.visitor.may_write:
            raise Refused(403, "Only triagers write here; see the settings of this dashboard.")
        targets = [read_target(value) for name, value in query.form if name == "issue"]
        meant = found(rows, [one for one in targets if one is not None])
        if meant is None:
            raise Refused(404, _GONE)
        edit, now = read_edit(query.field, whole=bool(query.field("whole"))), self._clock()
        chosen = [row for row, _ in meant]
        problem = _problem(query, chosen, problem_of(edit, now))
        if problem:
            return self._again(query, problem, edit, (chosen, ()), back)
        words = last_words(self._records.said(None))
        said = [
            (applied(edit, row, words.get(name_of(row)), one.seen_us, query.visitor.name, now), one.number)
            for row, one in meant
        ]
        stale = last_words(self._records.say(said))
        self._written()
        if stale:
            others = [row for row in chosen if name_of(row) in stale]
            return self._again(query, _CHANGED, edit, (chosen, others), back)
        return see(back)

    def _again(
        self, query: Query, problem: Problem, edit: Edit, rows: tuple[Sequence[IssueRow], Sequence[IssueRow]], back: str
    ) -> Response:
        """Answer with the form once more: of which issues, and of which of them somebody else said something."""
        issues, stale = map(self._shown, rows)
        token, whole = query.visitor.token, bool(query.field("whole"))
        answer = page(
            once_more(problem.told, edit, issues, stale, address=back, token=token, whole=whole),
            forms=True,
        )
        answer.status_code = problem.status
        return answer

    def _shown(self, rows: Sequence[IssueRow]) -> list[Issue]:
        jobs = self._records.of_jobs({job for row in rows for job in (row.job.job, row.issue.first.job)})
        made = views.Made(jobs, self._records.said(None), self._clock())
        return [views.issue(row, made) for row in rows]

    def _row(self, query: Query) -> IssueRow:
        """Return the issue that a path names, at the place that the query names, or where it is worst.

        What an address leaves out is empty where there is such a place: links leave out what is empty.
        """
        product, key = query.segments
        rows = [row for row in self._records.issues(product) if row.issue.key == key]
        for name, part in (("hw", "hardware"), ("suite", "suite")):
            wanted = [row for row in rows if getattr(row, part) == query.values.get(name, "")]
            rows = wanted if wanted or name in query.values else rows
        if not rows:
            raise Refused(404, "No such issue is kept.")
        return rows[0]

    # accepting

    def _accepting(self, row: IssueRow, reason: str, day: str) -> Accepting:
        """Return the entry that accepts an issue, where it was asked for."""
        entry = command = problem = ""
        if self._acceptor and reason and day:
            try:
                entry, name = self._acceptor.entry(self._result(row), row.issue.key, reason, day)
                command = shlex.join(
                    ["perftracker-ai", "accept", "result_v2.json", name, "--reason", reason, "--until", day]
                )
            except UsageError as error:
                problem = str(error)
        file = self._acceptor.file if self._acceptor else ""
        return views.Accepting(reason=reason, day=day, entry=entry, command=command, file=file, problem=problem)

    def _accept(self, query: Query, row: IssueRow, back: str) -> Response:
        """Write the entry into the settings file, and that it was written into the log."""
        if not (query.visitor.may_write and self._acceptor and self._acceptor.file):
            raise Refused(403, "This dashboard writes no settings file.")
        reason, day = query.field("reason"), query.field("day")
        if not query.is_own_form:
            raise Refused(403, _STARTED.told)
        try:
            self._acceptor.write(self._result(row), row.issue.key, reason, day)
        except UsageError as error:
            raise Refused(400, str(error)) from error
        word = last_words(self._records.said(row.product)).get(name_of(row))
        note = Edit(state=None, owner=None, note=f"accepted until {day}: {reason}", ticket=None, until=None)
        said = applied(note, row, word, microseconds(row.job.end), query.visitor.name, self._clock())
        self._records.say([(said, word.number if word else 0)])
        self._written()
        return see(f"{back}#log")

    def _result(self, row: IssueRow) -> bytes:
        """Return the results of the newest comparison that found an issue."""
        scope = Scope(origin=row.origin, product=row.product, hardware=row.hardware, suite=row.suite)
        finders = [one for one in self._records.course(scope, row.issue.key) if one.issue.cluster]
        result = self._records.result(row.origin, finders[-1].baseline, finders[-1].candidate) if finders else None
        if result is None:
            raise UsageError("The results of the comparison that found it are not kept", "use `perftracker-ai accept`")
        return result


def _problem(query: Query, chosen: Sequence[IssueRow], wrong: str) -> Problem | None:
    if not query.is_own_form:
        return _STARTED
    if wrong:
        return Problem(400, wrong)
    return None if chosen else _CHECK
