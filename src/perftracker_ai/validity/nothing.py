"""Two jobs of which no load has a value in both: why, from what is missing in which of them.

In: jobs and their curves. Out: the check that failed, or none. A run without a value is named before what the runs lack
together.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.model import BASELINE, CANDIDATE, Absence
from perftracker_ai.model.checks import Counted, NothingShared
from perftracker_ai.words.wording import absence_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet, Job

_MOST_NAMES = 500
"""Names among which the nearest is looked for: comparing two takes a microsecond or ten."""


def nothing_shared(jobs: Sequence[Job], curves: CurveSet) -> Iterator[NothingShared]:
    """Say why no load has a value in both jobs; nothing where one has."""
    absence = curves.absence[[BASELINE, CANDIDATE]]
    if (absence == Absence.PRESENT).all(axis=0).any():
        return
    there = absence != Absence.MISSING
    rows = ((CANDIDATE, "candidate"), (BASELINE, "baseline"))
    empty = next(((row, name) for row, name in rows if not (absence[row] == Absence.PRESENT).any()), None)
    both = there.all(axis=0)
    run, without = "", np.where(absence[CANDIDATE] != Absence.PRESENT, absence[CANDIDATE], absence[BASELINE])[both]
    if empty is not None:
        run, without = empty[1], absence[empty[0]][there[empty[0]]]
    yield NothingShared(
        jobs=tuple(job.info.id for job in jobs[: CANDIDATE + 1]),
        curves=(),
        blocks=True,
        approves=False,
        run=run,
        absent=_counted(without),
        alike=() if run or both.any() else _alike(curves, there),
    )


def _counted(absence: NDArray[np.uint8]) -> tuple[Counted, ...]:
    """Count reasons, the most frequent first."""
    counts = Counter(Absence(int(value)) for value in absence)
    return tuple(Counted(reason=absence_text(kind), tests=count) for kind, count in counts.most_common())


def _alike(curves: CurveSet, there: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return a tag that both jobs have, at other loads, or the nearest two; nothing where none are near."""
    has = [[bool(row[curve.start : curve.stop].any()) for curve in curves.curves] for row in there]
    shared = next((curve.tag for curve, old, new in zip(curves.curves, *has, strict=True) if old and new), None)
    if shared is not None:
        return (shared,)
    old, new = ([curve.tag for curve, there in zip(curves.curves, row, strict=True) if there] for row in has)
    return _nearest(old, new)


def _nearest(old: list[str], new: list[str]) -> tuple[str, ...]:
    """Return one of the baseline's first tags with the candidate's that is nearest to it."""
    from difflib import get_close_matches

    for name in old[:3]:
        if found := get_close_matches(name, new[:_MOST_NAMES], n=1, cutoff=0.5):
            return name, found[0]
    return ()
