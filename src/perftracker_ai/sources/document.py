"""Job documents into values: in go the bytes of an ``as_json`` document or a list row, out come `Job` and `JobInfo`.

Refuses what is not a job at all. A single test record that cannot be read is skipped and reported with its position.
The server writes bare NaN and Infinity, which is not JSON: such a document is read a second time by the lenient parser
of the standard library, which costs seven times as much and happens rarely. What is good to know and carries no
result, as times, machines and links, is left out where it cannot be read.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from operator import lt
from typing import TYPE_CHECKING, TypeVar

import msgspec

from perftracker_ai.decoding import decoded
from perftracker_ai.errors import BadAnswer, JobError
from perftracker_ai.model import BadRecord, ErrorCount, Job, JobInfo, Machine, Test

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Scores = tuple[float, ...]

T = TypeVar("T")

_DURATION = re.compile(r"(?:(\d{1,6}) )?(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)", re.ASCII)
_WORDS = {"True": 1.0, "False": 0.0}  # what Python prints for scores that were sent as booleans
_MOST, _LONGEST = 100, 1000
"""Machines and links of a job that are kept, and characters of each of their texts: the server keeps 1,024."""

_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What the parser raises: not JSON or not of the type, no UTF-8, absurdly nested."""

_NOTHING = msgspec.Raw(b"null")


class _Node(msgspec.Struct, gc=False):
    name: str = ""
    display_name: str | None = None
    parent: int | None = None
    version: msgspec.Raw = _NOTHING
    params: msgspec.Raw = _NOTHING
    cpus: msgspec.Raw = _NOTHING
    ram_mb: msgspec.Raw = _NOTHING


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


class _Timeless(msgspec.Struct, kw_only=True, gc=False):
    """A test without its times; ``scores`` is the text of a list (``"[0.51, 0.49]"``)."""

    tag: str
    scores: str
    seq_num: int = 0
    group: str = ""
    category: str = ""
    metrics: str = ""
    less_better: bool = False
    errors: ErrorCount = 0
    status: str = "SUCCESS"


class _Record(_Timeless, kw_only=True, gc=False):
    begin: datetime | None = None
    end: datetime | None = None
    duration: str | None = None


class _Whole(_Header, kw_only=True):
    """A header with what only a document tells."""

    env_nodes: list[_Node] = []
    cmdline: msgspec.Raw = _NOTHING
    links: msgspec.Raw = _NOTHING


class _Document(_Whole, kw_only=True):
    tests: list[_Record]


class _LooseDocument(_Whole, kw_only=True):
    """A document whose tests are looked into one by one, or only counted."""

    tests: list[msgspec.Raw]


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
    return _job(document, document.tests, ())


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
        read = decoded(row, _Row)
    except _UNREADABLE as error:
        raise BadAnswer(
            f"{origin} answered something that is not a job ({_short(error)})", "is it a PerfTracker server?"
        ) from error
    return _info(read, tuple(node.display_name or node.name for node in read.env_node))


def _decode(raw: bytes, kind: type[T]) -> T:
    """Decode strictly; where the only fault is a bare NaN or Infinity, decode again with null in its place.

    No field that is read here can hold one, so that nothing is lost by it.
    """
    try:
        return decoded(raw, kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        import json

        return decoded(msgspec.json.encode(json.loads(raw)), kind)


def _parse_loosely(raw: bytes, origin: str) -> Job:
    """Read the tests one by one, keeping the readable ones."""
    document = _decode_loosely(raw, origin)
    records: list[_Record | _Timeless] = []
    bad: list[BadRecord] = []
    for position, record in enumerate(document.tests, 1):
        try:
            records.append(_record(record))
        except _UNREADABLE as error:
            bad.append(BadRecord(position=position, problem=_short(error)))
    return _job(document, records, tuple(bad))


def _record(raw: msgspec.Raw) -> _Record | _Timeless:
    """Read one test; its times are not worth losing it for."""
    with suppress(*_UNREADABLE):
        return decoded(raw, _Record)
    return decoded(raw, _Timeless)


def _decode_loosely(raw: bytes, origin: str) -> _LooseDocument:
    try:
        return _decode(raw, _LooseDocument)
    except msgspec.ValidationError as error:
        raise _not_a_job(origin, error) from error
    except (ValueError, RecursionError) as error:
        raise _not_json(origin, raw, error) from error


def _job(document: _Whole, records: Sequence[_Record | _Timeless], bad: tuple[BadRecord, ...]) -> Job:
    info = _document_info(document)
    return Job(
        info=info,
        command=_text(document.cmdline),
        links=tuple(_links(document.links)),
        machines=tuple(_machines(document.env_nodes, info.product_ver)),
        tests=_in_upload_order(_tests(records)),
        bad_records=bad,
    )


def _document_info(document: _Whole) -> JobInfo:
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


# ── tests ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tests(records: Sequence[_Record | _Timeless]) -> list[Test]:
    """Turn the server's texts into numbers."""
    every = zip(records, _read_scores([record.scores for record in records]), map(_times, records), strict=True)
    return [
        Test(
            tag=record.tag,
            scores=scores,
            seq_num=record.seq_num,
            group=record.group,
            category=record.category,
            metrics=record.metrics,
            less_better=record.less_better,
            errors=record.errors,
            status=record.status,
            begin=begin,
            end=end,
        )
        for record, scores, (begin, end) in every
    ]


def _read_scores(texts: list[str]) -> Sequence[Scores | None]:
    """Read the score lists of a whole job; None where a text is no list of numbers.

    All texts are joined into one JSON document, which reads thousands in a millisecond. What JSON has no word for
    (``[True]``, ``[nan]``) makes that fail; then each text is read by itself.
    """
    # Texts such as "[1],[2]" or "[1" and "2]" would shift their followers. With one bracket opened by each text, and
    # at its beginning, the whole is either one list for each text or no list of lists; with each text on a line of its
    # own, that is counted.
    lines = "\n" + ",\n".join(texts)
    if lines.count("\n[") == lines.count("\n") == lines.count("[") == len(texts):
        with suppress(msgspec.DecodeError):
            return decoded(f"[{lines}]", list[tuple[float, ...]])
    return [_read_one(text) for text in texts]


def _read_one(text: str) -> Scores | None:
    """Read one score list as Python prints it."""
    body = text.strip()
    if not (body.startswith("[") and body.endswith("]")):
        return None
    words = [word.strip() for word in body[1:-1].split(",")] if body[1:-1].strip() else []
    try:
        return tuple([_WORDS[word] if word in _WORDS else float(word) for word in words])
    except ValueError:
        return None


def _times(record: _Record | _Timeless) -> tuple[float | None, float | None]:
    """Return when a test began and ended; the server's duration stands in for the one that is missing."""
    if not isinstance(record, _Record):
        return None, None
    first, last = record.begin, record.end
    begin = None if first is None else first.timestamp() if first.tzinfo else first.replace(tzinfo=UTC).timestamp()
    end = None if last is None else last.timestamp() if last.tzinfo else last.replace(tzinfo=UTC).timestamp()
    if begin is None or end is None:
        return _completed(begin, end, _duration_s(record.duration))
    return (begin, end) if begin <= end else (None, None)


def _completed(begin: float | None, end: float | None, lasted_s: float | None) -> tuple[float | None, float | None]:
    if begin is not None and lasted_s is not None:
        return begin, begin + lasted_s
    if end is not None and lasted_s is not None:
        return end - lasted_s, end
    return begin, end


def _duration_s(text: str | None) -> float | None:
    """Read ``00:00:12.5`` or ``1 02:03:04``, days first."""
    read = _DURATION.fullmatch(text or "")
    if read is None:
        return None
    days, hours, minutes, seconds = read.groups(default="0")
    return timedelta(days=int(days), hours=int(hours), minutes=int(minutes), seconds=float(seconds)).total_seconds()


def _in_upload_order(tests: list[Test]) -> tuple[Test, ...]:
    """Sort by sequence number, for the server promises no order; equal ones by all that curves read of them."""
    order = [test.seq_num for test in tests]
    if not all(map(lt, order, order[1:])):
        return tuple(sorted(tests, key=_place))
    return tuple(tests)  # the usual case, at a tenth of the cost


def _place(test: Test) -> tuple[int, str, str, str, str, Scores]:
    return test.seq_num, test.group, test.tag, test.category, test.metrics, test.scores or ()


# ── what else a document tells ──────────────────────────────────────────────────────────────────────────────────────


def _machines(nodes: Iterable[_Node], product_ver: str) -> list[Machine]:
    """Return the nodes that are machines: what is on top, or has processors or memory of its own."""
    made = [(node, _machine(node)) for node in nodes]
    machines = [one for node, one in made if node.parent is None or one.processors or one.memory_mb]
    return [one for one in machines if not product_ver or one.kernel != product_ver][:_MOST]


def _machine(node: _Node) -> Machine:
    return Machine(
        name=node.name[:_LONGEST],
        processors=_size(node.cpus),
        memory_mb=_size(node.ram_mb),
        kernel=_text(node.version),
        model=_text(node.params),
    )


def _links(raw: msgspec.Raw) -> list[tuple[str, str]]:
    """Read links, which the server keeps as the text of an object."""
    read = _value(raw)
    links = _value(read) if isinstance(read, str) else read
    every = links.items() if isinstance(links, dict) else ()
    return [(name[:_LONGEST], address[:_LONGEST]) for name, address in every if isinstance(address, str)][:_MOST]


def _text(raw: msgspec.Raw) -> str:
    value = _value(raw)
    return value[:_LONGEST] if isinstance(value, str) else ""


def _size(raw: msgspec.Raw) -> int | None:
    """Read a positive count; what is none says nothing."""
    value = _value(raw)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        return None
    return int(min(value, 2**53)) or None


def _value(raw: msgspec.Raw | str) -> object:
    """Decode what may be anything; None where that fails."""
    try:
        return msgspec.json.decode(raw)
    except _UNREADABLE:
        return None


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _not_json(origin: str, raw: bytes, error: Exception) -> JobError:
    if not raw.strip():
        return JobError(f"{origin} is empty", "download it again")
    return JobError(f"{origin} is not complete JSON ({_short(error)})", "download it again")


def _not_a_job(origin: str, error: msgspec.ValidationError) -> JobError:
    return JobError(f"{origin} is not a PerfTracker job ({_short(error)})", "give the file of job?as_json=1")


def _short(error: Exception) -> str:
    """Cut a parser's message, which may quote the input."""
    return str(error).partition("\n")[0][:120]
