"""The way back: the bytes of ``result_v2.json`` into the analysis they were made from.

In: a results file of this schema version. Out: the `Analysis`, so that everything can be rendered
again without the jobs. A file of another version, or one that is damaged, is refused with a sentence.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np

from perftracker_ai.errors import UsageError
from perftracker_ai.model import (
    FIRST_RERUN,
    NOTICES,
    Absence,
    Acceptance,
    Analysis,
    BadRecord,
    Check,
    Cluster,
    CoverageFinding,
    Curve,
    CurveResult,
    CurveSet,
    Decision,
    Detection,
    JobInfo,
    Notice,
    RunAccount,
    RunShift,
)
from perftracker_ai.model.history import Chronicle
from perftracker_ai.results.write import SCHEMA_VERSION
from perftracker_ai.settings import DetectSettings, PolicySettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

Document = dict[str, Any]
Value = TypeVar("Value")


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
        document = msgspec.json.decode(content)
        _require_version(document, name)
        return _sound(_analysis(document))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        message = f"{name} cannot be read as results ({type(error).__name__}): compare the two jobs again."
        raise UsageError(message) from error


def _require_version(document: Document, name: str) -> None:
    found = document["schema_version"]
    if found != SCHEMA_VERSION:
        problem = f"{name} has schema version {found!r:.20}, and this program reads {SCHEMA_VERSION}"
        raise UsageError(f"{problem}: compare the two jobs again.")


def _analysis(document: Document) -> Analysis:
    jobs, config = document["metadata"], document["config"]
    return Analysis(
        baseline=_job(jobs["run1"]),
        candidate=_job(jobs["run2"]),
        reruns=tuple(map(_job, jobs["reruns"])),
        candidate_reruns=tuple(map(_job, jobs["candidate_reruns"])),
        validity=msgspec.convert(document["validity"], tuple[Check, ...]),
        accounts=tuple(map(_account, document["accounting"])),
        curves=_curves(document["curves"], len(jobs["reruns"]), len(jobs["candidate_reruns"])),
        detection=_detection(document),
        coverage=msgspec.convert(document["coverage"], tuple[CoverageFinding, ...]),
        clusters=msgspec.convert(document["clusters"], tuple[Cluster, ...]),
        accepted=msgspec.convert(document["accepted"], tuple[Acceptance, ...]),
        decision=msgspec.convert(document["verdict"], Decision),
        notices=tuple(map(_notice, document["notices"])),
        chronicle=msgspec.convert(document.get("chronicle"), Chronicle | None),
        criteria=msgspec.convert(config["detect"], DetectSettings),
        policy=msgspec.convert(config["policy"], PolicySettings),
    )


def _sound(analysis: Analysis) -> Analysis:
    """Return saved results whose every index leads somewhere, so that whoever shows them need not ask.

    Raises
    ------
    ValueError
    """
    curves, results = analysis.curves.curves, analysis.detection.results
    starts = (0, *(curve.stop for curve in curves))
    _require(len(curves) == len(results) and len(analysis.curves.label) == len(analysis.curves.load) == starts[-1])
    for place, (curve, result) in enumerate(zip(curves, results, strict=True)):
        _require(curve.index == result.curve == place and starts[place] == curve.start < curve.stop)
        _require(result.worst is None or 0 <= result.worst < len(result.windows))
        _require(all(curve.start <= one.first <= one.last < curve.stop for one in result.windows))
    known = frozenset(range(len(curves)))
    _require(all(known.issuperset(one.curves) for one in analysis.clusters))
    _require(all(known.issuperset(one.curves) for one in analysis.accepted))
    _require(all(known.issuperset(one.curves) for one in analysis.coverage))
    _require(all(cluster.worst_curve in known for cluster in analysis.clusters))
    _require(analysis.curves.mean.shape == (2 + len(analysis.reruns), starts[-1]))
    _require(all(reason in frozenset(Absence) for reason in np.unique(analysis.curves.absence).tolist()))
    if analysis.chronicle is not None:
        jobs = len(analysis.chronicle.jobs)
        _require(all(len(onset.levels) == jobs for onset in analysis.chronicle.onsets))
    return analysis


def _require(sound: bool) -> None:  # noqa: FBT001 -- it reads like assert
    if not sound:
        raise ValueError("an index that leads nowhere")


def _notice(document: Document) -> Notice:
    kind = NOTICES[document["kind"]]
    return msgspec.convert(dict(zip(kind.__struct_fields__, document["values"], strict=True)), kind, strict=False)


def _job(document: Document) -> JobInfo:
    same = ("id", "uuid", "title", "project_id", "upload", "deleted")
    counts = ("tests_total", "tests_completed", "tests_failed", "tests_errors")
    return JobInfo(
        **{key: document[key] for key in (*same, *counts)},
        product_name=document["product"],
        product_ver=document["version"],
        suite_name=document["suite"],
        suite_ver=document["suite_version"],
        project_name=document["project"],
        hosts=tuple(document["hosts"]),
        begin=None if document["begin"] is None else datetime.fromisoformat(document["begin"]),
        end=datetime.fromisoformat(document["end"]),
    )


def _account(document: Document) -> RunAccount:
    return RunAccount(
        job_id=document["job_id"],
        tests=document["tests"],
        points=document["points"],
        pooled=document["pooled"],
        absent=tuple((Absence[reason.upper()], count) for reason, count in document["absent"].items()),
        bad_records=msgspec.convert(document["bad_records"], tuple[BadRecord, ...]),
    )


def _detection(document: Document) -> Detection:
    return Detection(
        results=msgspec.convert([curve["result"] for curve in document["curves"]], tuple[CurveResult, ...]),
        shifts=msgspec.convert(document["run_shift"], tuple[RunShift, ...]),
        method=document["detection_method"],
        level=document["level"],
        fdr=document["fdr"],
        seed=document["seed"],
        noise_source=document["noise_source"],
        mirrored=document["mirrored"],
    )


def _curves(saved: list[Document], reruns: int, candidate_reruns: int) -> CurveSet:
    runs = FIRST_RERUN + reruns + candidate_reruns
    means = [[curve["baseline"], curve["candidate"], *curve["reruns"]] for curve in saved]
    return CurveSet(
        curves=msgspec.convert([curve["curve"] for curve in saved], tuple[Curve, ...]),
        load=_frozen(np.array([load for curve in saved for load in curve["loads"]], dtype=np.float64)),
        label=tuple(label for curve in saved for label in curve["labels"]),
        mean=_rows(means, runs, np.float64),
        sd=_rows([curve["sd"] for curve in saved], runs, np.float64),
        count=_rows([curve["count"] for curve in saved], runs, np.int64),
        absence=_rows([curve["absence"] for curve in saved], runs, np.uint8),
        errors=_rows([curve["errors"] for curve in saved], runs, np.int64),
        begin=_rows([curve["begin"] for curve in saved], runs, np.float64),
        end=_rows([curve["end"] for curve in saved], runs, np.float64),
        candidate_reruns=candidate_reruns,
    )


def _rows(curves: list[list[list[Any]]], runs: int, kind: type[np.generic]) -> NDArray[Any]:
    """Join the curves again, run by run; null becomes NaN."""
    joined = [[value for curve in curves for value in curve[run]] for run in range(runs)]
    return _frozen(np.array(joined, dtype=kind))


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
