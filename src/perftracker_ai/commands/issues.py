"""Issues from comparison to comparison: kept after each, listed from the store, filled in from earlier results.

In: comparisons. Out: rows of the store. A store that fails costs the memory of a comparison and never the comparison.
"""

from __future__ import annotations

import os
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai import TOOL_VERSION
from perftracker_ai.commands.lookup import is_missing, store_url
from perftracker_ai.commands.report_files import RESULT
from perftracker_ai.decoding import decoded
from perftracker_ai.errors import NotFound, PerfTrackerAIError, StoreReadOnly, UsageError, guarded
from perftracker_ai.events import Step
from perftracker_ai.model import Direction, NotRecorded, SkippedFile
from perftracker_ai.model.issues import IssueStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perftracker_ai.events import Watch
    from perftracker_ai.model import Analysis, Curve, JobInfo
    from perftracker_ai.model.issues import Tracked
    from perftracker_ai.settings import Settings
    from perftracker_ai.store import Comparison, IssueRow, Store

_DEEPEST, _MOST_FILES = 4, 100_000
"""Folders below that of the reports in which results are looked for, and results that are looked at, at most."""
_LARGEST = 64 << 20
"""Bytes of results that are read; larger ones are kept by no store."""


def key_of_step(product: str, endpoint: str, members: Sequence[Curve]) -> str:
    """Return the key of what became slower at an endpoint, which no comparison found."""
    from perftracker_ai.diagnose.keys import key_of

    return key_of(product, endpoint, {one.scenario for one in members}, members, Direction.WORSE)


# ── after a comparison ──────────────────────────────────────────────────────────────────────────────────────────────


def keep_comparison(
    analysis: Analysis, issues: Sequence[Tracked], result: bytes, location: str, settings: Settings, watch: Watch
) -> None:
    """Keep a comparison with what became of every issue; where the store fails, that is said and nothing else."""
    from perftracker_ai.store import open_store, origin_of

    try:
        with guarded("Keeping the comparison"), closing(open_store(store_url(settings))) as store:
            kept = comparison_of(analysis, origin_of(location), datetime.now(UTC))
            store.comparisons.put(kept, result, issues)
    except StoreReadOnly:
        return  # said when its jobs could not be recorded
    except PerfTrackerAIError as error:
        watch(NotRecorded(problem=error.problem, cure=error.cure or "see `perftracker-ai doctor`"))


def comparison_of(analysis: Analysis, origin: str, made: datetime, asked_by: str = "") -> Comparison:
    """Return what is kept of a comparison; ``asked_by`` names who asked for it in the dashboard."""
    from perftracker_ai.render.overview import summary_values
    from perftracker_ai.store import Comparison, hardware_of

    told, candidate, baseline = summary_values(analysis), analysis.candidate, analysis.baseline
    criteria = msgspec.json.encode([analysis.criteria, analysis.policy])
    return Comparison(
        origin=origin,
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
        reruns=_numbers(analysis.reruns),
        candidate_reruns=_numbers(analysis.candidate_reruns),
        end=candidate.end,
        made=made,
        tool=TOOL_VERSION,
        settings=sha256(criteria).hexdigest()[:16],
        verdict=analysis.decision.verdict.value,
        rules=tuple(rule.key for rule in analysis.decision.rules if rule.fired),
        counts=_counts(told),
        validity=tuple(dict.fromkeys(check.kind for check in analysis.validity)),
        asked_by=asked_by,
    )


def _numbers(jobs: Sequence[JobInfo]) -> tuple[int, ...]:
    return tuple(job.id for job in jobs)


def _counts(told: dict[str, object]) -> dict[str, int]:
    """Return issues by severity, curves by outcome and gaps as one flat list."""
    flat = {"accepted curves": told["accepted_curves"], "failing": told["newly_failing_points"], "lost": told["lost"]}
    groups = (told["issues"], told["curves"])
    named = {name: count for group in groups if isinstance(group, dict) for name, count in group.items()}
    return {name: count for name, count in (named | flat).items() if isinstance(count, int)}


# ── the list ────────────────────────────────────────────────────────────────────────────────────────────────────────


def list_issues(product: str, settings: Settings) -> tuple[IssueRow, ...]:
    """Return every issue of a product that is known, as its newest job left it.

    They come by hardware and suite; of each the open ones first, the largest before the others.

    Raises
    ------
    NotFound
        When there is no store, or no comparison of the product in it.
    """
    from perftracker_ai.store import Scope, open_store

    scope, url = Scope(origin=_origin(settings), product=product), store_url(settings)
    if is_missing(url):
        raise NotFound(f"There is no store {url}", "`perftracker-ai history sync` makes one, `index` fills it")
    with closing(open_store(url)) as store:
        rows = store.comparisons.issues(scope)
        if not rows and not store.comparisons.list(scope):
            raise NotFound(
                f"The store {store.location} has no comparison of {product} from {scope.origin}",
                "check --url, compare two jobs, or run `perftracker-ai index REPORTS_DIR`",
            )
    wanted = settings.of_product(product).discovery.hardware
    kept = [row for row in rows if not wanted or wanted in {row.hardware, *row.hardware.split("+")}]
    return tuple(sorted(kept, key=lambda row: (row.hardware, row.suite, row.issue.status is IssueStatus.CLOSED)))


def _origin(settings: Settings) -> str:
    from perftracker_ai.commands.fetch import connect
    from perftracker_ai.store import origin_of

    with closing(connect(settings)) as source:
        return origin_of(source.location)


# ── earlier results ─────────────────────────────────────────────────────────────────────────────────────────────────


class Indexed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the results in a folder.

    Attributes
    ----------
    store : str
        Its name, without credentials.
    recorded, known, unusable : int
        Comparisons that are new in the store, those it had, and files that hold none.
    """

    store: str
    recorded: int
    known: int
    unusable: int


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """A file of results, and which jobs it is of."""

    path: Path
    end: datetime
    candidate_id: int
    pair: tuple[str, str]


class _Job(msgspec.Struct):
    id: int
    uuid: str
    end: datetime


class _Metadata(msgspec.Struct):
    run1: _Job
    run2: _Job


class _Head(msgspec.Struct):
    metadata: _Metadata


def index_reports(folder: Path, settings: Settings, watch: Watch) -> Indexed:
    """Fill the store with the comparisons of a folder of reports, oldest candidate first.

    They are taken to be of the source that the settings name, for results do not say where their jobs come from. What
    the store has already is left as it is.

    Raises
    ------
    UsageError
        When the folder is none, or holds no results.
    StoreError
        When nothing can be kept; what was recorded until then stays.
    """
    from perftracker_ai.store import open_store

    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "give the folder of reports, as --reports-dir names it")
    watch(Step(f"Looking for results in {folder}"))
    origin = _origin(settings)
    found, unusable = _looked_at(results_below(folder), watch)
    if not found and not unusable:
        raise UsageError(f"There is no {RESULT} in {folder}", "give the folder of reports, as --reports-dir names it")
    recorded = known = 0
    with closing(open_store(store_url(settings))) as store:
        for number, one in enumerate(found, 1):
            watch(Step(f"Recording comparison {number} of {len(found)}"))
            if store.comparisons.result(origin, *one.pair) is not None:
                known += 1
            elif _record(store, origin, one.path, settings, watch):
                recorded += 1
            else:
                unusable += 1
        return Indexed(store=store.location, recorded=recorded, known=known, unusable=unusable)


def results_below(folder: Path) -> Iterator[Path]:
    """Yield results in a folder and those below, by name; links to folders are not followed, nor is a deep nest."""
    deepest, found = len(folder.parts) + _DEEPEST, 0
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = sorted(folders) if len(here.parts) < deepest else []
        if RESULT in files and found < _MOST_FILES:
            found += 1
            yield here / RESULT


def _looked_at(paths: Iterator[Path], watch: Watch) -> tuple[list[_Found], int]:
    """Read of which jobs results are; what cannot be read is said and counted."""
    found, unusable = [], 0
    for path in paths:
        try:
            jobs = decoded(_content(path), _Head).metadata
            pair = jobs.run1.uuid, jobs.run2.uuid
            found.append(_Found(path=path, end=_aware(jobs.run2.end), candidate_id=jobs.run2.id, pair=pair))
        except (PerfTrackerAIError, ValueError, RecursionError) as error:
            unusable += 1
            watch(SkippedFile(name=str(path), problem=_why(error)))
    return sorted(found, key=lambda one: (one.end, one.candidate_id, one.pair, str(one.path))), unusable


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _why(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).rstrip(".")[:200]


def _content(path: Path) -> bytes:
    """Read a file of results, which may be any file.

    Raises
    ------
    UsageError
        When it cannot be read, or is too large.
    """
    from perftracker_ai.files import read_bounded, reason, unmarked

    try:
        content = read_bounded(path, _LARGEST)
    except OSError as error:
        raise UsageError(f"It cannot be read: {reason(error)}") from error
    if content is None:
        raise UsageError(f"It has more than {_LARGEST >> 20} MB")
    return unmarked(content)


def _record(store: Store, origin: str, path: Path, settings: Settings, watch: Watch) -> bool:
    """Keep the comparison of a file of results; False when it cannot be used."""
    from perftracker_ai.issues import Compared, follow
    from perftracker_ai.results.read import read_result
    from perftracker_ai.store import Scope, hardware_of

    try:
        content = _content(path)
        analysis = read_result(content, path.name)
        candidate = analysis.candidate
        scope = Scope(
            origin=origin,
            product=candidate.product_name,
            hardware=hardware_of(candidate.hosts),
            suite=candidate.suite_name,
        )
        compared = Compared(
            baseline=analysis.baseline,
            candidate=candidate,
            curves=analysis.curves,
            detection=analysis.detection,
            clusters=analysis.clusters,
            checks=analysis.validity,
            timeline=None,
            past=analysis.chronicle,
        )
        known = store.comparisons.tracked(scope, (candidate.end, candidate.id))
        issues = follow(compared, known, None, settings.of_product(candidate.product_name), key_of_step)
        made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        store.comparisons.put(comparison_of(analysis, origin, made), content, issues)
    except (UsageError, OSError, ValueError, OverflowError) as error:
        watch(SkippedFile(name=str(path), problem=_why(error)))
        return False
    return True
