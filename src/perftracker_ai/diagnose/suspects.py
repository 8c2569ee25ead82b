"""Commits to look at first for an issue, matched by name: which of the changes could have to do with it.

In: clusters and the commits between their versions. Out: for each cluster the commits that share words with its path,
method or scenario, or touch what one of its hypotheses is about. A match is no evidence of a cause, and changes nothing
of what else is said.

A word tells the more, the fewer commits hold it (Spärck Jones 1972, doi:10.1108/eb026526).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache, lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model import Direction, Strength
from perftracker_ai.model.changes import Suspect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from perftracker_ai.model import Cluster
    from perftracker_ai.model.changes import Commit

MOST = 5
"""Commits named for an issue: more are no help."""


def _each(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SHORTEST, _LONGEST = 3, 40
_STOP = frozenset(_each("get put post head api rest http https json xml the and for with from into test tests all any"))
_ENDINGS = _each("ments ment ations ation ating ates ated ate ions ion ings ing ers er es ed s")
_METHODS = {
    "GET": "get list read fetch find search load query",
    "POST": "create add insert post",
    "PUT": "update put save replace",
    "PATCH": "update patch",
    "DELETE": "delete remove",
}
_METHOD_WEIGHT = 0.3
"""What a word for the method counts beside one of the path."""
_TITLE, _PLACE, _BODY = 1.5, 1.0, 0.5
"""What a word counts in a commit's subject, in a file's name, and in the rest of the message."""
_FEW = 20
"""Files from which a name among them says less: a commit that touches everything matches everything."""
_ASIDE = 0.25
"""What a commit counts that touches nothing but tests and documentation."""
_BESIDE = re.compile(
    r"(^|/)(tests?|docs?|spec|examples?|\.github)(/|$)|\.(md|rst|adoc|txt)$|(^|/)test_|_test\.", re.IGNORECASE
)
_MANIFEST = re.compile(
    r"(^|/)(requirements[\w.-]*\.txt|package(-lock)?\.json|pom\.xml|build\.gradle(\.kts)?|go\.(mod|sum)|cargo\.toml"
    r"|gemfile|pyproject\.toml|[\w.-]+\.(lock|csproj))$",
    re.IGNORECASE,
)
_DEPENDENCIES, _ANY_KIND = "dependencies", "fixed_work"
"""Another version of a library may do anything; most of what it does is done at every request."""
_KINDS = {
    "data_size": (
        "queries and data",
        "sql query index migration schema join select orm table row eager lazy pagination sort filter repository dao",
    ),
    "contention": (
        "locks and pools",
        "lock mutex synchronized semaphore latch pool queue worker thread concurrency transaction isolation deadlock",
    ),
    "fixed_work": (
        "work of every request",
        "log logger validate serialize audit auth permission trace middleware interceptor hook encrypt hash check",
    ),
    "memory_limit": ("caches and memory", "cache evict ttl lru memory heap buffer gc limit capacity"),
    "retry_timeout": ("retries and timeouts", "retry timeout backoff circuit client connect keepalive"),
}
"""What a hypothesis of the catalogue is about, in words of those who write commits."""


class _Read(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A commit with what each of its words counts for, by where it stands."""

    commit: Commit
    weights: dict[str, float]
    manifest: bool
    share: float


def suspects(
    clusters: Iterable[Cluster], commits: Sequence[Commit], endpoints: Iterable[str] = ()
) -> tuple[Suspect, ...]:
    """Return the commits to look at first for each cluster that became worse.

    Parameters
    ----------
    clusters : iterable of Cluster
    commits : sequence of Commit
        The newest first.
    endpoints : iterable of str
        All that were measured.

    Returns
    -------
    tuple of Suspect
        At most `MOST` a cluster, the best matched first; of equals the newest.
    """
    read = [_read(commit) for commit in commits]
    found = Counter(word for one in read for word in one.weights)
    rarity = {word: math.log((len(read) + 1) / (count + 0.5)) for word, count in found.items()}
    own = _own_words(endpoints)
    worse = (cluster for cluster in clusters if cluster.direction is Direction.WORSE)
    return tuple(suspect for cluster in worse for suspect in _of_cluster(cluster, read, rarity, own))


def _of_cluster(
    cluster: Cluster, read: Sequence[_Read], rarity: Mapping[str, float], own_words: Mapping[str, list[str]]
) -> Iterator[Suspect]:
    named, near = _named(cluster, own_words)
    method = frozenset(map(stem, _METHODS.get(cluster.endpoint.partition(" ")[0], "").split()))
    kinds = [(each.key, 1.0 if each.strength is Strength.MODERATE else 0.5) for each in cluster.hypotheses]
    scored = []
    for place, one in enumerate(read):
        words = [word for word in named if near[word] and word in one.weights]
        touched = {_KINDS[key][0]: _touching(one, key, rarity) * size for key, size in kinds if key in _KINDS}
        if one.manifest:
            touched[_DEPENDENCIES] = max((size for key, size in kinds if key == _ANY_KIND), default=0.0)
        own = sum(near[word] * one.weights[word] * rarity[word] for word in words)
        how = _METHOD_WEIGHT * max(
            (one.weights[word] * rarity[word] for word in method & one.weights.keys()), default=0
        )
        score = one.share * (own + sum(touched.values()) + (how if words else 0.0))
        if score > 0:
            scored.append(
                (-score, place, [named[word] for word in words], [kind for kind, size in touched.items() if size])
            )
    for _, place, words, kinds_of in sorted(scored)[:MOST]:
        commit = read[place].commit
        yield Suspect(
            cluster=cluster.id,
            commit=commit.id,
            authored=commit.authored,
            subject=commit.subject,
            words=tuple(words),
            kinds=tuple(kinds_of),
        )


def _named(cluster: Cluster, own: Mapping[str, list[str]]) -> tuple[dict[str, str], dict[str, float]]:
    """Return the words of an issue by their stems, and what each counts: one that every endpoint has tells nothing."""
    said = [*_words(" ".join(cluster.scenarios)), *own.get(cluster.endpoint, _words(cluster.endpoint))]
    named = {stem(word): word for word in said}
    others = [frozenset(map(stem, words)) for endpoint, words in own.items() if endpoint != cluster.endpoint]
    shares = {word: sum(word in one for one in others) / max(len(others), 1) for word in named}
    return named, {word: 1 - share for word, share in shares.items()}


def _own_words(endpoints: Iterable[str]) -> dict[str, list[str]]:
    """Return the words of each path behind what all paths begin with."""
    paths = {endpoint: endpoint.partition("/")[2].split("/") for endpoint in endpoints}
    alike = takewhile(lambda parts: len(set(parts)) == 1, zip(*paths.values(), strict=False))
    shared = len(list(alike)) if len(paths) > 1 else 0
    return {endpoint: _words("/".join(path[shared:])) for endpoint, path in paths.items()}


def _touching(one: _Read, key: str, rarity: Mapping[str, float]) -> float:
    """Return how much a commit has to do with what a hypothesis is about: its best word decides."""
    return max((one.weights[word] * rarity[word] for word in _kind_words(key) & one.weights.keys()), default=0.0)


@cache
def _kind_words(key: str) -> frozenset[str]:
    return frozenset(map(stem, _KINDS[key][1].split()))


def _read(commit: Commit) -> _Read:
    named = _PLACE * min(1.0, math.sqrt(_FEW / max(len(commit.paths), 1)))
    weights: dict[str, float] = {}
    for text, weight in ((commit.subject, _TITLE), ("\n".join(commit.paths), named), (commit.body, _BODY)):
        for word in set(map(stem, _words(text))):
            weights[word] = max(weights.get(word, 0.0), weight)
    aside = bool(commit.paths) and all(map(_BESIDE.search, commit.paths))
    manifest = any(map(_MANIFEST.search, commit.paths))
    return _Read(commit=commit, weights=weights, manifest=manifest, share=_ASIDE if aside and not manifest else 1.0)


def _words(text: str) -> list[str]:
    """Return the words of a text or of names in code: ``HTTPPolicyCache_v2`` is http, policy and cache."""
    found = (word.lower() for word in _WORD.findall(text))
    return [word for word in found if _SHORTEST <= len(word) <= _LONGEST and word not in _STOP]


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Return what a word shares with its other forms: ``policies`` and ``policy``, ``assign`` and ``assignments``."""
    ending = next((ending for ending in _ENDINGS if word.endswith(ending) and len(word) - len(ending) > _SHORTEST), "")
    return word.removesuffix(ending).rstrip("eiy")
