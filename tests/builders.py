"""Readable synthetic jobs: documents as the server writes them, and the values they become.

``job(*curve_tests("latency", {1000: [0.5], 2000: [0.6]}))`` is a whole job that went through the parser;
``document(...)`` is the JSON behind it for tests that break it first; ``info(...)`` is a header alone.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from perftracker_ai.model import JobInfo
from perftracker_ai.sources.document import parse_job

NOON = datetime(2026, 9, 6, 12, 0, tzinfo=UTC)
"""When jobs end unless told otherwise."""


def test_record(tag="latency", scores=(0.5,), category="", **fields):  # noqa: PT028 - no test: it makes a record
    """Make one test as the server writes it: scores are the text of a list."""
    record = {
        "tag": tag,
        "scores": scores if isinstance(scores, str) else str(list(scores)),
        "category": category,
        "group": "",
        "metrics": "s",
        "less_better": True,
        "errors": 0,
        "status": "SUCCESS",
    }
    return record | fields


test_record.__test__ = False  # its name is that of the thing it makes


def curve_tests(tag, points, unit="items", **fields):
    """Make the tests of one curve from ``{load: scores}``."""
    return [test_record(tag, scores, f"{load} {unit}", **fields) for load, scores in points.items()]


def numbered(tests):
    """Give tests their place in upload order."""
    return [{"seq_num": number} | test for number, test in enumerate(tests, 1)]


def document(*tests, hosts=("bg-f1.example",), **fields):
    """Make a whole job document, counters agreeing with its tests unless ``fields`` say otherwise."""
    failed = sum(isinstance(test, dict) and test.get("status") == "FAILED" for test in tests)
    header = {
        "env_nodes": [{"name": host, "parent": None} for host in hosts],
        "id": 1,
        "title": "API suite",
        "uuid": f"00000000-0000-0000-0000-{fields.get('id', 1):012}",
        "suite_name": "API",
        "suite_ver": "1.0",
        "product_name": "Shop",
        "product_ver": "2.0",
        "begin": "2026-09-06T11:00:00Z",
        "end": "2026-09-06T12:00:00Z",
        "upload": "2026-09-06T12:01:00.5Z",
        "tests_total": len(tests),
        "tests_completed": len(tests),
        "tests_failed": failed,
        "tests_errors": failed,
        "project": {"id": 1, "name": "Default project"},
        "deleted": False,
    }
    return header | fields | {"tests": list(tests)}


def as_bytes(content):
    """Write a document as the server does, bare NaN and Infinity included."""
    return json.dumps(content).encode()


def job(*tests, **fields):
    """Make a job whose tests went through the parser, in the order given."""
    return parse_job(as_bytes(document(*numbered(tests), **fields)), "a made-up job")


def info(job_id=1, version="2.0", *, days_ago=0.0, **fields):
    """Make a usable job's header that ended so many days before `NOON`."""
    usual = JobInfo(
        id=job_id,
        uuid=f"00000000-0000-0000-0000-{job_id:012}",
        title="API suite",
        product_name="Shop",
        product_ver=version,
        suite_name="API",
        suite_ver="1.0",
        project_id=1,
        project_name="Default project",
        hosts=("bg-f1.example",),
        begin=None,
        end=NOON - timedelta(days=days_ago),
        upload="",
        tests_total=10,
        tests_completed=10,
        tests_failed=0,
        tests_errors=0,
        deleted=False,
    )
    return replace(usual, **fields)
