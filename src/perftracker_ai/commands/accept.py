"""A finding of saved results made into entries of the settings file, which from then on accept it.

In: a results file, the id of a finding or of an item, reason and date. Out: the text that was appended. Refuses what is
not slower, a date that is past, and an id that is not there.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from difflib import get_close_matches
from threading import Lock
from typing import TYPE_CHECKING

from perftracker_ai.commands.report_files import read_results
from perftracker_ai.config.file import append_entries, entry_text
from perftracker_ai.errors import UsageError
from perftracker_ai.issues.accepted import entries_for
from perftracker_ai.model import Direction
from perftracker_ai.report.view import view
from perftracker_ai.results.read import read_result
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from pathlib import Path

    from perftracker_ai.model import Analysis
    from perftracker_ai.settings import Accept

_NEAREST = 3


def accept_finding(result: Path, finding: str, *, reason: str, until: str, file: Path) -> str:
    """Accept a finding: append what covers it to the settings file.

    Parameters
    ----------
    result : Path
        A results file.
    finding : str
        ``C1`` for an item with all its curves, ``R3`` or ``M2`` for one curve.
    reason : str
    until : str
        The last day on which it is accepted, ``2026-12-31``.
    file : Path
        The settings file, made when it is not there.

    Returns
    -------
    str
        What was appended.

    Raises
    ------
    UsageError
        When results, finding, reason, date or settings file cannot be used.
    OutputError
        When the settings file cannot be written.
    """
    day = _wanted_day(reason, until)
    analysis = read_result(read_results(result), str(result))
    entries = _entries(analysis, finding, str(result), reason, day)
    append_entries(file, entries)
    return "\n".join(map(entry_text, entries))


class SettingsFile:
    """Entries for issues of kept results: worded, and written where a settings file is named.

    Parameters
    ----------
    path : Path or None
        The settings file.
    """

    def __init__(self, path: Path | None) -> None:
        self._path, self.file, self._lock = path, str(path or ""), Lock()

    def entry(self, result: bytes, key: str, reason: str, until: str) -> tuple[str, str]:
        """Return the entry that accepts an issue, as `accept` writes it, and the issue's id in the results.

        Raises
        ------
        UsageError
        """
        name, entries = self._found(result, key, reason, until)
        return "\n".join(map(entry_text, entries)), name

    def write(self, result: bytes, key: str, reason: str, until: str) -> None:
        """Append that entry to the settings file, one writer at a time, whole or not at all.

        Raises
        ------
        UsageError
            When the results, the reason, the day or the file cannot be used.
        OutputError
            When the file cannot be written.
        """
        if self._path is None:
            raise UsageError("No settings file was named to write to", "start `serve` with --accept-into FILE")
        _, entries = self._found(result, key, reason, until)
        with self._lock:
            append_entries(self._path, entries)

    def _found(self, result: bytes, key: str, reason: str, until: str) -> tuple[str, tuple[Accept, ...]]:
        day = _wanted_day(reason, until)
        analysis = read_result(result, "The results")
        name = next((one.id for one in analysis.clusters if one.key == key), None)
        if name is None:
            raise UsageError("The kept results do not tell of that issue", "use `perftracker-ai accept`")
        return name, _entries(analysis, name, "the results", reason, day)


def _wanted_day(reason: str, until: str) -> date:
    day = _day(until, datetime.now(UTC).date())
    if not reason.strip():
        raise UsageError("The reason is empty", "say with --reason why this regression is accepted")
    return day


def _entries(analysis: Analysis, finding: str, result: str, reason: str, day: date) -> tuple[Accept, ...]:
    if not analysis.candidate.product_name:
        raise UsageError(f"The jobs of {result} name no product, so no entry can name them", "correct the jobs")
    return entries_for(analysis, _curves(analysis, finding, result), reason, day)


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--until is {clean(text)!r}, which is no date", f"write it as {today.year}-12-31") from error
    if day < today:
        raise UsageError(f"--until is {day}, which is past (today is {today})", "give the last day it is accepted")
    return day


def _curves(analysis: Analysis, finding: str, result: str) -> tuple[int, ...]:
    """Find the curves that an id stands for; only what became worse can be accepted."""
    shown = view(analysis)
    clusters = {cluster.id: cluster for cluster in analysis.clusters}
    known: dict[str, tuple[int, ...]] = {one.id: (one.curve.index,) for one in shown.by_curve.values()}
    known |= {name: cluster.curves for name, cluster in clusters.items()}
    if finding not in known:
        raise _unknown(finding, [name for name, curves in known.items() if _slower(analysis, name, curves)], result)
    if not _slower(analysis, finding, known[finding]):
        raise UsageError(
            f"{finding} in {result} did not become slower, so there is nothing to accept", "name one that did"
        )
    return known[finding]


def _slower(analysis: Analysis, name: str, curves: tuple[int, ...]) -> bool:
    """Tell whether an id is of a slowdown; a curve that is mixed is one, its improvement's cluster is not."""
    cluster = next((one for one in analysis.clusters if one.id == name), None)
    if cluster is not None:
        return cluster.direction is Direction.WORSE
    windows = analysis.detection.results[curves[0]].windows
    return any(window.direction is Direction.WORSE for window in windows)


def _unknown(finding: str, names: list[str], result: str) -> UsageError:
    if not names:
        return UsageError(f"Nothing in {result} became slower, so there is nothing to accept.")
    near = get_close_matches(finding.upper(), names, n=_NEAREST, cutoff=0.0)
    there = (
        f"the nearest of {plural(len(names), 'id')} are {listing(near)}" if len(names) > 1 else f"there is {names[0]}"
    )
    return UsageError(f"There is no finding {clean(finding)!r} in {result}", there)
