"""Who else gets the result of a run: the server, a team's channels, CI; only composing, after the report is written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from perftracker_ai.commands.report_files import PAGE, REPORT, RESULT, safe_name
from perftracker_ai.events import Step
from perftracker_ai.files import append_file, write_file
from perftracker_ai.words.text import clean, md

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from perftracker_ai.commands.analyze import Run
    from perftracker_ai.commands.notify import Told
    from perftracker_ai.events import Watch
    from perftracker_ai.model import Analysis
    from perftracker_ai.publish import Published
    from perftracker_ai.render.board import Board
    from perftracker_ai.render.message import Link
    from perftracker_ai.settings import Settings

_LONGEST_SUMMARY = 900_000
"""Bytes added to the page of a build: GitHub takes 1 MiB of one step, and drops all of a longer one."""
_LONGEST_PROBLEM, _LONGEST_HOST, _DESCRIPTION = 800, 60, 200


OUTPUTS = ("junit", "csv")
"""Settings that name a file for the results of all runs together."""


def write_output(form: str, runs: Collection[Run], failed: Sequence[tuple[str, str]], path: Path) -> None:
    """Write the results of all runs as one file.

    Parameters
    ----------
    form : str
        One of `OUTPUTS`.
    failed : sequence of (str, str)
        Products that could not be judged, and why.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    write_file(path, _writer(form)(_Analyses(runs), failed))


class _Analyses:
    """The analyses of runs, gone through as the runs are."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = runs

    def __iter__(self) -> Iterator[Analysis]:
        return (run.analysis for run in self._runs)


def _writer(form: str) -> Callable[[Iterable[Analysis], Sequence[tuple[str, str]]], bytes]:
    match form:
        case "csv":
            from perftracker_ai.render.issues_csv import issues_csv as writer
        case _:
            from perftracker_ai.render.junit import junit_xml as writer
    return writer


def write_step_summary(runs: Collection[Run], failed: Sequence[tuple[str, str]], path: Path) -> None:
    """Append the beginning of every report to the page of a build, and which products could not be judged.

    Parameters
    ----------
    failed : sequence of (str, str)
        Products that could not be judged, and why.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    from perftracker_ai.render.markdown import opening

    share = _LONGEST_SUMMARY // max(len(runs), 1)
    openings = (opening(run.report, share) for run in runs)
    unjudged = (f"**{md(product)}: not judged.** {md(problem, _LONGEST_PROBLEM)}\n" for product, problem in failed)
    append_file(path, "".join(f"{text}\n" for text in (*openings, *unjudged)).encode())


def notify_run(run: Run, published: Published | None, location: str, settings: Settings, watch: Watch) -> Told:
    """Tell the channels of a run; one that fails is a warning.

    Parameters
    ----------
    published : Published or None
        Where the report was published, if it was.
    location : str
        The server or folder that the jobs came from; empty for files.

    Raises
    ------
    OutputError
        When what they know cannot be remembered.
    """
    from perftracker_ai.commands.notify import tell_channels
    from perftracker_ai.render.message import message

    folder = Path(settings.reports_dir) / safe_name(run.product)
    text = message(run.report, _link(run, published, location), _board(run, settings))
    return tell_channels(run.analysis, text, settings.channels, folder, watch)


def _link(run: Run, published: Published | None, location: str) -> Link:
    """Return where people find a run: its published page, else the candidate's page, else the file and its machine.

    What is linked is called what it is, for the candidate's page without the report on it is no report.
    """
    from socket import gethostname

    from perftracker_ai.render.message import Link

    if published is not None:
        return Link("Report", published.documents[0].address)
    if location.lower().startswith(("http://", "https://")):
        address = f"{location}/{run.analysis.candidate.project_id}/job/{run.analysis.candidate.id}"
        return Link("Candidate's job", address)
    return Link(f"Report, on {clean(gethostname(), _LONGEST_HOST)}", str(page_of(run).absolute()))


def _board(run: Run, settings: Settings) -> Board | None:
    """Return where the dashboard has a run; None where the settings name none."""
    from perftracker_ai.render.board import board

    return board(settings.dashboard_url, run.shown) if settings.dashboard_url else None


def page_of(run: Run) -> Path:
    """Give the file of a run that a browser shows."""
    return _file(run, PAGE)


def _written(run: Run, name: str) -> bytes:
    """Read a file that this run wrote."""
    return _file(run, name).read_bytes()


def _file(run: Run, name: str) -> Path:
    return next(path for path in run.written if path.name == name)


def publish_run(run: Run, settings: Settings, watch: Watch) -> Published:
    """Publish a run's report to the server its jobs came from, linked to the candidate.

    The copy of the page that goes there holds no script, for it is served from the server's own origin.

    Raises
    ------
    PublishError, SourceError, UsageError
        When the server does not take it; the report on this machine stays.
    """
    from perftracker_ai.http.perftracker import open_connection
    from perftracker_ai.publish import HTML, TEXT, Document, publish
    from perftracker_ai.render.board import board_page
    from perftracker_ai.render.html import html_report
    from perftracker_ai.render.message import inert

    analysis = run.analysis
    result = _written(run, RESULT)
    page = html_report(run.shown, run.report, result=result, scripts=False)
    text = _written(run, REPORT)
    before, after = analysis.baseline, analysis.candidate
    versions = f"{before.product_ver} (job {before.id}) against {after.product_ver} (job {after.id})"
    what = inert(f"PerfTracker AI: {analysis.decision.verdict}, {after.product_name} {versions}", _DESCRIPTION)
    documents = [
        Document(name="report.html", mime=HTML, content=page.encode(), description=what),
        Document(name="report.md", mime=TEXT, content=text, description=what),
    ]
    if there := _board(run, settings):
        links = board_page(there, run.report).encode()
        documents.append(Document(name="dashboard.html", mime=HTML, content=links, description=what))
    with closing(open_connection(settings, lambda text: watch(Step(text)))) as connection:
        return publish(
            connection,
            analysis.baseline,
            analysis.candidate,
            documents,
            comparison=settings.comparison,
            report=lambda text: watch(Step(text)),
        )
