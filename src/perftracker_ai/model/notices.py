"""Notices: what a reader must know before trusting a comparison, as typed variants that carry their data.

Values only; `words.wording` has one sentence for each.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 - msgspec reads it when it reads results back

import msgspec


def _kind_of(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class Notice(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=_kind_of):
    """Something a reader must know before trusting a comparison; `wording` has one sentence for each kind."""

    @property
    def kind(self) -> str:
        """Its stable name in the results, ``other_product``."""
        return str(self.__struct_config__.tag)


class OtherProduct(Notice, frozen=True, kw_only=True):
    """The jobs are of different products."""

    baseline: str
    candidate: str


class OtherHardware(Notice, frozen=True, kw_only=True):
    """The jobs ran on different hosts."""

    baseline: str
    candidate: str


class OtherSuite(Notice, frozen=True, kw_only=True):
    """The jobs ran different test suites, or versions of one."""

    baseline: str
    candidate: str


class SameVersion(Notice, frozen=True, kw_only=True):
    """Both jobs are of one version."""

    version: str


class SameJob(Notice, frozen=True, kw_only=True):
    """Baseline and candidate are one job."""

    job: int


class OtherProject(Notice, frozen=True, kw_only=True):
    """A job that was named is in another project than the one asked for."""

    job: int
    project: str
    asked: int


class DeletedJob(Notice, frozen=True, kw_only=True):
    """A job is marked as deleted."""

    job: int


class CandidateOlder(Notice, frozen=True, kw_only=True):
    """The candidate ended before the baseline."""

    baseline: int
    baseline_end: date
    candidate: int
    candidate_end: date


class CountersMoved(Notice, frozen=True, kw_only=True):
    """A job counts other tests than it holds."""

    job: int
    counted: int
    present: int


class DirectionAssumed(Notice, frozen=True, kw_only=True):
    """Curves that measure times, memory, errors or the like, not marked as lower-is-better."""

    curves: int
    first: str


class DirectionUnknown(Notice, frozen=True, kw_only=True):
    """Curves of which nothing tells whether more or less is better."""

    curves: int
    first: str


class DirectionConflict(Notice, frozen=True, kw_only=True):
    """Curves whose tests disagree on whether lower is better."""

    curves: int
    first: str


class UnitConflict(Notice, frozen=True, kw_only=True):
    """Curves measured in units that cannot be converted."""

    curves: int
    first: str


class LoadsDiffer(Notice, frozen=True, kw_only=True):
    """Curves measured at different loads."""

    curves: int
    first: str


class BadRecords(Notice, frozen=True, kw_only=True):
    """Test records of a job that could not be read."""

    job: int
    records: int
    position: int
    problem: str


class Insecure(Notice, frozen=True, kw_only=True):
    """A server whose certificate was not verified."""

    server: str


class NoReruns(Notice, frozen=True, kw_only=True):
    """There is no other run of the baseline's version."""

    version: str


class AcceptEnds(Notice, frozen=True, kw_only=True):
    """An accepted regression counts again soon."""

    accepted: str
    until: date
    days_left: int


class AcceptEnded(Notice, frozen=True, kw_only=True):
    """An accepted regression counts again."""

    accepted: str
    until: date


class AcceptGone(Notice, frozen=True, kw_only=True):
    """An accepted regression is not there any more."""

    accepted: str


class AcceptUnmatched(Notice, frozen=True, kw_only=True):
    """An accepted regression names no test."""

    accepted: str


class AcceptOutgrown(Notice, frozen=True, kw_only=True):
    """An accepted regression is more than was accepted."""

    accepted: str
    size: str
    found: str


class SkippedFile(Notice, frozen=True, kw_only=True):
    """A file that is no usable job."""

    name: str
    problem: str


class SkippedFiles(Notice, frozen=True, kw_only=True):
    """Several files that are no usable jobs, and what is wrong with the first of them."""

    files: int
    name: str
    problem: str


class SkippedJob(Notice, frozen=True, kw_only=True):
    """A job that could not be used."""

    job: int
    problem: str


class NewerJob(Notice, frozen=True, kw_only=True):
    """A job that is newer than the candidate and is not there yet, or is broken."""

    job: int
    version: str
    problem: str


class NewerVersion(Notice, frozen=True, kw_only=True):
    """A version newer than the candidate's that was measured where it cannot be compared."""

    job: int
    version: str
    problem: str
    taken: str


class NoHistory(Notice, frozen=True, kw_only=True):
    """The store of past jobs failed."""

    problem: str
    cure: str


class NotRecorded(Notice, frozen=True, kw_only=True):
    """The store of past jobs can only be read."""

    problem: str
    cure: str


class FromStore(Notice, frozen=True, kw_only=True):
    """The jobs were taken from the store of past jobs, which keeps points and not all of the tests."""


class NoChanges(Notice, frozen=True, kw_only=True):
    """The changes between the versions could not be read."""

    problem: str
    cure: str


class NoModel(Notice, frozen=True, kw_only=True):
    """The language model failed."""

    problem: str
    cure: str


class NoRepair(Notice, frozen=True, kw_only=True):
    """The language model failed when it was asked a second time."""

    problem: str
    cure: str


class NotTold(Notice, frozen=True, kw_only=True):
    """A channel takes no message."""

    problem: str
    cure: str


class TextsRefused(Notice, frozen=True, kw_only=True):
    """Sentences of a language model that did not pass the check, and choices that the facts do not bear out."""

    refused: int
    dropped: int
    model: str


class AnswerCut(Notice, frozen=True, kw_only=True):
    """A language model's answer that reached its longest; what was finished of it is used."""

    model: str
    tokens: int
    thoughts: int


NOTICES: dict[str, type[Notice]] = {str(one.__struct_config__.tag): one for one in Notice.__subclasses__()}
"""Every kind of notice by its name in the results."""
