"""The choice of what to compare: in goes a stream of jobs, newest first, out comes a pair with its reasons.

Jobs of one product are grouped by hardware (the set of top-level hosts) and suite name. In each group the candidate is
the newest job of the newest version, a version being as old as its first job there, and the baseline the newest job of
the highest version below it; where versions cannot be ordered, the newest earlier job of another version. The group
with the newest candidate is taken. The stream is read only as far as older jobs can matter.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from perftracker_ai.errors import NotFound
from perftracker_ai.model import (
    CandidateOlder,
    Considered,
    DeletedJob,
    Exclusion,
    JobInfo,
    NewerJob,
    NewerVersion,
    Notice,
    OtherHardware,
    OtherProduct,
    OtherSuite,
    Pair,
    SameJob,
    SameVersion,
    Selection,
)
from perftracker_ai.model.versions import is_release, order, release_of, trimmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from perftracker_ai.settings import DiscoverySettings


_LONGEST_TEXT = 1024
"""Characters in which a version is looked for: as many as the server keeps."""


class _Group(msgspec.Struct, kw_only=True):
    """Usable jobs of one hardware and suite, newest first, as they are read; lives only inside `choose`."""

    hardware: tuple[str, ...]
    jobs: list[JobInfo] = []
    newest: dict[str, JobInfo] = {}
    first: dict[str, JobInfo] = {}

    def add(self, job: JobInfo) -> None:
        """Take in a job older than all so far, and keep of each version its newest and its first."""
        self.jobs.append(job)
        self.newest.setdefault(job.version, job)
        self.first[job.version] = job


_ONE_JOB = "a comparison needs two versions: give two job ids, or measure another version"
_ONE_VERSION = "give two job ids, or say with the setting discovery.version_from where the version stands"

Group = tuple[tuple[str, ...], str]
"""Hardware, which is the set of top-level hosts, and suite name: only jobs of one such group can be compared."""

_Groups = dict[Group, _Group]

_Seen = list[tuple[JobInfo, tuple[Exclusion, str] | None]]
"""Jobs of the product in the order read, with why each is left out."""


def choose(
    jobs: Iterable[JobInfo],
    product: str,
    settings: DiscoverySettings,
    broken: Mapping[int, str] | None = None,
    only: Group | None = None,
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
    only : Group, optional
        Only jobs of this group are compared; by default the group with the newest candidate is taken.

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
            exclusion = _exclusion(job, settings, broken or {}) or _elsewhere(job, only)
            seen.append((job, exclusion))
            if exclusion is None:
                _add(groups, job)
        else:
            others.add(job.product_name)
        if _settled(groups, job, settings):
            break
    if not seen:
        raise _unknown_product(product, others)
    return _selection(product, seen, groups, settings)


def groups_of(
    jobs: Iterable[JobInfo], product: str, settings: DiscoverySettings
) -> tuple[tuple[Group, ...], tuple[tuple[Group, JobInfo], ...]]:
    """Return the groups of a product's jobs with two to compare, the newest candidate first.

    And those without, with their newest job.
    """
    groups: _Groups = {}
    for job in jobs:
        if job.product_name == product and _exclusion(job, settings, {}) is None:
            _add(groups, job)
    newest = {key: _recency(pair.candidate) for key, group in groups.items() if (pair := _pair(group, settings))}
    alone = tuple((key, group.jobs[0]) for key, group in groups.items() if key not in newest)
    return tuple(sorted(newest, key=newest.__getitem__, reverse=True)), alone


def _add(groups: _Groups, job: JobInfo) -> None:
    """Put a job, older than all so far, into its group."""
    key = (_hardware(job), job.suite_name)
    groups.setdefault(key, _Group(hardware=key[0])).add(job)


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
        (candidate.end < baseline.end and not _is_below(baseline.version, candidate.version), older),
        (baseline.deleted, DeletedJob(job=baseline.id)),
        (candidate.deleted, DeletedJob(job=candidate.id)),
    )
    return tuple(notice for holds, notice in found if holds)


def _is_below(version: str, other: str) -> bool:
    """Tell whether a version is numbered below another one."""
    before, after = order(version), order(other)
    return before is not None and after is not None and before < after


def classified(job: JobInfo, machines: Sequence[tuple[str, str]]) -> JobInfo:
    """Return a job with the hosts that match a pattern named by their class of machine: runners change their names.

    Parameters
    ----------
    machines : sequence of (str, str)
        Patterns of the shell for host names, and the name of the class; the first that matches counts.
    """
    if not machines:
        return job
    from fnmatch import fnmatchcase

    names = [next((name for pattern, name in machines if fnmatchcase(host, pattern)), host) for host in job.hosts]
    return replace(job, hosts=tuple(dict.fromkeys(names)))


def versioned(job: JobInfo, place: str, command: str = "", links: Sequence[tuple[str, str]] = ()) -> JobInfo:
    """Return a job with the version that stands elsewhere than in its product's.

    Parameters
    ----------
    place : str
        As `DiscoverySettings.version_from`; empty to leave the job as it is.
    command : str
        The job's command line.
    links : sequence of (str, str)
        Names and addresses of what is linked to it.
    """
    if not place:
        return job
    import re

    where, _, pattern = place.partition(":")
    text = {"title": job.title, "command": command}.get(where)
    if text is None:
        text = dict(links).get(where.removeprefix("link ").strip(), "")
    found = re.search(pattern.strip(), text[:_LONGEST_TEXT])
    return replace(job, product_ver=(found[1] or "") if found else "")


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


def _elsewhere(job: JobInfo, only: Group | None) -> tuple[Exclusion, str] | None:
    """Say why a job does not belong to the only group that is asked for; None when it does, or every group will do."""
    hardware = _hardware(job)
    if only is None or (hardware, job.suite_name) == only:
        return None
    other = hardware != only[0]
    return (Exclusion.OTHER_HARDWARE, "+".join(hardware)) if other else (Exclusion.OTHER_SUITE, job.suite_name)


def local_host(job: JobInfo, labels: tuple[str, ...]) -> str:
    """Name the top-level host that makes a job a local run; empty when none does."""
    folded = {label.casefold() for label in labels}
    return next((host for host in job.hosts if not folded.isdisjoint(host.casefold().split("."))), "")


# ── the pair of a group ─────────────────────────────────────────────────────────────────────────────────────────────


def _pair(group: _Group, settings: DiscoverySettings) -> Pair | None:
    """Choose candidate and baseline among comparable jobs, with further runs of either version."""
    chosen = next(_choices(group, settings), None)
    if chosen is None:
        return None
    baseline, candidate = chosen
    return Pair(
        baseline=baseline,
        candidate=candidate,
        reruns=_reruns(group.jobs, baseline, settings),
        candidate_reruns=_reruns(group.jobs, candidate, settings),
    )


def _choices(group: _Group, settings: DiscoverySettings) -> Iterator[tuple[JobInfo, JobInfo]]:
    """Yield baseline and candidate, the best choice first.

    A version that is numbered, and has none below it here, is a hotfix of a line that is not measured any more, or an
    old version measured again: it is a candidate only where no other version is one.
    """
    candidates = _candidates(group, settings)
    for candidate in candidates:
        baseline = _baseline(group, candidate, settings)
        if baseline is not None:
            yield baseline, candidate
    for candidate in candidates:
        earlier = _earlier(group.jobs, candidate)
        if earlier is not None and not settings.baseline_version:
            yield earlier, candidate


def _candidates(group: _Group, settings: DiscoverySettings) -> list[JobInfo]:
    """Return the newest job of each version, the newest version first: one is as old as its first job."""
    wanted = {trimmed(settings.candidate_version)} if settings.candidate_version else set(group.first)
    ranked = sorted(wanted & set(group.first), key=lambda version: _recency(group.first[version]), reverse=True)
    return [group.newest[version] for version in ranked]


def _baseline(group: _Group, candidate: JobInfo, settings: DiscoverySettings) -> JobInfo | None:
    """Return the job to compare with: of the version that is asked for, or of the one below the candidate's."""
    others = [job for version, job in group.newest.items() if version != candidate.version]
    if settings.baseline_version:
        return next((job for job in others if job.version == trimmed(settings.baseline_version)), None)
    if settings.version_order == "date" or order(candidate.version) is None:
        return _earlier(group.jobs, candidate)
    return _below(others, candidate)


def _earlier(jobs: list[JobInfo], candidate: JobInfo) -> JobInfo | None:
    """Return the newest earlier job of another version."""
    return next((job for job in jobs if job.version != candidate.version and _recency(job) < _recency(candidate)), None)


def _below(others: list[JobInfo], candidate: JobInfo) -> JobInfo | None:
    """Return the job of the highest version below the candidate's; None where there is none.

    A pre-release serves only the candidates of its own release.
    """
    own, release = order(candidate.version), release_of(candidate.version)
    if own is None:
        return None
    fit = [job for job in others if is_release(job.version) or release_of(job.version) == release]
    keyed = [(key, job) for job in fit if (key := order(job.version)) is not None and key < own]
    highest = max((key for key, _ in keyed), default=None)
    return next((job for key, job in keyed if key == highest), None)


def _reruns(jobs: list[JobInfo], first: JobInfo, settings: DiscoverySettings) -> tuple[JobInfo, ...]:
    """Return further jobs of a version, newest first, while there are few of them and none is too far in time."""
    more = (job for job in jobs if job.version == first.version and job.id != first.id)
    near = [job for job in more if not _too_old(job, first, settings) and not _too_old(first, job, settings)]
    return tuple(near[: settings.reruns])


def _settled(groups: _Groups, job: JobInfo, settings: DiscoverySettings) -> bool:
    """Tell whether jobs older than this one can no longer matter.

    What is asked first costs nothing: only behind the newest two versions of some group, and so many days, is the pair
    looked for.
    """
    if not any(_is_behind(group, job, settings) for group in groups.values()):
        return False
    pairs = [pair for group in groups.values() if (pair := next(_choices(group, settings), None))]
    leader = max(pairs, key=lambda pair: _recency(pair[1]), default=None)
    return leader is not None and not _disagrees(*leader) and _too_old(job, min(leader, key=_recency), settings)


def _is_behind(group: _Group, job: JobInfo, settings: DiscoverySettings) -> bool:
    """Tell whether a job is much older than the newest job of a second version."""
    second = next(islice(group.newest.values(), 1, None), None)
    return second is not None and _too_old(job, second, settings)


def _disagrees(baseline: JobInfo, candidate: JobInfo) -> bool:
    """Tell whether the baseline's version is the higher one, though the candidate is the newer job."""
    before, after = order(baseline.version), order(candidate.version)
    return before is not None and after is not None and before > after


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
    pairs = [pair for group in groups.values() if (pair := _pair(group, settings))]
    pair = max(pairs, key=lambda pair: _recency(pair.candidate), default=None)
    per_hardware: dict[tuple[str, ...], int] = {}
    for group in groups.values():
        per_hardware[group.hardware] = per_hardware.get(group.hardware, 0) + len(group.jobs)
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
        notices=tuple(_newer(seen, pair)) if pair else (),
    )


def _newer(seen: _Seen, pair: Pair) -> Iterator[Notice]:
    """Name what is newer than the candidate and could not be taken: somebody may be waiting for its verdict."""
    for job, exclusion in seen:
        if exclusion is not None and exclusion[0] is Exclusion.UNFINISHED and _recency(job) > _recency(pair.candidate):
            yield NewerJob(job=job.id, version=job.version or "no version", problem=exclusion[1])
    known = {pair.candidate.version}
    usable = (job for job, exclusion in seen if exclusion is None and _recency(job) > _recency(pair.candidate))
    for job in usable:
        if job.version not in known and not _is_rerun_of_old(job, seen):
            known.add(job.version)
            why = _against(job, pair).value
            yield NewerVersion(job=job.id, version=job.version, problem=why, taken=pair.candidate.version)


def _is_rerun_of_old(job: JobInfo, seen: _Seen) -> bool:
    """Tell whether a job measures a version again that there was before."""
    return any(other.version == job.version and _recency(other) < _recency(job) for other, why in seen if why is None)


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
        return NotFound(missing, f"the nearest {'is' if len(near) == 1 else 'are'} {', '.join(map(repr, near[:5]))}")
    known = ", ".join(repr(name) for name in sorted(filter(None, others))[:5]) or "none at all"
    return NotFound(missing, f"product names seen are {known}")


def _why(exclusion: Exclusion, detail: str) -> str:
    """Word why a job is not taken, with the machines that there are where it is about these."""
    return f"{exclusion.value} ({detail})" if exclusion is Exclusion.OTHER_HARDWARE else exclusion.value


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
        why = sorted({_why(*exclusion) for _, exclusion in seen if exclusion})[:8]
        return f"None of the {len(seen)} jobs of {product!r} is usable: {', '.join(why)}", "see `perftracker-ai jobs`"
    if len(usable) == 1:
        return f"{product!r} has only one usable job, {usable[0].id} ({versions[0]})", _ONE_JOB
    if asked and len(versions) > 1:
        return f"{product!r} has no pair of jobs with version {asked}", f"versions seen are {', '.join(versions[:8])}"
    if len(versions) == 1:
        return f"All {len(usable)} usable jobs of {product!r} are of one version, {versions[0]}", _ONE_VERSION
    hardware = list(dict.fromkeys("+".join(group.hardware) for group in groups.values()))
    return (
        f"No two versions of {product!r} ran on the same hardware with the same suite ({', '.join(hardware[:5])})",
        "make hosts whose names change one machine by a pattern in the table [hardware], or give two job ids",
    )
