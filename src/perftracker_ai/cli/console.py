"""What people see: progress and warnings on stderr, results on stdout; plain lines where there is no terminal."""

from __future__ import annotations

import sys
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, assert_never

from perftracker_ai.cli.streams import show, tell, tell_error
from perftracker_ai.events import Chosen, Judging, Pulling, Received, Recording, Step, Writing
from perftracker_ai.model import Notice
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean
from perftracker_ai.words.wording import notice_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.progress import Progress, TaskID

    from perftracker_ai.commands.analyze import Run
    from perftracker_ai.commands.doctor import Check
    from perftracker_ai.commands.notify import Told
    from perftracker_ai.errors import PerfTrackerAIError
    from perftracker_ai.events import Event
    from perftracker_ai.model import Considered, Selection
    from perftracker_ai.publish import Published

_SHOWN_JOBS = 25
_LONGEST_LINE = 600
_RECORDING = "recording"
"""Name of the line of a synchronisation among those of its downloads."""
_JUDGING = "judging"
"""Name of the line of a backtest."""
_COUNTED = {_RECORDING, _JUDGING}
"""Lines that count things, and not bytes."""


class Console:
    """The `Watch` of a command in a terminal, a pipe or a log file.

    Parameters
    ----------
    quiet, verbose : bool
        Warnings only; or a line for every job looked at as well.
    """

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self._quiet = quiet
        self._verbose = verbose
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._moving = Lock()  # downloads tell of their progress from threads of their own
        self._section = ""
        self._steps: set[str] = set()
        self._judged: tuple[int, float] | None = None  # how many there were at the beginning, and when that was
        self._tenth = 0
        self._warned: set[Notice] = set()

    def __call__(self, event: Event) -> None:
        """Show what happens."""
        match event:
            case Step(text):
                self._step(text)
            case Chosen(selection):
                self._chosen(selection)
            case Received(job, received, total):
                self._received(job, received, total)
            case Recording() | Judging():
                self._counting(event)
            case Writing(section, tokens, seconds):
                self._writing(section, tokens, seconds)
            case Pulling(status, received, total):
                self._pulling(status, received, total)
            case Notice():
                self._warn(event)
            case _:
                assert_never(event)

    def _step(self, text: str) -> None:
        """Say what happens next."""
        with self._moving:
            self.close()
        if not self._quiet:
            self._say(f"{text} …")

    def _chosen(self, selection: Selection) -> None:
        """Say what discovery found and took."""
        self.close()
        if self._quiet:
            return
        for line in _found_lines(selection):
            tell(f"  {line}")
        if selection.pair:
            pair = selection.pair
            roles = [("baseline", pair.baseline), ("candidate", pair.candidate)]
            reruns = (*pair.reruns, *pair.candidate_reruns)
            for role, job in [*roles, *(("rerun", job) for job in reruns)]:
                self._say(f"{role} {job.id}: version {job.product_ver}, {job.end:%Y-%m-%d %H:%M} UTC", indent="  ")
        for line in _job_lines(selection.considered) if self._verbose else ():
            tell(f"  {line}")

    def _received(self, job_id: int, received: int, total: int | None) -> None:
        """Move the progress bar of a download; where there is no terminal, say when it is waited for and done.

        A server takes minutes to build a large job before it sends the first byte of it.
        """
        if self._quiet:
            return
        if sys.stderr.isatty():
            waiting = "" if received else ", waiting for the server"
            with self._moving:
                self._move(_download_bar, f"job {job_id}{waiting}", received, total, name=f"job {job_id}")
        elif received == 0:
            self._say(f"job {job_id}: waiting for the server", indent="  ")
        elif received == total:
            self._say(f"job {job_id}: {received / 1e6:.1f} MB read", indent="  ")

    def _counting(self, event: Recording | Judging) -> None:
        """Show how many of all there are done."""
        if self._quiet:
            return
        match event:
            case Recording(jobs, done, total):
                self._recording(jobs, done, total)
            case Judging(done, total):
                self._judging(done, total)

    def _recording(self, jobs: tuple[int, ...], done: int, total: int) -> None:
        """Move the bar of a synchronisation; where there is no terminal, name the jobs that come next."""
        if sys.stderr.isatty():
            with self._moving:
                self._move(_download_bar, f"recording {plural(total, 'job')}", done - len(jobs), total, name=_RECORDING)
        else:
            self._step(f"Recording job {' and '.join(map(str, jobs))} ({done} of {total})")

    def _judging(self, done: int, total: int) -> None:
        """Move the bar of a backtest; where there is no terminal, say every tenth how far it is and what is left."""
        if sys.stderr.isatty():
            with self._moving:
                self._move(_download_bar, "judging pairs", done, total, name=_JUDGING)
            return
        now = monotonic()
        first, began = self._judged = self._judged or (done, now)
        if done > first and (done == total or 10 * done // total > self._tenth):
            left = (now - began) / (done - first) * (total - done)
            self._say(f"{done:,} of {plural(total, 'pair')} judged, {_duration(left)} left", indent="  ")
        self._tenth = 10 * done // total

    def _writing(self, section: str, tokens: int, seconds: float) -> None:
        """Show how far a model's answer is; where there is no terminal, say when it comes to another section."""
        if self._quiet:
            return
        text = f"{section or 'waiting for the model'}, {plural(tokens, 'token')}"
        if sys.stderr.isatty():
            self._move(_answer_line, text, tokens, None, name="answer")
        elif section != self._section:
            self._section = section
            self._say(f"{text}, {seconds:.0f} s", indent="  ")

    def _pulling(self, status: str, received: int, total: int) -> None:
        """Move the progress bar of a model's download; where there is no terminal, name each step once."""
        if self._quiet:
            return
        if sys.stderr.isatty():
            self._move(_download_bar, clean(status, 60), received, total or None, name="model")
        elif status not in self._steps:
            self._steps.add(status)
            self._say(status, indent="  ")

    def _warn(self, notice: Notice) -> None:
        """Show a notice, once."""
        self.close()
        if notice not in self._warned:
            self._warned.add(notice)
            tell(f"warning: {notice_text(notice, clean)}")

    def error(self, error: PerfTrackerAIError) -> None:
        """Show an error."""
        self.close()
        tell_error(error, trace=self._verbose)

    def close(self) -> None:
        """Take the progress bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._tasks = {}

    def _say(self, text: str, indent: str = "") -> None:
        tell(indent + clean(text, _LONGEST_LINE))

    def _move(
        self, make: Callable[[], Progress], text: str, done: int, total: int | None, name: str | None = None
    ) -> None:
        """Move the line of this name, by default its text, of the bar that is shown, made when there is none."""
        if self._bar is None:
            self._bar = make()
            self._bar.start()
        key = name or text
        amount = _amount(key, done, total)
        if key not in self._tasks:
            self._tasks[key] = self._bar.add_task(text, total=total, amount=amount)
        self._bar.update(self._tasks[key], description=text, completed=done, total=total, amount=amount)
        if done == total and key not in _COUNTED:  # of hundreds of downloads those on their way are of interest
            self._bar.update(self._tasks[key], visible=False)


def _duration(seconds: float) -> str:
    """Say how long something takes."""
    minute = 60
    return f"{seconds:.0f} s" if seconds < 2 * minute else f"{seconds / minute:.0f} min"


def _amount(name: str, done: int, total: int | None) -> str:
    """Say how much is done: of jobs their number, of all else bytes."""
    if name in _COUNTED:
        return f"{done:,} of {total:,}"
    return f"{done / 1e6:.1f} MB" if total is None else f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"


def _download_bar() -> Progress:
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    name = TextColumn("  {task.description}", markup=False)
    columns = (name, BarColumn(), TextColumn("{task.fields[amount]}"), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=RichConsole(stderr=True), transient=True)


def _answer_line() -> Progress:
    """Make the line of an answer on its way; the seconds go on while a model says nothing."""
    from rich.console import Console as RichConsole
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Progress(*columns, console=RichConsole(stderr=True), transient=True)


def show_run(run: Run) -> None:
    """Print a run's summary: with Rich in a terminal, as plain lines elsewhere."""
    from perftracker_ai.render.terminal import plain_screen, screen

    paths, report = [str(path) for path in run.written], run.report
    if sys.stdout.isatty():
        from rich.console import Console as RichConsole

        terminal = RichConsole()
        terminal.print(screen(report, paths, terminal.width), soft_wrap=True)
    else:
        show(plain_screen(report, paths))


def show_published(published: Published) -> None:
    """Print where a report was published."""
    show(f"Published  {clean(published.job_address, 400)}")
    for document in published.documents:
        show(f"           {clean(document.address, 400)}")
    if published.comparison_address:
        show(f"           {clean(published.comparison_address, 400)}")


def show_told(told: Told) -> None:
    """Print which channels got a message; what became of the others is a warning, or no news."""
    spared = f"nothing new for {', '.join(map(clean, told.spared))}" if told.spared else ""
    reached = ", ".join(map(clean, told.reached))
    show(f"Notified   {'; '.join(filter(None, (reached, spared))) or 'nobody'}")


def show_left_out(products: Sequence[str]) -> None:
    """Name the products that have no two jobs to compare, in one line."""
    if products:
        names = clean(", ".join(map(clean, products)), _LONGEST_LINE)
        tell(f"{plural(len(products), 'product')} without two jobs to compare: {names}")


def show_alone(groups: Sequence[str]) -> None:
    """Name the hardware and suites on which a product has no two jobs to compare, in one line."""
    if groups:
        tell(f"Without two jobs to compare: {clean('; '.join(map(clean, groups)), _LONGEST_LINE)}")


def show_selection(selection: Selection) -> None:
    """Print what discovery sees: hosts, jobs, the pair, and why not the others."""
    show("\n".join([*_found_lines(selection), "", *_job_lines(selection.considered), "", _choice(selection)]))


def _found_lines(selection: Selection) -> list[str]:
    """Say how many jobs there are, in all and of each hardware."""
    product = clean(selection.product)
    found = f"{plural(selection.found, 'job')} of {product} read, {selection.without_local} without local runs"
    hardware = [
        f"  {clean(name)}: {plural(count, 'comparable job', 'comparable jobs')}"
        for name, count in selection.per_hardware
    ]
    return [found, *hardware]


def _choice(selection: Selection) -> str:
    """Say which jobs would be compared, or why none."""
    if selection.pair is None:
        return f"Nothing to compare: {clean(f'{selection.problem}; {selection.cure}.', _LONGEST_LINE)}"
    pair = selection.pair
    reruns = ", ".join(str(job.id) for job in pair.reruns) or "none"
    more = ", ".join(str(job.id) for job in pair.candidate_reruns)
    own = f", of the candidate: {more}" if more else ""
    pair_of = f"baseline {pair.baseline.id} with candidate {pair.candidate.id}"
    return f"Compares {pair_of}; reruns of the baseline: {reruns}{own}."


def _job_lines(considered: Sequence[Considered]) -> list[str]:
    """Lay out jobs as a table: every job with a role, and the newest of the others."""
    rows = [("job", "end (UTC)", "version", "suite", "hosts", "tests", "role or reason")]
    kept = [job for position, job in enumerate(considered) if job.role or position < _SHOWN_JOBS]
    for entry in kept:
        job, why = entry.job, entry.role
        if entry.exclusion is not None:
            why = f"{entry.exclusion.value} ({entry.detail})" if entry.detail else entry.exclusion.value
        suite = f"{job.suite_name} {job.suite_ver}".strip()
        tests = str(job.tests_completed)
        rows.append((str(job.id), f"{job.end:%Y-%m-%d %H:%M}", job.product_ver, suite, "+".join(job.hosts), tests, why))
    cells = [[clean(cell, 60) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    left = len(considered) - len(kept)
    return [*lines, f"… and {left} older jobs"] if left else lines


def show_checks(checks: Sequence[Check]) -> None:
    """Print what the doctor found, each problem with its cure; what has one and is no problem is a hint."""
    for check in checks:
        word = ("hint   " if check.cure else "ok     ") if check.passed else "PROBLEM"
        show(f"{word}  {clean(check.name)}: {clean(check.detail, _LONGEST_LINE)}")
        if check.cure:
            show(f"         → {clean(check.cure, _LONGEST_LINE)}")
