"""Job documents become values; what cannot be read is refused in a sentence or skipped with its position."""

import itertools
import json
import random
from datetime import UTC, datetime

import pytest
from builders import as_bytes, curve_tests, document, numbered, test_record

from perftracker_ai.errors import BadAnswer, JobError
from perftracker_ai.model import Machine
from perftracker_ai.sources.document import parse_info, parse_job, row_to_info

DEEP = "[" * 100_000 + "]" * 100_000


def parse(content, origin="job.json"):
    return parse_job(content if isinstance(content, bytes) else as_bytes(content), origin)


def with_test(text):
    """Put a test that is written out between two good ones."""
    whole = json.dumps(document(test_record("first"), "HERE", test_record("last")))
    return whole.replace('"HERE"', text).encode()


# ── captured documents ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_captured_document_gives_its_header(captured):
    """Every header field of a real document arrives in its place."""
    read = parse(captured.bytes("as_json_small.json")).info
    assert (read.id, read.product_name, read.product_ver) == (5, "TaskManager", "1.2-345")
    assert (read.suite_name, read.suite_ver, read.title) == ("tm suite", "1.0.0", "Small reference job <&> ü")
    assert read.uuid == "d1bc71f8-e722-11f1-a055-02fc00000001"
    assert (read.project_id, read.project_name, read.deleted) == (1, "Default project", False)
    assert read.begin == datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
    assert read.end == datetime(2026, 9, 1, 2, 37, tzinfo=UTC)
    assert read.upload == "2026-11-23T09:46:55.905484Z"
    assert (read.tests_total, read.tests_completed, read.tests_failed, read.tests_errors) == (34, 31, 2, 3)


def test_hosts_are_the_top_level_nodes_only(captured):
    """Virtual machines and services inside a host are no hosts of the job."""
    assert parse(captured.bytes("as_json_small.json")).info.hosts == ("bg-f1.example", "bg-g9.example")
    assert parse(captured.bytes("as_json_no_env.json")).info.hosts == ()


def test_a_deleted_job_says_so(captured):
    """The flag of a deleted job is not lost, for the server still hands it out."""
    assert parse(captured.bytes("as_json_deleted.json")).info.deleted


@pytest.mark.parametrize(("name", "scores"), [("as_json_nan.txt", (0.0,)), ("as_json_infinity.txt", (float("inf"),))])
def test_a_document_with_bare_nan_or_infinity_is_read(captured, name, scores):
    """What the server writes although it is not JSON costs neither the job nor the test."""
    read = parse(captured.bytes(name))
    assert [test.scores for test in read.tests] == [scores]
    assert read.bad_records == ()
    assert parse_info(captured.bytes(name), name) == (read.info, 1)


def test_counting_reads_the_same_header_as_reading_all(captured):
    """The short way to a header gives the same header, and the number of tests."""
    content = captured.bytes("as_json_small.json")
    assert parse_info(content, "x") == (parse(content).info, 34)


def test_a_list_row_gives_a_header_without_uuid_and_begin(captured):
    """A row of the job list is read, with the display names of its hosts."""
    row = captured.json("job_list_page.json")["data"][0]
    read = row_to_info(as_bytes(row), "the server")
    assert (read.id, read.product_name, read.hosts) == (4, "Account Server", ("s1",))
    assert (read.uuid, read.begin) == ("", None)
    assert read.end == datetime(2026, 11, 23, 9, 44, 39, 117789, tzinfo=UTC)


def test_a_job_detail_gives_its_top_level_hosts(captured):
    """The tree of nodes in a job's detail does not make virtual machines hosts."""
    read = row_to_info(captured.bytes("job_detail.json"), "the server")
    assert read.hosts == ("bg-f1.example", "bg-g9.example")
    assert read.uuid == "d1bc71f8-e722-11f1-a055-02fc00000001"


def test_an_interrupted_upload_keeps_its_zero_counters(captured):
    """Zeros in the counters of a broken upload arrive as they are, for discovery to see."""
    (row,) = captured.json("job_list_row_interrupted_upload.json")["data"]
    assert row_to_info(as_bytes(row), "x").tests_completed == 0


def test_a_display_name_stands_over_the_name_and_null_does_not():
    """Hosts of a row carry the display name, and the plain name where there is none."""
    nodes = [{"name": "a.example", "display_name": "a"}, {"name": "b.example", "display_name": None}, {"name": "c"}]
    row = {"id": 1, "end": "2026-01-01T00:00:00Z", "env_node": nodes}
    assert row_to_info(as_bytes(row), "x").hosts == ("a", "b.example", "c")


# ── headers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_null_texts_of_old_rows_read_as_empty():
    """Every text of a header may be null, and then is empty."""
    names = ("title", "uuid", "product_name", "product_ver", "suite_name", "suite_ver", "upload")
    read = parse(document(**dict.fromkeys(names))).info
    assert [getattr(read, name) for name in names] == [""] * len(names)


@pytest.mark.parametrize("end", ["2026-09-06T12:00:00", "2026-09-06T12:00:00Z", "2026-09-06T14:00:00+02:00"])
def test_times_are_utc_whatever_zone_they_are_written_in(end):
    """A time without a zone is UTC, one with a zone is converted."""
    read = parse(document(end=end, begin=end)).info
    assert read.end == read.begin == datetime(2026, 9, 6, 12, 0, tzinfo=UTC)
    assert read.end.tzinfo is UTC


def test_a_job_without_begin_is_read():
    """A beginning that nobody told is None, not a guess."""
    assert parse(document(begin=None)).info.begin is None


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_at_the_end_of_the_calendar_is_read(end):
    """A zone that would lead out of the calendar does not stop the job."""
    assert parse(document(end=end)).info.end.tzinfo is UTC


# ── test records ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"scores": "[1]"}', "`tag`"),
        ('{"tag": null, "scores": "[1]"}', "`$.tag`"),
        ('{"tag": "x", "scores": 1.5}', "`$.scores`"),
        ('{"tag": "x", "scores": [1.5]}', "`$.scores`"),
        ('{"tag": "x"}', "`scores`"),
        ('{"tag": "x", "scores": "[1]", "errors": "two"}', "`$.errors`"),
        ('{"tag": "x", "scores": "[1]", "errors": -1}', "`$.errors`"),
        ('{"tag": "x", "scores": "[1]", "errors": 99999999999999999999999}', "`$.errors`"),
        ('{"tag": "x", "scores": "[1]", "status": null}', "`$.status`"),
        ("null", "`null`"),
        ("17", "`int`"),
        ('{"tag": "x", "scores": NaN}', "`$.scores`"),
    ],
)
def test_a_bad_test_record_is_skipped_and_told_by_its_position(text, problem):
    """One unreadable record costs itself alone, and its position and field are named."""
    content = with_test(text)
    read = parse(content)
    assert [test.tag for test in read.tests] == ["first", "last"]
    (bad,) = read.bad_records
    assert bad.position == 2
    assert problem in bad.problem
    assert len(bad.problem) <= 120
    assert parse_info(content, "x") == (read.info, 3)


def test_a_record_with_broken_utf8_is_skipped_when_others_are_looked_at_one_by_one():
    """A byte that is no text costs its record, not the job."""
    content = with_test('{"tag": null}').replace(b'"last"', b'"\xff"')
    read = parse(content)
    assert [test.tag for test in read.tests] == ["first"]
    assert [bad.position for bad in read.bad_records] == [2, 3]


def test_fields_left_out_of_a_record_have_the_servers_defaults():
    """A record with tag and scores alone is a whole test."""
    (test,) = parse(document({"tag": "x", "scores": "[1]"})).tests
    assert (test.group, test.category, test.metrics, test.status) == ("", "", "", "SUCCESS")
    assert (test.less_better, test.errors, test.seq_num) == (False, 0, 0)


def test_unknown_fields_are_ignored_everywhere():
    """A newer server that says more does not break the reading."""
    assert len(parse(document(test_record(colour="red"), shape={"a": [1]})).tests) == 1


def test_tests_come_in_upload_order_whatever_order_the_document_has():
    """Two documents that differ only in the order of their tests are the same job."""
    tests = numbered([*curve_tests("a", {10: [1.0], 20: [2.0], 30: [3.0]}), test_record("b"), test_record("c")])
    in_order = parse(document(*tests))
    for shuffled in itertools.islice(itertools.permutations(tests), 0, 120, 7):
        assert parse(document(*shuffled)) == in_order


def test_doubled_tests_without_numbers_come_in_one_order_too():
    """Records that nothing but their scores tells apart still come out in one order."""
    tests = [test_record("a", [float(score)], metrics=unit) for score in range(5) for unit in ("s", "ms")]
    shuffled = random.Random(4).sample(tests, len(tests))
    assert parse(document(*tests)) == parse(document(*shuffled))


# ── times ───────────────────────────────────────────────────────────────────────────────────────────────────────────

NOON_S = 1_788_696_000.0
"""2026-09-06 12:00 UTC."""


@pytest.mark.parametrize(
    ("fields", "times"),
    [
        ({}, (None, None)),
        ({"begin": None, "end": None, "duration": "00:00:30"}, (None, None)),
        ({"begin": "2026-09-06T12:00:00Z", "end": "2026-09-06T12:00:30.5Z"}, (NOON_S, NOON_S + 30.5)),
        ({"begin": "2026-09-06T14:00:00+02:00", "end": "2026-09-06T12:00:00"}, (NOON_S, NOON_S)),
        ({"begin": "2026-09-06T12:00:00Z", "duration": "00:00:12.500000"}, (NOON_S, NOON_S + 12.5)),
        ({"begin": "2026-09-06T12:00:00Z", "duration": "1 00:00:01"}, (NOON_S, NOON_S + 86401)),
        ({"end": "2026-09-06T12:00:00Z", "duration": "00:01:00"}, (NOON_S - 60, NOON_S)),
        ({"begin": "2026-09-06T12:00:00Z", "duration": "a while"}, (NOON_S, None)),
        ({"begin": "2026-09-06T12:00:00Z", "end": "2026-09-06T11:00:00Z"}, (None, None)),
        ({"begin": "yesterday", "end": "2026-09-06T12:00:00Z"}, (None, None)),
        ({"begin": 5, "end": {}}, (None, None)),
        ({"duration": 30.0}, (None, None)),
        ({"begin": "2026-13-41T25:61:61Z"}, (None, None)),
    ],
)
def test_a_test_has_its_times_or_none(fields, times):
    """What is told of a test's times arrives in seconds, and times that cannot be read cost nothing but themselves."""
    read = parse(document(test_record("a", [2.0]), test_record("b", [3.0], **fields)))
    assert [(test.tag, test.scores) for test in read.tests] == [("a", (2.0,)), ("b", (3.0,))]
    assert (read.tests[1].begin, read.tests[1].end) == times
    assert read.bad_records == ()


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_test_at_the_end_of_the_calendar_is_read(moment):
    """No time that can be written makes a job unreadable, nor does a duration that leads out of the calendar."""
    (test,) = parse(document(test_record(begin=moment, duration="999999 23:59:59"))).tests
    assert test.begin <= test.end


def test_a_captured_test_has_its_times(captured):
    """The times of a real document arrive, to the second in which they were written."""
    read = parse(captured.bytes("as_json_small.json"))
    timed = [test for test in read.tests if test.begin is not None]
    assert timed
    assert all(read.info.begin.timestamp() <= test.begin <= test.end for test in timed)


# ── machines, command and links ─────────────────────────────────────────────────────────────────────────────────────


def node(name, **fields):
    return {"name": name, "parent": None, "version": "", "params": None, "cpus": None, "ram_mb": None} | fields


def test_the_machines_of_a_job_are_told_without_its_product():
    """What is on top or has processors or memory is a machine; what carries the product's version is none."""
    host = node("bg-f1", version="RHEL 9.4", params="EPYC 7302", cpus=32, ram_mb=131072)
    virtual, service = node("vm", parent=1, cpus=4), node("shop", parent=2)
    product = node("appliance", version="2.0", cpus=8)
    read = parse(document(test_record(), env_nodes=[host, virtual, service, product]))
    assert read.machines == (
        Machine(name="bg-f1", processors=32, memory_mb=131072, kernel="RHEL 9.4", model="EPYC 7302"),
        Machine(name="vm", processors=4, memory_mb=None, kernel="", model=""),
    )


@pytest.mark.parametrize(
    ("size", "read"),
    [(0, None), (-1, None), (True, None), ("32", None), ([], None), (1e400, None), (0.5, None), (10**400, 2**53)],
)
def test_a_size_that_is_none_says_nothing(size, read):
    """Processors and memory are a bounded number or nothing, and never cost the job."""
    content = json.dumps(document(test_record(), env_nodes=[node("a", cpus=size)])).replace("Infinity", "1e400")
    assert [machine.processors for machine in parse(content.encode()).machines] == [read]


@pytest.mark.parametrize(
    ("links", "read"),
    [
        ('{"Jenkins": "http://ci.example/1"}', (("Jenkins", "http://ci.example/1"),)),
        ({"Jenkins": "http://ci.example/1"}, (("Jenkins", "http://ci.example/1"),)),
        ('{"a": 5, "b": "c"}', (("b", "c"),)),
        *((text, ()) for text in ("{}", "", "nonsense", "[1]", None, 7, "[" * 5000)),
    ],
)
def test_links_are_read_where_they_are_links(links, read):
    """A job's links are told by name, and what is none is left out."""
    assert parse(document(test_record(), links=links)).links == read


def test_texts_about_a_job_are_bounded():
    """However much an uploader tells of machines, links and command, what is kept is bounded."""
    much = document(
        test_record(),
        cmdline="x" * 10**6,
        env_nodes=[node("y" * 10**4)] * 500,
        links={f"{place}" + "z" * 10**4: "z" * 10**4 for place in range(500)},
    )
    read = parse(much)
    assert (len(read.command), len(read.machines), len(read.links)) == (1000, 100, 100)
    assert {len(machine.name) for machine in read.machines} == {1000}
    assert max(len(text) for link in read.links for text in link) == 1000


# ── what is no job ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("read", [parse_job, parse_info])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "job.json is empty; download it again."),
        (b" \n\t", "job.json is empty; download it again."),
        (as_bytes(document(test_record()))[:-40], "job.json is not complete JSON ("),
        (b"<html><body>Please log in</body></html>", "job.json is not complete JSON ("),
        (b"\xff\xfe\x00garbage", "job.json is not complete JSON ("),
        (f'{{"x": {DEEP}}}'.encode(), "job.json is not complete JSON ("),
        (f'{{"x": NaN, "y": {DEEP}}}'.encode(), "job.json is not complete JSON ("),
        (as_bytes(document({"tag": None}))[:-3], "job.json is not complete JSON ("),
        (as_bytes(document({"tag": None})).replace(b'"Shop"', b'"\xff"'), "job.json is not complete JSON ("),
        (with_test(f'{{"tag": null, "scores": {DEEP}}}'), "job.json is not complete JSON ("),
        (b"[]", "job.json is not a PerfTracker job ("),
        (b'"text"', "job.json is not a PerfTracker job ("),
        (b"{}", "job.json is not a PerfTracker job ("),
        (b'{"draw": 0, "data": []}', "job.json is not a PerfTracker job ("),
        (as_bytes(document(id="one")), "job.json is not a PerfTracker job ("),
        (as_bytes(document(end="yesterday")), "job.json is not a PerfTracker job ("),
        (as_bytes({**document(), "tests": {}}), "job.json is not a PerfTracker job ("),
        (b'{"id": NaN, "end": "2026-01-01T00:00:00Z", "tests": []}', "job.json is not a PerfTracker job ("),
    ],
)
def test_what_is_no_job_is_refused_in_one_sentence(read, content, sentence):
    """Anything but a whole job ends in a sentence that begins with its origin and says which fault it is."""
    with pytest.raises(JobError) as caught:
        read(content, "job.json")
    message = str(caught.value)
    assert message.startswith(sentence)
    assert message.endswith(".")
    assert len(message) < 250


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"<html>",
        b'{"id": 1}',
        b'{"id": 1, "end": null}',
        b'{"id": 1, "end": "2026-01-01T00:00:00Z", "title": "\xff"}',
        f'{{"id": 1, "x": {DEEP}}}'.encode(),
    ],
)
def test_a_row_that_is_no_job_is_the_servers_bad_answer(content):
    """A list row or detail of another shape is told as an answer of the wrong server."""
    with pytest.raises(BadAnswer, match=r"^The list answered something that is not a job \(.*\); is it"):
        row_to_info(content, "The list")
