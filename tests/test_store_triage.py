"""What a store keeps of what people said of issues, each guarantee on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from builders import NOON
from msgspec.structs import replace
from test_store_comparisons import ORIGIN, ended, put, store, tracked, url

from perftracker_ai.errors import StoreError
from perftracker_ai.model.issues import IssueStatus
from perftracker_ai.store import Triage, open_store
from perftracker_ai.store.database import Database
from perftracker_ai.store.schema import TRIAGE

__all__ = ["store", "url"]  # fixtures


def said(key="a", state="acknowledged", **fields):
    """What Bob said of an issue of Shop as its first night left it."""
    values = {
        "origin": ORIGIN,
        "product": "Shop",
        "hardware": "bg-f1",
        "suite": "API",
        "owner": "ann",
        "note": "",
        "ticket": "",
        "until": "",
        "author": "bob",
        "made": NOON,
        "seen": ended(1),
    }
    return Triage(key=key, state=state, **values | fields)


def test_what_is_said_is_added_and_never_changed(store):
    """Everything said stays, in order; the last of each issue holds, and products, hardware and suites are apart."""
    later = said(state="not a regression", note="a\ud800\0", made=NOON + timedelta(hours=1))
    every = [said(), later, said("b"), said(product="Other"), said(hardware="bg-f2"), said(suite="UI")]
    seen = [0, 1, 0, 0, 0, 0]
    for one, number in zip(every, seen, strict=True):
        assert store.triage.add([(one, number)]) == ()
    clean = replace(later, note="a?\ufffd")
    assert [one.triage for one in store.triage.log(9)] == [*every[:1:-1], clean, every[0]]
    assert [one.triage for one in store.triage.log(9, "Shop", "a")] == [every[5], every[4], clean, every[0]]
    assert [one.number for one in store.triage.log(2)] == [6, 5]
    assert [one.triage for one in store.triage.newest("Shop")] == [clean, every[2], every[4], every[5]]
    assert [one.number for one in store.triage.newest()] == [2, 3, 4, 5, 6]


def test_an_edit_upon_what_is_no_longer_the_last_word_changes_nothing(store):
    """Of several edits of which one is stale none is written, and it is told what was said meanwhile."""
    assert store.triage.add([(said(), 0), (said("b"), 0)]) == ()
    first, other = store.triage.newest()
    assert store.triage.add([(said(owner="eve"), 0), (said("b", owner="eve"), other.number)]) == (first,)
    assert store.triage.newest() == (first, other)
    assert store.triage.add([(said(owner="eve"), first.number)]) == ()
    assert store.triage.newest()[1].triage.owner == "eve"


def test_of_two_at_the_same_time_one_is_told(store, url):
    """However many write upon the same word at once, one is taken and each of the others is told of it."""
    with closing(open_store(url)) as second, ThreadPoolExecutor(8) as pool:
        logs = [store.triage, second.triage] * 4
        told = list(pool.map(lambda pair: pair[1].add([(said(note=str(pair[0])), 0)]), enumerate(logs)))
    assert sorted(map(len, told)) == [0] + [1] * 7
    assert len(store.triage.log(99)) == 1


def test_what_came_after_is_news(store):
    """A word is out of date once a job that was not seen made the issue worse, or brought it back; else it holds."""
    statuses = (IssueStatus.OPEN, IssueStatus.WORSE, IssueStatus.OPEN)
    for number, status in enumerate(statuses, 1):
        put(store, number, tracked("a", status=status), tracked("b", status=IssueStatus.OPEN))
    store.triage.add([(said("a", seen=ended(1)), 0), (said("b", seen=ended(1)), 0)])
    assert {one.triage.key: one.news for one in store.triage.newest()} == {"a": True, "b": False}
    store.triage.add([(said("a", seen=ended(2)), 1)])
    assert {one.triage.key: one.news for one in store.triage.newest()} == {"a": False, "b": False}


def test_damaged_words_are_one_sentence(store, url):
    """Rows that nobody of ours wrote end in a sentence."""
    store.triage.add([(said(), 0)])
    with closing(Database(url)) as database, database.writing() as connection:
        connection.execute(TRIAGE.update().values(made_us=2**62))
    with pytest.raises(StoreError, match="values that cannot be read"):
        store.triage.newest()
