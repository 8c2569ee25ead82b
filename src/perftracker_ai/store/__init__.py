"""The store of past jobs: in go a job's curves, out come the values of every curve over the jobs of a product.

An edge: its one outside thing is a database, an embedded SQLite file or PostgreSQL, with one schema for both. What it
holds is a copy, so that it can be thrown away and filled again from PerfTracker at any time; what people said of issues
is nowhere else.

A job is known by its server's address and its uuid. The text that says when the server stored it tells whether its
content is another one; a job that the server no longer lists is marked as gone, and series leave it out.
"""

from perftracker_ai.store.align import align
from perftracker_ai.store.records import (
    Archive,
    Comparison,
    Earlier,
    History,
    Holding,
    IssueRow,
    Known,
    Levels,
    Located,
    Overview,
    Ran,
    Said,
    Scope,
    Triage,
)
from perftracker_ai.store.rows import microseconds, moment_of
from perftracker_ai.store.store import Store, hardware_of, look_at, open_store
from perftracker_ai.store.sync import (
    Synchronised,
    Wanted,
    is_recorded,
    kept_since,
    origin_of,
    reading_of,
    record,
    synchronise,
    worth_keeping,
)

__all__ = [
    "Archive",
    "Comparison",
    "Earlier",
    "History",
    "Holding",
    "IssueRow",
    "Known",
    "Levels",
    "Located",
    "Overview",
    "Ran",
    "Said",
    "Scope",
    "Store",
    "Synchronised",
    "Triage",
    "Wanted",
    "align",
    "hardware_of",
    "is_recorded",
    "kept_since",
    "look_at",
    "microseconds",
    "moment_of",
    "open_store",
    "origin_of",
    "reading_of",
    "record",
    "synchronise",
    "worth_keeping",
]
