"""Sixty nights of a made-up product, judged one after the other as on their night, with what was known then.

`STORY` says what was measured, `person` what somebody who knows it would say of each night. What the program says is
kept in ``golden/replay.txt``.
"""

import math
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import postgres
import pytest
from builders import info, job, test_record
from msgspec.structs import replace

from perftracker_ai.commands.analyze import judge
from perftracker_ai.commands.issues import comparison_of
from perftracker_ai.commands.lookup import look_up
from perftracker_ai.discovery import choose, classified
from perftracker_ai.report.history import beginning, since_short
from perftracker_ai.settings import Accept, Settings
from perftracker_ai.store import open_store, origin_of

FIRST = datetime(2026, 7, 1, 2, tzinfo=UTC)
ENDPOINTS = ("GET /items", "GET /items/{id}", "POST /orders", "GET /orders", "PUT /cart", "GET /search", "POST /login")
THREADS, LOADS = (4,), tuple(range(1000, 7000, 1000))
ORDERS, SEARCH, CART = "POST /orders", "GET /search", "PUT /cart"
SERVER = "http://perf.example"
GOLDEN = Path(__file__).parent / "golden"

STORY = (
    # version, what is slower in it and by how much
    *(("2.0", {}), ("2.0", {}), ("2.1", {}), ("2.2", {}), ("2.3", {}), ("2.4", {}), ("2.4", {})),
    *((f"2.{minor}", {}) for minor in (5, 6, 7, 8, 9)),
    *((f"2.{minor}", {ORDERS: 1.4}) for minor in (10, 11, 12)),
    ("2.9.1", {}),  # a hotfix of the version before the regression
    *((f"2.{minor}", {ORDERS: 1.4}) for minor in (13, 13, 14, 15, 16)),
    *((f"2.{minor}", {}) for minor in (17, 18, 19, 20, 21)),  # repaired after nine nights of its line
    ("2.22", {"": 1.25}),  # a disturbed night: everything is slower
    *((f"2.{minor}", {}) for minor in (23, 24, 25)),
    ("2.26", {SEARCH: 1.3}),
    ("2.25.1", {}),
    *((f"2.{minor}", {SEARCH: 1.3}) for minor in (27, 28, 29, 30)),
    ("2.25.2", {}),
    *((f"2.{minor}", {SEARCH: 1.3}) for minor in range(31, 41)),  # runners are renamed every night from 2.34 on
    *((f"2.{minor}", {}) for minor in (41, 42, 43)),
    ("3.0-rc1", {CART: 1.6}),
    *((version, {}) for version in ("3.0-rc2", "3.0", "3.1")),
    *((version, {ORDERS: 1.35}) for version in ("3.2", "3.2", "3.3")),
    *((version, {}) for version in ("3.4", "3.5", "3.6")),
)
RENAMED = 40
"""The night from which on every run has a runner of its own name."""
KNOWN = Accept(product="Shop", endpoint=SEARCH, reason="index is rebuilt", until=date(2026, 8, 14))
ACCEPTED_FROM = 34
"""The night before which somebody wrote that down."""
SETTINGS = Settings(hardware=(("runner-*", "bg-f1.example"),))


def measured(night):
    """Return the job of a night: a shared level, a level of each curve, and every value with some noise."""
    version, slow = STORY[night]
    rng, begin = np.random.default_rng([20261128, night]), FIRST + timedelta(days=night)
    everything = math.exp(rng.normal(0, 0.005)) * slow.get("", 1.0)
    tests = []
    for number, endpoint in enumerate(ENDPOINTS):
        for threads in THREADS:
            level = everything * math.exp(rng.normal(0, 0.005)) * slow.get(endpoint, 1.0)
            for load in LOADS:
                cost = 0.01 * (1 + number / 3) * threads**0.4 * (1 + load / 9000) * level
                at = begin + timedelta(seconds=20 * len(tests))
                times = {"begin": f"{at:%Y-%m-%dT%H:%M:%SZ}", "end": f"{at + timedelta(seconds=19):%Y-%m-%dT%H:%M:%SZ}"}
                scores = (cost * math.exp(rng.normal(0, 0.012)),)
                tag = f"latency, p(95) ({threads} th): {endpoint}"
                tests.append(test_record(tag, scores, f"{load} items", group="API", **times))
    host = f"runner-{night}.example" if night >= RENAMED else "bg-f1.example"
    end = begin + timedelta(seconds=20 * len(tests))
    header = info(101 + night, version, hosts=(host,), upload=f"u{night}")
    header = replace(header, begin=begin, end=end, tests_total=len(tests), tests_completed=len(tests))
    return replace(job(*tests), info=classified(header, SETTINGS.hardware))


def replay(url, nights):
    """Judge so many nights with what was known then, and give verdict, findings and issues of each."""
    jobs = {}
    with closing(open_store(url)) as store:
        return [night_of(store, url, night, jobs) for night in range(nights)]


def night_of(store, url, night, jobs):
    """Judge one night and keep what was found; None where there is nothing to compare with yet."""
    one = measured(night)
    jobs[one.info.id] = one
    listing = sorted((each.info for each in jobs.values()), key=lambda each: (each.end, each.id), reverse=True)
    entries = (KNOWN,) if night >= ACCEPTED_FROM else ()
    settings = replace(SETTINGS, store=url, accept=entries)
    own = settings.of_product("Shop")
    pair = choose(listing, "Shop", own.discovery).pair
    if pair is None:
        return None
    chosen = (pair.baseline, pair.candidate, *pair.reruns, *pair.candidate_reruns)
    taken = [jobs[each.id] for each in chosen]
    earlier, problems = look_up(taken, SERVER, settings, lambda _: None)
    assert not problems
    today, reruns = one.info.end.date(), len(pair.candidate_reruns)
    found = judge(taken, own, seed=1, candidate_reruns=reruns, today=today, earlier=earlier)
    kept = comparison_of(found.analysis, origin_of(SERVER), FIRST)
    store.comparisons.put(kept, b"", found.issues)
    return found


def line(night, found):
    """Word a night on a line."""
    version = STORY[night][0]
    if found is None:
        return f"{night:02} {version}: nothing to compare with"
    analysis = found.analysis
    past = analysis.open_issues
    worse = [one for one in analysis.clusters if one.direction == "worse"]
    news = [f"{one.endpoint or one.title} {one.severity} {since(analysis, one)}" for one in worse]
    still = [
        f"{one.endpoint or one.title} {one.status}{' (accepted)' if one.accepted else ''}"
        f" {one.slowdown:+.0%} since {one.first.version}"
        for one in past.issues
    ]
    good = (
        f"{'approved' if past.last_good.approved else 'good'} {past.last_good.job.version}" if past.last_good else "-"
    )
    parts = (", ".join(news) or "nothing new", ", ".join(still) or "nothing open", good)
    head = f"{night:02} {version} after {analysis.baseline.product_ver}: {analysis.decision.verdict}"
    return " | ".join((head, *parts))


def since(analysis, cluster):
    began = beginning(analysis, cluster.id)
    return since_short(began) if began else "since unknown"


# ── what a person would say ─────────────────────────────────────────────────────────────────────────────────────────


def person():
    """Yield of every night the verdict, and what became of each endpoint's issue with the version it came in with.

    Who knows the story follows the main line: what came in is open while later versions have it, and closed by the
    first that has it not. Hotfixes of versions before say nothing of it.
    """
    opened, before = {}, set()
    for night, (version, slow) in enumerate(STORY):
        if night <= 1:
            yield None, {}
            continue
        words, own = {}, {endpoint or "the whole run" for endpoint in slow}
        if version.count(".") < 2:
            for endpoint in own - set(opened):
                words[endpoint] = "reopened" if endpoint in before else "new"
            words |= dict.fromkeys(own & set(opened), "open")
            words |= dict.fromkeys(set(opened) - own, "closed")
            opened |= dict.fromkeys(own - set(opened), version)
        told = {endpoint: (word, opened[endpoint]) for endpoint, word in words.items()}
        yield _verdict(night, words), told
        for endpoint, word in words.items():
            if word == "closed":
                before.add(endpoint)
                del opened[endpoint]


def _verdict(night, words):
    """What a person would do with the release; a disturbed run, and what is measured by one, is measured anew."""
    today = (FIRST + timedelta(days=night)).date()
    known = {SEARCH} if night >= ACCEPTED_FROM and today <= KNOWN.until else set()
    counted = {endpoint: word for endpoint, word in words.items() if endpoint not in known}
    if "" in STORY[night][1] or "" in STORY[night - 1][1] or {"open", "reopened"} & set(counted.values()):
        return "INVESTIGATE"
    if "new" in counted.values():
        return "INVESTIGATE" if CART in counted else "APPROVE WITH MONITORING"
    return "APPROVE"


@pytest.mark.slow
def test_sixty_nights_are_told_as_a_person_would(tmp_path, golden):
    """Verdict, since and open issues of every night are what happened."""
    told = replay(str(tmp_path / "h.sqlite3"), len(STORY))
    golden("replay.txt", "".join(f"{line(night, found)}\n" for night, found in enumerate(told)))
    for night, (found, (verdict, issues)) in enumerate(zip(told, person(), strict=True)):
        if found is not None:
            said = {one.issue.endpoint: (one.issue.status.value, one.issue.first.version) for one in found.issues}
            assert (night, found.analysis.decision.verdict, said) == (night, verdict, issues)


@pytest.mark.slow
def test_postgresql_tells_the_same_bytes():
    """Up to the repair of the first regression and the disturbed night, the other database says the same."""
    nights = 30
    told = replay(postgres.fresh_database(), nights)
    kept = (GOLDEN / "replay.txt").read_text(encoding="utf-8").splitlines()
    assert [line(night, found) for night, found in enumerate(told)] == kept[:nights]
