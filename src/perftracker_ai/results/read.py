"""The way back: the bytes of ``result_v2.json`` into the analysis they were made from.

In: a results file of this schema version. Out: the `Analysis`, so that everything can be rendered
again without the jobs. A file of another version, or one that is damaged, is refused with a sentence.

Types and ranges are those of `saved` and of the model; what one value demands of another is asked in `_problems`.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec.structs import asdict

from perftracker_ai.decoding import converted, decoded
from perftracker_ai.errors import UsageError
from perftracker_ai.model import (
    BY_RUN,
    FIRST_RERUN,
    NOTICES,
    Absence,
    Analysis,
    CurveSet,
    Decision,
    Detection,
    JobInfo,
    Notice,
    RunAccount,
)
from perftracker_ai.model.issues import OpenIssues
from perftracker_ai.model.ranges import SMALLEST
from perftracker_ai.results.saved import SavedResult
from perftracker_ai.results.write import SCHEMA_VERSION
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Cluster
    from perftracker_ai.model.history import Chronicle
    from perftracker_ai.results.saved import SavedAccount, SavedCurve, SavedDecision, SavedJob, SavedNotice

_CURE = "compare the two jobs again"
_ROUNDING = 0.5
"""How far below the smallest score the sum of a point's scores may be, by rounding."""
_KINDS: dict[str, type[np.generic]] = {"count": np.int64, "errors": np.int64, "absence": np.uint8}
"""Of the arrays that hold no floats."""


def read_result(content: bytes, name: str) -> Analysis:
    """Read a results file.

    Parameters
    ----------
    content : bytes
    name : str
        What to call the file in a message.

    Raises
    ------
    UsageError
        When the file is not a results file of this version.
    """
    try:
        saved = decoded(content, SavedResult)
        for problem in _problems(saved):
            raise ValueError(problem)  # noqa: TRY301 -- the first one is enough
        return _analysis(saved)
    except (ValueError, RecursionError) as error:
        _require_version(content, name)
        raise UsageError(f"{name} cannot be read as results ({_shown(error)})", _CURE) from error


def _shown(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else clean(str(error))[:200]


class _Version(msgspec.Struct):
    schema_version: Any


def _require_version(content: bytes, name: str) -> None:
    try:
        found = decoded(content, _Version).schema_version
    except (ValueError, RecursionError):
        return
    if type(found) is not int or found != SCHEMA_VERSION:
        problem = f"{name} has schema version {found!r:.20}, and this program reads {SCHEMA_VERSION}"
        raise UsageError(problem, _CURE)


def _analysis(saved: SavedResult) -> Analysis:
    return Analysis(
        baseline=_job(saved.jobs.baseline),
        candidate=_job(saved.jobs.candidate),
        reruns=tuple(map(_job, saved.jobs.reruns)),
        candidate_reruns=tuple(map(_job, saved.jobs.candidate_reruns)),
        validity=saved.validity,
        accounts=tuple(map(_account, saved.accounts)),
        curves=_curves(saved.curves, len(saved.jobs.candidate_reruns)),
        detection=_detection(saved),
        coverage=saved.coverage,
        clusters=saved.clusters,
        accepted=saved.accepted,
        decision=Decision(verdict=saved.decision.verdict, rules=saved.decision.rules),
        notices=tuple(map(_notice, saved.notices)),
        chronicle=saved.chronicle,
        open_issues=_open_issues(saved.decision),
        changes=saved.changes,
        criteria=saved.config.detect,
        policy=saved.config.policy,
    )


def _open_issues(saved: SavedDecision) -> OpenIssues | None:
    if saved.open_issues is None:
        return None
    return OpenIssues(issues=tuple(one.told() for one in saved.open_issues), last_good=saved.last_good)


def _job(saved: SavedJob) -> JobInfo:
    return JobInfo(**asdict(saved))


def _account(saved: SavedAccount) -> RunAccount:
    absent = tuple((Absence[reason.upper()], count) for reason, count in saved.absent.items())
    return RunAccount(**asdict(saved) | {"absent": absent})


def _notice(saved: SavedNotice) -> Notice:
    kind = NOTICES[saved.kind]
    return converted(dict(zip(kind.__struct_fields__, saved.values, strict=True)), kind, strict=False)


def _detection(saved: SavedResult) -> Detection:
    return Detection(
        results=tuple(curve.result for curve in saved.curves),
        shifts=saved.shifts,
        method=saved.method,
        level=saved.level,
        fdr=saved.fdr,
        seed=saved.seed,
        noise_source=saved.noise_source,
        mirrored=saved.mirrored,
    )


def _curves(saved: Sequence[SavedCurve], candidate_reruns: int) -> CurveSet:
    return CurveSet(
        curves=tuple(curve.curve for curve in saved),
        load=_frozen(np.array([load for curve in saved for load in curve.loads], dtype=np.float64)),
        label=tuple(label for curve in saved for label in curve.labels),
        **{name: _rows([getattr(curve, name) for curve in saved], _KINDS.get(name, np.float64)) for name in BY_RUN},
        candidate_reruns=candidate_reruns,
    )


def _rows(curves: Sequence[Sequence[Sequence[Any]]], kind: type[np.generic]) -> NDArray[Any]:
    """Join the curves again, run by run; null becomes NaN."""
    return _frozen(np.array([[value for row in run for value in row] for run in zip(*curves, strict=True)], dtype=kind))


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


# ── what one value demands of another ───────────────────────────────────────────────────────────────────────────────


def _problems(saved: SavedResult) -> Iterator[str]:
    """Say what does not belong together, so that whoever shows the results need not ask; nothing for sound results."""
    curves = range(len(saved.curves))
    if not saved.curves:
        yield "no curve"
    yield from _of_words(saved)
    for place, curve in enumerate(saved.curves):
        start = saved.curves[place - 1].curve.stop if place else 0
        yield from (f"curve {place}: {problem}" for problem in _of_curve(curve, place, start, _runs(saved)))
    named = [
        *(one.curves for one in saved.clusters),
        *(one.curves for one in saved.accepted),
        *(one.curves for one in saved.coverage),
        *(one.curves for one in saved.validity),
    ]
    if any(curve not in curves for curve in chain(*named)):
        yield "a curve that is not there"
    for cluster in saved.clusters:
        yield from _of_cluster(saved, cluster)
    if saved.chronicle is not None:
        yield from _of_chronicle(saved.chronicle, {cluster.id for cluster in saved.clusters})


def _of_cluster(saved: SavedResult, cluster: Cluster) -> Iterator[str]:
    if cluster.worst_curve not in cluster.curves:
        yield f"cluster {cluster.id} is led by another one's curve"
    moved = (saved.curves[curve].result.windows for curve in cluster.curves)
    if not all(any(window.direction is cluster.direction for window in windows) for windows in moved):
        yield f"a curve of cluster {cluster.id} that did not change like it"


def _runs(saved: SavedResult) -> int:
    return FIRST_RERUN + len(saved.jobs.reruns) + len(saved.jobs.candidate_reruns)


def _of_words(saved: SavedResult) -> Iterator[str]:
    if any(reason.upper() not in Absence.__members__ for one in saved.accounts for reason in one.absent):
        yield "accounting with an unknown reason"
    if any(notice.kind not in NOTICES for notice in saved.notices):
        yield "a notice of an unknown kind"
    clusters = saved.clusters
    curves = [curve.result.id for curve in saved.curves]
    for names in (curves, [cluster.id for cluster in clusters], [cluster.key for cluster in clusters]):
        if len(set(names)) < len(names):
            yield "two curves or issues of one name"


def _of_curve(saved: SavedCurve, place: int, start: int, runs: int) -> Iterator[str]:
    curve, result, points = saved.curve, saved.result, len(saved.labels)
    if not curve.index == result.curve == place or not start == curve.start < curve.stop == start + points:
        yield "an index that leads nowhere"
    rows = [saved.loads, *(row for name in BY_RUN for row in getattr(saved, name))]
    if any(len(getattr(saved, name)) != runs for name in BY_RUN) or any(len(row) != points for row in rows):
        yield "values of other runs or loads"
    means, counts = chain.from_iterable(saved.mean), chain.from_iterable(saved.count)
    if not all(map(_is_measured, means, counts, chain.from_iterable(saved.absence))):
        yield "a value that is absent, or none where one should be"
    if result.worst is not None and result.worst >= len(result.windows):
        yield "a worst window that is not there"
    inside = [point for window in result.windows for point in (window.first, window.last)]
    if any(not curve.start <= point < curve.stop for point in (*inside, *result.left_out)):
        yield "a window beyond its loads"
    if any(window.first > window.last for window in result.windows):
        yield "a window that ends before it begins"


def _is_measured(mean: float | None, count: int, absence: int) -> bool:
    """Tell whether a value is there as its reason says, and one that a measurement can be."""
    return mean is None if absence else mean is not None and mean * max(count, 1) >= _ROUNDING * SMALLEST


def _of_chronicle(chronicle: Chronicle, clusters: Iterable[str]) -> Iterator[str]:
    if any(onset.cluster not in clusters for onset in chronicle.onsets):
        yield "a beginning of a cluster that is not there"
    if any(len(onset.levels) != len(chronicle.jobs) for onset in chronicle.onsets):
        yield "levels of other jobs"
