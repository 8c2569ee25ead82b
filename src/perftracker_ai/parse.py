"""Job documents into values: in go the bytes of an ``as_json`` document or a list row, out come `Job` and `JobInfo`.

Refuses what is not a job at all. A single test record that cannot be read is skipped and reported with its position.
The server writes bare NaN and Infinity, which is not JSON: such a document is read a second time by the lenient parser
of the standard library, which costs seven times as much and happens rarely.
"""

from __future__ import annotations

from datetime import UTC, datetime
from operator import lt
from typing import TypeVar

import msgspec

from perftracker_ai.errors import BadAnswer, JobError
from perftracker_ai.model import BadRecord, Job, JobInfo, Test

T = TypeVar("T")

_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What the parser raises: not JSON or not of the type, no UTF-8, absurdly nested."""


class _Node(msgspec.Struct, gc=False):
    name: str = ""
    display_name: str | None = None
    parent: int | None = None


class _Project(msgspec.Struct, gc=False):
    id: int = 0
    name: str = ""


class _Header(msgspec.Struct):
    """What list rows, job detail and as_json have in common; texts may be null in old rows."""

    id: int
    end: datetime
    title: str | None = ""
    uuid: str | None = ""
    product_name: str | None = ""
    product_ver: str | None = ""
    suite_name: str | None = ""
    suite_ver: str | None = ""
    project: _Project = msgspec.field(default_factory=_Project)
    begin: datetime | None = None
    upload: str | None = ""
    tests_total: int = 0
    tests_completed: int = 0
    tests_failed: int = 0
    tests_errors: int = 0
    deleted: bool = False


class _Row(_Header):
    env_node: list[_Node] = []


class _Document(_Header, kw_only=True):
    tests: list[Test]
    env_nodes: list[_Node] = []


class _LooseDocument(_Header, kw_only=True):
    """A document whose tests are looked into one by one, or only counted."""

    tests: list[msgspec.Raw]
    env_nodes: list[_Node] = []


def parse_job(raw: bytes, origin: str) -> Job:
    """Read a whole job document.

    Parameters
    ----------
    raw : bytes
        The JSON text.
    origin : str
        Where it came from, for messages.

    Returns
    -------
    Job
        With its readable tests in upload order.

    Raises
    ------
    JobError
        When the text is not JSON, or not a job.
    """
    try:
        document = _decode(raw, _Document)
    except msgspec.ValidationError:
        return _parse_loosely(raw, origin)
    except (ValueError, RecursionError) as error:
        raise _not_json(origin, raw, error) from error
    return Job(info=_document_info(document), tests=_in_upload_order(document.tests), bad_records=())


def parse_info(raw: bytes, origin: str) -> tuple[JobInfo, int]:
    """Read a job document's header and count its test records, at a fraction of the cost of reading them.

    Raises
    ------
    JobError
        When the text is not JSON, or not a job.
    """
    document = _decode_loosely(raw, origin)
    return _document_info(document), len(document.tests)


def row_to_info(row: bytes, origin: str) -> JobInfo:
    """Read a row of the job list, or a job's detail.

    Raises
    ------
    BadAnswer
        When it is not one.
    """
    try:
        read = msgspec.json.decode(row, type=_Row)
    except _UNREADABLE as error:
        raise BadAnswer(
            f"{origin} answered something that is not a job ({_short(error)}); is it a PerfTracker server?"
        ) from error
    return _info(read, tuple(node.display_name or node.name for node in read.env_node))


def _decode(raw: bytes, kind: type[T]) -> T:
    """Decode strictly; where the only fault is a bare NaN or Infinity, decode again with null in its place.

    No field that is read here can hold one, so that nothing is lost by it.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        import json

        return msgspec.json.decode(msgspec.json.encode(json.loads(raw)), type=kind)


def _parse_loosely(raw: bytes, origin: str) -> Job:
    """Read the tests one by one, keeping the readable ones."""
    document = _decode_loosely(raw, origin)
    tests: list[Test] = []
    bad: list[BadRecord] = []
    for position, record in enumerate(document.tests, 1):
        try:
            tests.append(msgspec.json.decode(record, type=Test))
        except _UNREADABLE as error:
            bad.append(BadRecord(position=position, problem=_short(error)))
    return Job(info=_document_info(document), tests=_in_upload_order(tests), bad_records=tuple(bad))


def _decode_loosely(raw: bytes, origin: str) -> _LooseDocument:
    try:
        return _decode(raw, _LooseDocument)
    except msgspec.ValidationError as error:
        raise _not_a_job(origin, error) from error
    except (ValueError, RecursionError) as error:
        raise _not_json(origin, raw, error) from error


def _document_info(document: _Document | _LooseDocument) -> JobInfo:
    return _info(document, tuple(node.name for node in document.env_nodes if node.parent is None))


def _info(header: _Header, hosts: tuple[str, ...]) -> JobInfo:
    return JobInfo(
        id=header.id,
        uuid=header.uuid or "",
        title=header.title or "",
        product_name=header.product_name or "",
        product_ver=header.product_ver or "",
        suite_name=header.suite_name or "",
        suite_ver=header.suite_ver or "",
        project_id=header.project.id,
        project_name=header.project.name,
        hosts=hosts,
        begin=_aware(header.begin) if header.begin else None,
        end=_aware(header.end),
        upload=header.upload or "",
        tests_total=header.tests_total,
        tests_completed=header.tests_completed,
        tests_failed=header.tests_failed,
        tests_errors=header.tests_errors,
        deleted=header.deleted,
    )


def _aware(moment: datetime) -> datetime:
    """Take a time without a zone as UTC, which is what the server writes."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # at either end of the calendar, where hours do not matter
        return moment.replace(tzinfo=UTC)


def _in_upload_order(tests: list[Test]) -> tuple[Test, ...]:
    """Sort by sequence number, for the server promises no order; equal ones by all that curves read of them."""
    order = [test.seq_num for test in tests]
    if not all(map(lt, order, order[1:])):
        return tuple(sorted(tests, key=_place))
    return tuple(tests)  # the usual case, at a tenth of the cost


def _place(test: Test) -> tuple[int, str, str, str, str, str]:
    return test.seq_num, test.group, test.tag, test.category, test.metrics, test.scores


def _not_json(origin: str, raw: bytes, error: Exception) -> JobError:
    if not raw.strip():
        return JobError(f"{origin} is empty; download it again.")
    return JobError(f"{origin} is not complete JSON ({_short(error)}); download it again.")


def _not_a_job(origin: str, error: msgspec.ValidationError) -> JobError:
    return JobError(f"{origin} is not a PerfTracker job ({_short(error)}); give the file of job?as_json=1.")


def _short(error: Exception) -> str:
    """Cut a parser's message, which may quote the input."""
    return str(error).partition("\n")[0][:120]
