"""What the dashboard asks of whatever keeps comparisons: a store, or a folder of reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from perftracker_ai.model import JobInfo
    from perftracker_ai.store import Comparison, History, IssueRow, Levels, Ran, Said, Scope, Triage


class Acceptor(Protocol):
    """What makes the results of a comparison into entries of the settings file.

    Attributes
    ----------
    file : str
        The settings file that is written, as people name it; empty where none is.
    """

    file: str

    def entry(self, result: bytes, key: str, reason: str, until: str) -> tuple[str, str]:
        """Return the entry that accepts an issue, and its id in the results.

        Raises
        ------
        UsageError
            When reason or day, or the results, are not what it takes.
        """

    def write(self, result: bytes, key: str, reason: str, until: str) -> None:
        """Write that entry, whole or not at all.

        Raises
        ------
        UsageError
            As `entry`, or when the settings file cannot take it.
        OutputError
            When it cannot be written.
        """


class Records(Protocol):
    """Kept comparisons.

    Every method raises a `PerfTrackerAIError` when what is kept cannot be read.

    Attributes
    ----------
    place : str
        Where they are kept, as people name it; never with credentials.
    note : str
        What is to be known of them: what is not there to be shown, and what would bring it; mostly empty.
    """

    place: str
    note: str

    def comparisons(self, product: str | None, most: int) -> tuple[Comparison, ...]:
        """Return the newest comparisons of every server, product, hardware and suite, so many of each, oldest first."""

    def of_jobs(self, candidates: Collection[int]) -> tuple[Comparison, ...]:
        """Return every comparison whose candidate has one of these numbers, by when it ended and was made."""

    def issues(self, product: str | None) -> tuple[IssueRow, ...]:
        """Return every issue as its newest job left it, of a product or of all, the largest first."""

    def largest_issues(self, candidates: Collection[str]) -> tuple[IssueRow, ...]:
        """Return the worst issues of each comparison by its candidate's uuid, the worst first; none that is closed."""

    def numbered(self, number: int) -> tuple[tuple[str, JobInfo], ...]:
        """Return the jobs of a number, each with its server, the newest first; none where only reports are kept."""

    def jobs(self, scope: Scope) -> tuple[JobInfo, ...]:
        """Return a scope's jobs, oldest first; none where only reports are kept."""

    def page_of(self, origin: str, job: JobInfo) -> str:
        """Return the address of a job's page on its server; empty where that is not known."""

    def ran(self, product: str | None, most: int) -> tuple[Ran, ...]:
        """Return the newest jobs of every server, product, hardware and suite, compared or not, oldest first.

        So many of each; none where only reports are kept.
        """

    def levels(self, scope: Scope, most: int) -> tuple[Levels, ...]:
        """Return what each curve of a scope's newest jobs cost as a whole, oldest first."""

    def measured(self, scope: Scope, jobs: Collection[str]) -> History | None:
        """Return every value of a scope's jobs by their uuids; None where values are not kept."""

    def course(self, place: Scope, key: str) -> tuple[IssueRow, ...]:
        """Return an issue as each job that tells of it left it, by when they ended; with what is kept of it."""

    def said(self, product: str | None) -> tuple[Said, ...]:
        """Return the last word on each issue, of a product or of all."""

    def log(self, product: str | None, key: str | None, most: int) -> tuple[Said, ...]:
        """Return everything that was said, of a product or of all, of one issue or of all; so much, newest first."""

    def say(self, said: Sequence[tuple[Triage, int]]) -> tuple[Said, ...]:
        """Keep what somebody says, each with the number of the last word they saw, all of it or nothing.

        Returns
        -------
        tuple of Said
            What others said meanwhile, for which nothing was kept; empty where all was.
        """

    def result(self, origin: str, baseline: str, candidate: str) -> bytes | None:
        """Return the results of two jobs by their uuids; None when they are not kept."""
