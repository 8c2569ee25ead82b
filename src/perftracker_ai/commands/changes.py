"""Which changes of the code to look at first: read from the product's checkout and matched with the issues.

In: what was found, and where the code is. Out: the same with the changes named. A checkout that cannot be read costs a
notice and nothing else; without one nothing is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from perftracker_ai.errors import PerfTrackerAIError, guarded
from perftracker_ai.model import Analysis, NoChanges

if TYPE_CHECKING:
    from perftracker_ai.model import JobInfo
    from perftracker_ai.model.changes import Changes, Commit
    from perftracker_ai.settings import SourceSettings


def with_changes(analysis: Analysis, source: SourceSettings) -> Analysis:
    """Return an analysis with the changes to look at first, or with the reason why they are left out.

    Two runs of one version have none between them, and nothing is looked for where nothing became worse.
    """
    same = analysis.baseline.product_ver == analysis.candidate.product_ver
    if not source.repo or same or not analysis.clusters:
        return analysis
    try:
        with guarded("Reading the changes"):
            return replace(analysis, changes=_changes(analysis, source))
    except PerfTrackerAIError as error:
        left_out = NoChanges(problem=error.problem, cure=error.cure or "see docs/reference.md")
        return replace(analysis, notices=(*analysis.notices, left_out))


def read_changes(
    source: SourceSettings, baseline: JobInfo, candidate: JobInfo
) -> tuple[tuple[str, str], tuple[Commit, ...], bool]:
    """Read what changed between the versions of two jobs.

    Returns
    -------
    (pair of str, tuple of Commit, bool)
        The two tags, the commits between them, the newest first, and whether these are all.

    Raises
    ------
    CheckoutError
        As `commits_between` does.
    """
    from perftracker_ai.files.checkout import commits_between

    older, newer = (source.tag.replace("{version}", job.product_ver) for job in (baseline, candidate))
    commits, complete = commits_between(Path(source.repo).expanduser(), older, newer)
    return (older, newer), commits, complete


def _changes(analysis: Analysis, source: SourceSettings) -> Changes:
    from perftracker_ai.diagnose.suspects import suspects
    from perftracker_ai.model.changes import Changes

    tags, commits, complete = read_changes(source, analysis.baseline, analysis.candidate)
    return Changes(
        older=tags[0],
        newer=tags[1],
        commits=len(commits),
        complete=complete,
        suspects=suspects(analysis.clusters, commits, {curve.endpoint for curve in analysis.curves.curves}),
    )
