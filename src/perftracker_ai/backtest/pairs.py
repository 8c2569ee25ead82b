"""Which jobs are compared for each night of a past.

In: the jobs of one hardware and suite. Out: for each night what `analyze` would have compared with the jobs that had
ended by then, and for each job the one before it of the same version. Both are chosen by `discovery`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from perftracker_ai.backtest.values import Pairing, PairKind
from perftracker_ai.discovery import choose
from perftracker_ai.errors import UsageError
from perftracker_ai.model.versions import trimmed
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from perftracker_ai.model import JobInfo, Pair
    from perftracker_ai.settings import DiscoverySettings

AGAIN = " again"
"""What is added to the version of a job that is judged as if it were of another one; the word comes after the number,
so that it is a later version of the same release."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def pairings(jobs: Sequence[JobInfo], settings: DiscoverySettings, kinds: Collection[PairKind]) -> tuple[Pairing, ...]:
    """Return the pairs of all nights, oldest first.

    Parameters
    ----------
    jobs : sequence of JobInfo
        Of one product, hardware and suite, oldest first.
    settings : DiscoverySettings
        Versions that are asked for do not count: every night has its own.
    """
    wanted = replace(settings, hardware="", baseline_version="", candidate_version="")
    found = (one for place in range(1, len(jobs)) for one in _of_night(jobs[: place + 1], wanted, kinds))
    return tuple(found)


def _of_night(known: Sequence[JobInfo], settings: DiscoverySettings, kinds: Collection[PairKind]) -> Iterator[Pairing]:
    """Yield the pairs of the night whose job is the last one that is known."""
    night = known[-1]
    if PairKind.CONSECUTIVE in kinds:
        pair = _chosen(known, settings)
        if pair is not None:
            yield _pairing(PairKind.CONSECUTIVE, night, pair)
    if PairKind.SAME_VERSION in kinds:
        own = [job for job in known[:-1] if job.version == night.version]
        pair = _chosen([*own, relabelled(night)], settings) if own else None
        if pair is not None and pair.candidate.id == night.id:
            yield _pairing(PairKind.SAME_VERSION, night, replace(pair, candidate=night))


def relabelled(job: JobInfo) -> JobInfo:
    """Return a job as if it were of another version."""
    return replace(job, product_ver=f"{job.product_ver}{AGAIN}")


def _chosen(known: Sequence[JobInfo], settings: DiscoverySettings) -> Pair | None:
    newest_first = known[::-1]
    return choose(newest_first, newest_first[0].product_name, settings).pair


def _pairing(kind: PairKind, night: JobInfo, pair: Pair) -> Pairing:
    return Pairing(
        kind=kind,
        night=night,
        baseline=pair.baseline,
        candidate=pair.candidate,
        reruns=pair.reruns,
        candidate_reruns=pair.candidate_reruns,
    )


# ── which nights ────────────────────────────────────────────────────────────────────────────────────────────────────


def between(pairs: Sequence[Pairing], jobs: Sequence[JobInfo], first: str, last: str) -> tuple[Pairing, ...]:
    """Return the pairs of some nights; what was measured before the first one is known all the same.

    Parameters
    ----------
    jobs : sequence of JobInfo
        All of them, oldest first.
    first, last : str
        A day (UTC), the number of a job, or a version: from its first job, to its last one; both included. Empty for no
        bound.

    Raises
    ------
    UsageError
        When it is none of these.
    """
    begin = _moment(jobs, first, "--from") if first else None
    end = _moment(jobs, last, "--to", is_last=True) if last else None
    return tuple(
        one for one in pairs if (begin is None or _at(one.night) >= begin) and (end is None or _at(one.night) <= end)
    )


def _moment(jobs: Sequence[JobInfo], text: str, option: str, *, is_last: bool = False) -> tuple[datetime, int]:
    """Return when a range of nights begins, or ends, as jobs are ordered."""
    if _DAY.fullmatch(text):
        return _day(text, option, is_last=is_last)
    named = [job for job in jobs if str(job.id) == text] or [job for job in jobs if job.version == trimmed(text)]
    if not named:
        raise UsageError(
            f"{option} {clean(text, 100)!r} is no day such as 2026-12-31, and no job or version of this past",
            "`perftracker-ai jobs` shows the jobs",
        )
    return _at(named[-1] if is_last else named[0])


def _day(text: str, option: str, *, is_last: bool) -> tuple[datetime, int]:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise UsageError(f"{option} {text} is no day of the calendar", "write one such as 2026-12-31") from error
    return (day + timedelta(days=1) - timedelta(microseconds=1), 1 << 63) if is_last else (day, -1)


def _at(job: JobInfo) -> tuple[datetime, int]:
    return job.end, job.id
