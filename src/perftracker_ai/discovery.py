"""The choice of what to compare: in goes a stream of jobs, newest first, out comes a pair with its reasons.

Jobs of one product are grouped by hardware (the set of top-level hosts) and suite name. In each group the newest job is
the candidate and the newest earlier job of another version the baseline; the group with the newest candidate is taken.
The stream is read only as far as older jobs can matter.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.errors import NotFound
from perftracker_ai.model import (
    CandidateOlder,
    Considered,
    DeletedJob,
    Exclusion,
    JobInfo,
    Notice,
    OtherHardware,
    OtherProduct,
    OtherSuite,
    Pair,
    SameJob,
    SameVersion,
    Selection,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from perftracker_ai.settings import DiscoverySettings


class _Group(msgspec.Struct, kw_only=True):
    """Usable jobs of one hardware and suite, newest first, with the roles found so far; lives only inside `choose`."""

    hardware: tuple[str, ...]
    jobs: list[JobInfo] = []
    candidate: JobInfo | None = None
    baseline: JobInfo | None = None
    reruns: list[JobInfo] = []
    candidate_reruns: list[JobInfo] = []


_Groups = dict[tuple[tuple[str, ...], str], _Group]
"""By hardware and suite name."""

_Seen = list[tuple[JobInfo, tuple[Exclusion, str] | None]]
"""Jobs of the product in the order read, with why each is left out."""


def choose(
    jobs: Iterable[JobInfo], product: str, settings: DiscoverySettings, broken: Mapping[int, str] | None = None
) -> Selection:
    """Choose the pair of jobs to compare.

    Parameters
    ----------
    jobs : iterable of JobInfo
        Newest ``end`` first, ties by id, higher first. Consumed only as far as needed.
    product : str
        Compared exactly, case included.
    settings : DiscoverySettings
    broken : mapping of int to str, optional
        Jobs whose download turned out unusable, with the reason.

    Returns
    -------
    Selection
        Without a pair when no two jobs can be compared.

    Raises
    ------
    NotFound
        When no job has this product name; names the nearest ones.
    """
    groups: _Groups = {}
    seen: _Seen = []
    others: set[str] = set()
    for job in jobs:
        if job.product_name == product:
            exclusion = _exclusion(job, settings, broken or {})
            seen.append((job, exclusion))
            if exclusion is None:
                key = (_hardware(job), job.suite_name)
                _place(job, groups.setdefault(key, _Group(hardware=key[0])), settings)
        else:
            others.add(job.product_name)
        if _settled(groups, job, settings):
            break
    if not seen:
        raise _unknown_product(product, others)
    return _selection(product, seen, groups, settings)


def pair_notices(baseline: JobInfo, candidate: JobInfo) -> tuple[Notice, ...]:
    """Name what makes two jobs differ in more than the version, for people who choose them by hand."""
    suites = [f"{job.suite_name} {job.suite_ver}".strip() for job in (baseline, candidate)]
    hosts = ["+".join(_hardware(job)) or "no host" for job in (baseline, candidate)]
    products = [job.product_name or "no product" for job in (baseline, candidate)]
    ends = [job.end.date() for job in (baseline, candidate)]
    older = CandidateOlder(baseline=baseline.id, baseline_end=ends[0], candidate=candidate.id, candidate_end=ends[1])
    found = (
        (baseline.id == candidate.id and baseline.uuid == candidate.uuid, SameJob(job=baseline.id)),
        (products[0] != products[1], OtherProduct(baseline=products[0], candidate=products[1])),
        (hosts[0] != hosts[1], OtherHardware(baseline=hosts[0], candidate=hosts[1])),
        (suites[0] != suites[1], OtherSuite(baseline=suites[0], candidate=suites[1])),
        (baseline.version == candidate.version, SameVersion(version=baseline.version or "none")),
        (candidate.end < baseline.end, older),
        (baseline.deleted, DeletedJob(job=baseline.id)),
        (candidate.deleted, DeletedJob(job=candidate.id)),
    )
    return tuple(notice for holds, notice in found if holds)


def _hardware(job: JobInfo) -> tuple[str, ...]:
    return tuple(sorted(set(job.hosts)))


def _exclusion(job: JobInfo, settings: DiscoverySettings, broken: Mapping[int, str]) -> tuple[Exclusion, str] | None:
    """Say why a job cannot be compared with any other; None when it can."""
    local = local_host(job, settings.local_labels)
    ignored = next((host for host in job.hosts if host in settings.ignored_hardware), "")
    wanted = settings.hardware in {"", *job.hosts} or set(settings.hardware.split("+")) == set(job.hosts)
    causes = (
        (job.deleted, Exclusion.DELETED, ""),
        (not job.hosts, Exclusion.NO_HOSTS, ""),
        (bool(local), Exclusion.LOCAL_RUN, local),
        (job.id in broken, Exclusion.UNFINISHED, broken.get(job.id, "")),
        (job.tests_completed <= 0, Exclusion.UNFINISHED, f"{job.tests_completed} of {job.tests_total} tests completed"),
        (bool(ignored), Exclusion.OTHER_HARDWARE, f"{ignored} is ignored"),
        (not wanted, Exclusion.OTHER_HARDWARE, "+".join(_hardware(job))),
        (not job.product_ver, Exclusion.NO_VERSION, ""),
    )
    return next(((exclusion, detail) for holds, exclusion, detail in causes if holds), None)


def local_host(job: JobInfo, labels: tuple[str, ...]) -> str:
    """Name the top-level host that makes a job a local run; empty when none does."""
    folded = {label.casefold() for label in labels}
    return next((host for host in job.hosts if not folded.isdisjoint(host.casefold().split("."))), "")


def _place(job: JobInfo, group: _Group, settings: DiscoverySettings) -> None:
    """Give a usable job its role in its group; jobs come newest first."""
    group.jobs.append(job)
    if group.candidate is None:
        if settings.candidate_version in {"", job.version}:
            group.candidate = job
    elif job.version == group.candidate.version:
        _rerun(job, group.candidate, group.candidate_reruns, settings)
    elif group.baseline is None:
        if settings.baseline_version in {"", job.version}:
            group.baseline = job
    elif job.version == group.baseline.version:
        _rerun(job, group.baseline, group.reruns, settings)


def _rerun(job: JobInfo, first: JobInfo, reruns: list[JobInfo], settings: DiscoverySettings) -> None:
    """Take a further job of a version while there are few of them and it is not too old."""
    if len(reruns) < settings.reruns and not _too_old(job, first, settings):
        reruns.append(job)


def _settled(groups: _Groups, job: JobInfo, settings: DiscoverySettings) -> bool:
    """Tell whether jobs older than this one can no longer matter."""
    leader = max(
        (group for group in groups.values() if group.candidate),
        key=lambda group: _recency(_known(group.candidate)),
        default=None,
    )
    if leader is None or leader.baseline is None:
        return False
    return len(leader.reruns) >= settings.reruns or _too_old(job, leader.baseline, settings)


def _too_old(job: JobInfo, baseline: JobInfo, settings: DiscoverySettings) -> bool:
    # By division: any number of days is allowed, and a timedelta does not hold every one.
    return (baseline.end - job.end) / timedelta(days=1) > settings.rerun_days


def _recency(job: JobInfo) -> tuple[float, int]:
    return job.end.timestamp(), job.id


def _selection(
    product: str,
    seen: _Seen,
    groups: _Groups,
    settings: DiscoverySettings,
) -> Selection:
    """Take the group with the newest candidate and tell what became of every other job."""
    complete = [group for group in groups.values() if group.baseline]
    taken = max(complete, key=lambda group: _recency(_known(group.candidate)), default=None)
    per_hardware: dict[tuple[str, ...], int] = {}
    for group in groups.values():
        per_hardware[group.hardware] = per_hardware.get(group.hardware, 0) + len(group.jobs)
    pair = _pair(taken) if taken else None
    problem, cure = ("", "") if pair else _no_pair(product, seen, groups, settings)
    return Selection(
        product=product,
        pair=pair,
        problem=problem,
        cure=cure,
        considered=tuple(_considered(job, exclusion, pair) for job, exclusion in seen),
        found=len(seen),
        without_local=sum(1 for _, exclusion in seen if not exclusion or exclusion[0] is not Exclusion.LOCAL_RUN),
        per_hardware=tuple(("+".join(hardware), count) for hardware, count in per_hardware.items()),
    )


def _pair(group: _Group) -> Pair:
    return Pair(
        baseline=_known(group.baseline),
        candidate=_known(group.candidate),
        reruns=tuple(group.reruns),
        candidate_reruns=tuple(group.candidate_reruns),
    )


def _known(job: JobInfo | None) -> JobInfo:
    assert job is not None  # groups are taken only when complete
    return job


def _considered(job: JobInfo, exclusion: tuple[Exclusion, str] | None, pair: Pair | None) -> Considered:
    """Say what became of one job."""
    if exclusion is not None:
        return Considered(job=job, role="", exclusion=exclusion[0], detail=exclusion[1])
    if pair is None:
        return Considered(job=job, role="", exclusion=None, detail="nothing to compare it with")
    roles = {
        pair.candidate.id: "candidate",
        pair.baseline.id: "baseline",
        **{job.id: "rerun" for job in (*pair.reruns, *pair.candidate_reruns)},
    }
    if job.id in roles:
        return Considered(job=job, role=roles[job.id], exclusion=None, detail="")
    return Considered(job=job, role="", exclusion=_against(job, pair), detail="")


def _against(job: JobInfo, pair: Pair) -> Exclusion:
    """Say why a usable job has no part in the pair."""
    candidate, baseline = pair.candidate, pair.baseline
    if _hardware(job) != _hardware(candidate):
        return Exclusion.OTHER_HARDWARE
    if job.suite_name != candidate.suite_name:
        return Exclusion.OTHER_SUITE
    if job.version == candidate.version:
        return Exclusion.SAME_VERSION
    return Exclusion.OTHER_VERSION if _recency(job) > _recency(baseline) else Exclusion.NOT_NEEDED


def _unknown_product(product: str, others: set[str]) -> NotFound:
    """Word that no job has this product name."""
    from difflib import get_close_matches

    missing = f"No job has the product name {product!r}"
    folded: dict[str, list[str]] = {}  # names that differ in case only are all shown: each may be the one that is meant
    for name in sorted(filter(None, others)):
        folded.setdefault(name.casefold(), []).append(name)
    keys = get_close_matches(product.casefold(), folded, n=3, cutoff=0.5)
    keys += [key for key in folded if product.casefold() in key and key not in keys][:3]
    near = [name for key in keys for name in folded[key]]
    if near:
        return NotFound(missing, f"the nearest are {', '.join(map(repr, near[:5]))}")
    known = ", ".join(repr(name) for name in sorted(filter(None, others))[:5]) or "none at all"
    return NotFound(missing, f"product names seen are {known}")


def _no_pair(
    product: str,
    seen: _Seen,
    groups: _Groups,
    settings: DiscoverySettings,
) -> tuple[str, str]:
    """Word why there are no two jobs to compare, and what to do."""
    usable = [job for job, exclusion in seen if exclusion is None]
    versions = sorted({job.product_ver for job in usable})
    asked = " and ".join(filter(None, (settings.baseline_version, settings.candidate_version)))
    if not usable:
        why = sorted({exclusion[0].value for _, exclusion in seen if exclusion})
        return f"None of the {len(seen)} jobs of {product!r} is usable: {', '.join(why)}", "see `perftracker-ai jobs`"
    if len(usable) == 1:
        return f"{product!r} has only one usable job, {usable[0].id} ({versions[0]})", "a comparison needs two versions"
    if asked and len(versions) > 1:
        return f"{product!r} has no pair of jobs with version {asked}", f"versions seen are {', '.join(versions[:8])}"
    if len(versions) == 1:
        return f"All {len(usable)} usable jobs of {product!r} are of one version, {versions[0]}", "give two job ids"
    hardware = list(dict.fromkeys("+".join(group.hardware) for group in groups.values()))
    return (
        f"No two versions of {product!r} ran on the same hardware with the same suite ({', '.join(hardware[:5])})",
        "give two job ids",
    )
