"""The words of a backtest: pairs to judge, what was said of them, and the figures that follow.

Values only. They are stored and sent between processes, so they hold names, numbers and texts.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from perftracker_ai.model import JobInfo, Verdict
from perftracker_ai.model.history import JobRef  # noqa: TC001 - the same
from perftracker_ai.settings import DetectSettings, PolicySettings  # noqa: TC001 - the same

SHAPES = ("tail", "band", "whole", "edge")
"""Where a change is put: from a load on, in a range of loads, at all of them, at the highest one or two."""
FACTORS = (1.1, 1.2, 1.5)
"""By what the cost is multiplied there."""

LOST = "The process that judged it was lost, and again when it was tried anew"
"""The problem of a pair whose workers died."""

ALARMING = frozenset({Verdict.BLOCK.value, Verdict.INVESTIGATE.value})
"""Verdicts that tell somebody to stop or to look."""


class PairKind(StrEnum):
    """Why a pair is judged."""

    CONSECUTIVE = "consecutive"  # what `analyze` would have compared that night
    SAME_VERSION = "same version"  # a job and the one before it of its version: nothing changed


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that are compared for one night.

    Attributes
    ----------
    night : JobInfo
        The job that ended that night; nothing that ended later is known.
    candidate : JobInfo
        Under its own version, also where nothing changed: it gets another one only while it is judged.
    reruns, candidate_reruns : tuple of JobInfo
        Further jobs of the baseline's version, and of the candidate's.
    """

    kind: PairKind
    night: JobInfo
    baseline: JobInfo
    candidate: JobInfo
    reruns: tuple[JobInfo, ...]
    candidate_reruns: tuple[JobInfo, ...]

    @property
    def runs(self) -> tuple[JobInfo, ...]:
        """The jobs in the order of the run axis."""
        return (self.baseline, self.candidate, *self.reruns, *self.candidate_reruns)


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One set of criteria.

    Attributes
    ----------
    name : str
        What it differs in, as it was written; empty for the settings as they are.
    """

    name: str
    detect: DetectSettings
    policy: PolicySettings


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the changes of one kind that were put into a pair.

    Attributes
    ----------
    shape : str
        One of `SHAPES`.
    factor : float
        One of `FACTORS`.
    curves : int
        Curves that were changed so.
    listed : int
        Of these, told as slower at all, in a range of loads that meets the changed one.
    regressed : int
        Of these, told as regressed, or as slower together with the whole run.
    """

    shape: str
    factor: float
    curves: int
    listed: int
    regressed: int


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a pair under one set of criteria.

    Attributes
    ----------
    verdict : str
        Empty where there was nothing to compare.
    rules : tuple of str
        Keys of those that fired, in order of precedence.
    validity : tuple of str
        Kinds of the checks that failed.
    curves : int
        Curves that could be compared.
    outcomes : dict of str to int
        Curves by outcome.
    code, undecided : int
        Regressed curves by whose doing it is said to be; those of the environment are in neither.
    failing : int
        Differences in what was measured that are worse: new failures, losses, more errors.
    issues : tuple of str
        Keys of the issues that the comparison opened; of pairs of one version there are none.
    found : tuple of Found
        What was found of changes put in; of pairs of one version only.
    """

    verdict: str
    rules: tuple[str, ...]
    validity: tuple[str, ...]
    curves: int
    outcomes: dict[str, int]
    code: int
    undecided: int
    failing: int
    issues: tuple[str, ...]
    found: tuple[Found, ...]


class Fate(StrEnum):
    """What became of an issue in the jobs that followed."""

    STAYED = "stayed"  # a later job showed it again
    VANISHED = "went away by itself"  # a job of the very version it came in with is back on the level of before
    UNCONFIRMED = "gone with the next version"  # the next job to tell of it is of another version and does not show it
    UNTOLD = "too new to tell"  # no later job tells of it


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """An issue that was opened, and what became of it.

    Attributes
    ----------
    night : JobRef
        The night that opened it.
    severity, attribution, confidence : str
    slowdown : float
        When it was opened.
    curves : int
    closed : JobRef or None
        The first job that was back on the level of before.
    """

    key: str
    title: str
    night: JobRef
    severity: str
    attribution: str
    confidence: str
    slowdown: float
    curves: int
    fate: Fate
    closed: JobRef | None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A share with its 95 % interval; None of nothing.

    Attributes
    ----------
    count, of : int
    share, low, high : float or None
        In [0, 1].
    """

    count: int
    of: int
    share: float | None
    low: float | None
    high: float | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one set of criteria.

    Attributes
    ----------
    verdicts : dict of str to int
        Nights by verdict.
    same_version : dict of str to int
        Pairs of one version by the verdict that they would have had as two versions.
    alarms : Rate
        Regressed curves of pairs of one version, over all that could be compared.
    by_code : Rate
        Of these, those that are said to be the code's doing.
    alarmed : Rate
        Pairs of one version with BLOCK or INVESTIGATE.
    fates : dict of str to int
        Issues by what became of them.
    found : tuple of Found
        Over all pairs, by shape and factor.
    listed, regressed : Rate
        Of all changes put in, and of those from the moderate threshold of the settings as they are on, so that sets
        are compared by the same changes.
    """

    variant: Variant
    verdicts: dict[str, int]
    same_version: dict[str, int]
    alarms: Rate
    by_code: Rate
    alarmed: Rate
    fates: dict[str, int]
    found: tuple[Found, ...]
    listed: Rate
    regressed: Rate


class Night(msgspec.Struct, frozen=True, kw_only=True):
    """A pair, what was said of it under each set of criteria, and how much was open from before.

    Attributes
    ----------
    night, baseline, candidate : JobRef
    reruns, candidate_reruns : tuple of int
        Numbers of the jobs.
    judged : tuple of Judged
        One for each set of criteria.
    still_open : tuple of int
        For each set of criteria, issues of earlier nights that no job had closed yet.
    problem : str
        Why there is nothing to say; empty where there is.
    """

    kind: PairKind
    night: JobRef
    baseline: JobRef
    candidate: JobRef
    reruns: tuple[int, ...]
    candidate_reruns: tuple[int, ...]
    judged: tuple[Judged, ...]
    still_open: tuple[int, ...]
    problem: str


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """A product's past on one hardware and suite, judged again.

    Attributes
    ----------
    others : tuple of (str, str, int)
        Hardware, suite and number of jobs of what was not looked at.
    jobs : int
        Jobs there are, of which the first ones have nothing to be compared with.
    nights : tuple of Night
        By the end of their job, both kinds together.
    issues : tuple of tuple of Followed
        For each set of criteria the issues that were opened, in order.
    summaries : tuple of Summary
        One for each set of criteria, the settings as they are first.
    """

    tool_version: str
    product: str
    hardware: str
    suite: str
    others: tuple[tuple[str, str, int], ...]
    seed: int
    jobs: int
    nights: tuple[Night, ...]
    issues: tuple[tuple[Followed, ...], ...]
    summaries: tuple[Summary, ...]
