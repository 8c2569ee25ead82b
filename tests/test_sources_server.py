"""The server edge against the stand-in: what a good server gives, and what each bad one is told as."""

import gc
import gzip
import json
import re
import socket
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fake_perftracker import (
    FakePerfTracker,
    answer,
    debug_page,
    delay,
    die_after,
    drip,
    drop,
    false_gzip,
    hang,
    light_jobs,
    login_page,
    make_job,
    packed,
    proxy_page,
    redirect,
    refused_url,
    truncated,
)
from hang_guard import must_end

from perftracker_ai.errors import (
    BadAnswer,
    JobError,
    JobFileError,
    NotFound,
    OutputError,
    PerfTrackerAIError,
    Unreachable,
    UsageError,
)
from perftracker_ai.http.perftracker import Patience, open_connection
from perftracker_ai.settings import Settings
from perftracker_ai.sources import open_source, read_fetched, read_file
from perftracker_ai.sources.server import ServerSource

BRIEF = Patience(connect_s=0.5, read_s=0.5, document_s=0.5, answer_s=0.5, download_s=0.5)
"""For servers that would keep a test waiting; elsewhere a busy machine must not look like a slow server."""


def quiet(received, total):
    """Take progress and forget it."""


@pytest.fixture
def server():
    with FakePerfTracker([make_job(1), make_job(2), make_job(3, project=2)]) as running:
        yield running


@pytest.fixture
def slept():
    return []


@pytest.fixture
def connect(tmp_path, slept):
    """Open sources with a recorded sleep, and close them at the end."""
    opened = []

    def open_it(url, *, patience=None, output_dir=tmp_path / "data", **settings):
        wanted = Settings(
            url=url, **{name: str(value) if name == "ca_bundle" else value for name, value in settings.items()}
        )
        connection = open_connection(wanted, patience=patience, sleep=slept.append)
        source = ServerSource(connection, output_dir=output_dir)
        opened.append(source)
        return source

    yield open_it
    for source in opened:
        source.close()


def files_in(folder: Path):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def sentence_of(error):
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 600
    assert text[-1] in ".?"
    return text


# ── the list ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_six_thousand_jobs_with_ties_come_newest_first_and_once(server, connect):
    """Every job comes exactly once, by end and id descending, whatever order the server keeps them in."""
    server.jobs = {job["id"]: job for job in light_jobs(6000)}
    source = connect(server.url)
    listed = [(info.end, info.id) for info in source.list_jobs(1)]
    assert len(listed) == 6000
    assert listed == sorted(set(listed), reverse=True)
    assert source.total_jobs == 6000


def test_list_is_read_only_as_far_as_asked(server, connect):
    """A caller that stops early costs one page, and knows the total already."""
    server.jobs = {job["id"]: job for job in light_jobs(3000)}
    source = connect(server.url)
    first = next(source.list_jobs(1))
    assert first.id == 3000
    assert source.total_jobs == 3000
    assert len(server.requests) == 1


def test_list_asks_for_an_order_and_a_page_length(server, connect):
    """No request relies on the server's default order or on its default of ten rows."""
    list(connect(server.url).list_jobs(1))
    query = server.requests[0].query
    assert [query[f"order[{n}][{key}]"] for n in (0, 1) for key in ("column", "dir")] == ["2", "desc", "1", "desc"]
    assert query["length"] == "500"


@pytest.mark.parametrize(("project", "expected"), [(0, {1, 2, 3}), (1, {1, 2}), (2, {3}), (99, set())])
def test_list_of_a_project(server, connect, project, expected):
    """A project's list holds its jobs only, 0 means all, an unknown project is empty."""
    assert {info.id for info in connect(server.url).list_jobs(project)} == expected


def test_list_leaves_out_deleted_jobs(server, connect):
    """A deleted job is not listed."""
    server.jobs[2]["deleted"] = True
    assert [info.id for info in connect(server.url).list_jobs(1)] == [1]


def test_list_gives_display_names_of_hosts(server, connect):
    """Hosts are named as the server displays them."""
    server.display_name_re = r"\.example$"
    assert next(connect(server.url).list_jobs(1)).hosts == ("bg-f1",)


def change_before_page(server, number, change):
    """Call ``change`` just before the ``number``-th list page is answered."""

    def before(request):
        if len(server.asked(r"/job/$")) == number and request.path.endswith("/job/"):
            change()

    server.before = before


def test_jobs_deleted_while_paging_make_no_other_job_slip_through(server, connect):
    """When rows above the next page vanish, the rows that slipped up are read all the same, in their place."""
    server.jobs = {job["id"]: job for job in light_jobs(1500)}
    gone = range(1490, 1501)
    change_before_page(server, 2, lambda: [server.jobs.pop(job_id, None) for job_id in gone])
    listed = [info.id for info in connect(server.url).list_jobs(1)]
    assert listed == sorted(listed, reverse=True)
    assert set(range(1, 1490)) <= set(listed)


def test_jobs_uploaded_while_paging_come_once(server, connect):
    """When new jobs push the rows down, nothing comes twice, and the new jobs come last."""
    server.jobs = {job["id"]: job for job in light_jobs(1500)}
    newer = [make_job(9000 + n, end="2027-01-01T00:00:00Z") for n in range(20)]
    change_before_page(server, 2, lambda: server.add(*newer))
    listed = [info.id for info in connect(server.url).list_jobs(1)]
    assert listed[:1500] == list(range(1500, 0, -1))
    assert set(listed[1500:]) == {job["id"] for job in newer}
    assert len(listed) == 1520


def test_job_that_moves_to_the_top_while_paging_is_not_lost(server, connect):
    """An old job that is uploaded again while the list is read is found by reading again, once."""
    server.jobs = {job["id"]: job for job in light_jobs(1500)}
    change_before_page(server, 2, lambda: server.jobs[3].update(end="2027-01-01T00:00:00Z"))
    listed = [info.id for info in connect(server.url).list_jobs(1)]
    assert sorted(listed) == list(range(1, 1501))


def page_of(rows, total):
    return answer(200, json.dumps({"recordsFiltered": total, "data": rows}), "application/json")


def listed_rows(server, count):
    return [server._listed_row(job) for job in light_jobs(count)]


def test_server_that_repeats_one_page_is_left(server, connect):
    """A server that promises a million jobs and repeats the same page is asked a bounded number of times."""
    server.script(r"/job/\?", page_of(listed_rows(server, 500), 1_000_000))
    assert len(list(connect(server.url).list_jobs(1))) == 500
    assert len(server.requests) < 12


def test_server_that_promises_more_than_it_has_is_left(server, connect):
    """A count that never comes true ends in the jobs there are."""
    server.script(r"[?&]start=0&", page_of(listed_rows(server, 400), 1_000_000))
    server.script(r"/job/\?", page_of([], 1_000_000))
    assert len(list(connect(server.url).list_jobs(1))) == 400
    assert len(server.requests) < 12


def test_list_without_end_is_given_up(server, connect, monkeypatch):
    """A server that makes up new jobs for ever is told as such instead of being read for ever."""
    monkeypatch.setattr("perftracker_ai.sources.server._MAX_PAGES", 6)
    rows = listed_rows(server, 1)
    made_up = ({**rows[0], "id": number} for number in range(10**6))

    def next_page(reply):
        return page_of([next(made_up) for _ in range(5)], 10**9)(reply)

    server.script(r"/job/\?", next_page)
    assert "does not end" in list_and_fail(connect(server.url), BadAnswer)
    assert len(server.requests) == 6


def test_unreadable_row_is_skipped_and_remembered(server, connect):
    """One odd row of the list costs that job only, and the source says so once."""
    server.rows[1] = {"tests_total": "many"}
    source = connect(server.url)
    assert [info.id for info in source.list_jobs(1)] == [2]
    [(where, problem)] = source.skipped
    assert "of the job list" in where
    assert "not a job" in problem


# ── one job's header ────────────────────────────────────────────────────────────────────────────────────────────────


def test_describe_knows_the_uuid(server, connect):
    """A job's header comes with the uuid, which the list does not tell."""
    info = connect(server.url).describe(2)
    assert (info.id, info.uuid) == (2, server.jobs[2]["uuid"])


@pytest.mark.parametrize("page", [None, debug_page(404)], ids=["empty list", "web page"])
def test_describe_missing_job_names_job_and_server(server, connect, page):
    """Both ways the server says that there is no job end in one sentence naming the job and the server."""
    if page:
        server.script("/job/999", page)
    with pytest.raises(NotFound) as error:
        connect(server.url).describe(999)
    text = sentence_of(error)
    assert "999" in text
    assert server.url in text


DEEP = '{"id": 2, "extra": ' + "[" * 200_000

WRONG_BODIES = {
    "empty list": "[]",
    "empty body": "",
    "null": "null",
    "something else": '{"coffee": "pot"}',
    "no JSON": "no JSON at all",
    "half JSON": '{"id": 2, "end": "2026',
    "not UTF-8": b'{"id": 2, "title": "\xff\xfe"}',
    "absurd nesting": DEEP,
}


@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_wrong_json_where_a_header_is_expected(server, connect, body):
    """Status 200 with anything but a job is a bad answer naming the server."""
    server.script("/job/2", answer(200, body, "application/json"))
    with pytest.raises(BadAnswer) as error:
        connect(server.url).describe(2)
    assert server.url in sentence_of(error)


@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_wrong_json_where_a_list_is_expected(server, connect, body):
    """Status 200 with anything but a page of jobs is a bad answer naming the server."""
    server.script("/job/", answer(200, body, "application/json"))
    with pytest.raises(BadAnswer) as error:
        list(connect(server.url).list_jobs(1))
    assert server.url in sentence_of(error)


def test_another_job_than_asked_is_refused(server, connect):
    """A server that answers with another job's header is not believed."""
    server.details[2] = {"id": 1}
    with pytest.raises(BadAnswer, match="asked for job 2 and answered job 1"):
        connect(server.url).describe(2)


def test_projects(server, connect):
    """All projects come with id and name."""
    assert connect(server.url).projects() == ((1, "Default project"), (2, "Storage"))


# ── downloads ───────────────────────────────────────────────────────────────────────────────────────────────────────


def sent(path):
    """Give the length of what the server sent, in bytes."""
    return len(path.read_bytes().rpartition(b", ")[0]) + 1


def test_fetch_stores_the_document_and_reports_progress(server, connect, tmp_path):
    """The file is what the server sent, the last report is the whole of it, and nothing else is left behind."""
    reports = []
    source = connect(server.url)
    path = source.fetch(source.describe(2), lambda *progress: reports.append(progress))
    assert path == tmp_path / "data" / "job-2.json"
    assert served(path) == server.jobs[2]
    assert reports[-1] == (sent(path), sent(path))
    assert files_in(tmp_path / "data") == ["job-2.json"]


def test_packed_document_is_unpacked_and_its_size_unknown(server, connect):
    """A proxy that packs the answer is fine; the packed length is not taken for the document's."""
    server.script("as_json", packed())
    reports = []
    source = connect(server.url)
    path = source.fetch(source.describe(2), lambda *progress: reports.append(progress))
    assert served(path) == server.jobs[2]
    assert reports[-1] == (sent(path), None)


def test_unchanged_job_is_not_fetched_again(server, connect):
    """A job already there with the same id, uuid and upload time costs no download."""
    source = connect(server.url)
    source.fetch(source.describe(2), quiet)
    source.fetch(source.describe(2), quiet)
    assert len(server.asked("^/1/job/2$")) == 1


def test_job_found_by_the_list_is_recognised_without_uuid(server, connect):
    """The list does not tell the uuid; id and upload time are enough then."""
    source = connect(server.url)
    source.fetch(source.describe(2), quiet)
    source.fetch(next(info for info in source.list_jobs(1) if info.id == 2), quiet)
    assert len(server.asked("^/1/job/2$")) == 1


@pytest.mark.parametrize(
    "change",
    [{"upload": "2026-12-01T00:00:00Z"}, {"uuid": "d1bc71f8-e722-11f1-a055-02fc00000001"}],
    ids=["uploaded again", "another uuid"],
)
def test_changed_job_is_fetched_again(server, connect, change):
    """A job whose upload time or uuid moved is downloaded again and takes the old file's place."""
    source = connect(server.url)
    source.fetch(source.describe(2), quiet)
    server.jobs[2] |= change | {"title": "second upload"}
    path = source.fetch(source.describe(2), quiet)
    assert json.loads(path.read_bytes())["title"] == "second upload"


def served(path):
    """Give what the server sent: a copy without the checksum that was put into it."""
    return {key: value for key, value in json.loads(path.read_bytes()).items() if key != "perftracker_ai_sha256"}


def halve(text):
    return re.sub(rb'"scores": "\[([\d.]+)', lambda found: b'"scores": "[%.3f' % (float(found[1]) / 2), text, count=1)


ALTERATIONS = {
    "a value": halve,
    "one letter": lambda text: text.replace(b'"title": "', b'"title": "x', 1),
    "written anew": lambda text: json.dumps(json.loads(text), indent=1).encode(),
    "sorted": lambda text: json.dumps(json.loads(halve(text)), sort_keys=True).encode(),
    "copy of an earlier version": lambda text: text.rpartition(b", ")[0] + b"}",
}


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
def test_an_altered_copy_is_fetched_again(server, connect, alter):
    """A copy on disk that is not as it was downloaded, or cannot show it, is downloaded again and judged by no one."""
    source = connect(server.url)
    path = source.fetch(source.describe(2), quiet)
    before = path.read_bytes()
    path.write_bytes(alter(before))
    assert path.read_bytes() != before
    source.fetch(source.describe(2), quiet)
    assert path.read_bytes() == before


@pytest.mark.parametrize("alter", ["a value", "written anew", "sorted"])
def test_an_altered_copy_is_refused_where_it_cannot_be_fetched_again(server, connect, alter):
    """A copy that somebody names as a job file is told as altered, packed as well; as it was, it is read."""
    source = connect(server.url)
    path = source.fetch(source.describe(2), quiet)
    assert source.read(path) == read_file(path, "it")
    altered = ALTERATIONS[alter](path.read_bytes())
    path.write_bytes(altered)
    path.with_suffix(".json.gz").write_bytes(gzip.compress(altered))
    for name in (path, path.with_suffix(".json.gz")):
        with pytest.raises(JobFileError, match=r"was altered since it was downloaded .* remove it to have it fetched"):
            read_file(name, "it")


def test_a_file_that_goes_or_changes_after_it_was_fetched_is_fetched_once_more(server, connect):
    """Another run that takes a file away costs a download, not the job; for ever it is not tried."""
    source = connect(server.url)
    info = source.describe(2)
    path = source.fetch(info, quiet)
    for harm in (path.unlink, lambda: path.write_bytes(halve(path.read_bytes()))):
        harm()
        job = read_fetched(source, info, path, lambda *_: None)
        assert job.info.id == 2
    path.unlink()
    source.fetch_all = lambda *_: [path]
    with pytest.raises(JobFileError):
        read_fetched(source, info, path, lambda *_: None)


@pytest.mark.parametrize("content", [b"", b"{", DEEP.encode(), b'{"id": 2}'], ids=["empty", "half", "deep", "other"])
def test_damaged_file_is_fetched_again(server, connect, tmp_path, content):
    """A file of the right name that is no job is replaced."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "job-2.json").write_bytes(content)
    source = connect(server.url)
    assert served(source.fetch(source.describe(2), quiet)) == server.jobs[2]


def test_deleted_job_is_left_to_the_caller(server, connect):
    """A deleted job can be fetched, and its document says that it is deleted."""
    server.jobs[2]["deleted"] = True
    source = connect(server.url)
    assert json.loads(source.fetch(source.describe(2), quiet).read_bytes())["deleted"] is True


def test_job_of_another_project_is_fetched_from_its_own(server, connect):
    """A job asked for by number is found whatever its project."""
    source = connect(server.url)
    source.fetch(source.describe(3), quiet)
    assert server.asked("^/2/job/3$")


def test_job_that_vanished_after_the_list(server, connect, tmp_path):
    """A job that went away between list and download is not found, and leaves no file."""
    source = connect(server.url)
    info = source.describe(2)
    del server.jobs[2]
    with pytest.raises(NotFound, match="Job 2 is not on"):
        source.fetch(info, quiet)
    assert files_in(tmp_path / "data") == []


def fetch_and_fail(source, error, info=None):
    with pytest.raises(error) as caught:
        source.fetch(info or source.describe(2), quiet)
    return sentence_of(caught)


def test_unfinished_upload_is_refused(server, connect, tmp_path):
    """A job whose counters say something else than its tests is refused with both numbers."""
    server.jobs[2] |= {"tests_total": 0}
    text = fetch_and_fail(connect(server.url), JobError)
    assert "counts 0 tests and holds 3" in text
    assert files_in(tmp_path / "data") == []


def test_job_completed_between_list_and_download_is_taken(server, connect):
    """Counters that moved since the list do not matter as long as the document agrees with itself."""
    server.rows[2] = {"tests_total": 1, "tests_completed": 1, "upload": "2026-01-01T00:00:00Z"}
    source = connect(server.url)
    listed = next(info for info in source.list_jobs(1) if info.id == 2)
    assert json.loads(source.fetch(listed, quiet).read_bytes())["tests_total"] == 3


@pytest.mark.parametrize("key", ["id", "uuid"])
def test_another_document_than_asked_is_refused(server, connect, tmp_path, key):
    """A document with another id or uuid than asked for is never stored."""
    source = connect(server.url)
    info = source.describe(2)
    server.jobs[2] |= {"id": 1} if key == "id" else {"uuid": "d1bc71f8-e722-11f1-a055-02fc00000001"}
    text = fetch_and_fail(source, BadAnswer, info)
    assert "was asked for job 2" in text
    assert files_in(tmp_path / "data") == []


BROKEN_DOWNLOADS = {
    "dies in the middle": (die_after(1000), Unreachable, "cannot be reached"),
    "dies before the first byte": (drop(), Unreachable, "cannot be reached"),
    "hangs": (hang(), Unreachable, "within 0.5 s"),
    "drips": (drip(1, 0.05), Unreachable, "too slow"),
    "truncated JSON": (truncated(1000), JobError, "not complete JSON"),
    "empty": (truncated(0), JobError, "empty"),
    "no JSON": (answer(200, "x" * 100, "application/json"), JobError, "not complete JSON"),
    "absurd nesting": (answer(200, DEEP, "application/json"), JobError, "not complete JSON"),
    "JSON of something else": (answer(200, '{"coffee": "pot"}', "application/json"), JobError, "not a PerfTracker job"),
    "gzip that is none": (false_gzip(), BadAnswer, "decoded"),
    "login page": (login_page(), BadAnswer, "(Sign in)"),
    "login page without its type": (answer(200, " <html>", "application/json"), BadAnswer, "web page"),
    "debug page": (debug_page(), BadAnswer, "500 (OperationalError at /somewhere)"),
    "web page 404": (debug_page(404), NotFound, "Job 2 is not on"),
    "413": (proxy_page(413), BadAnswer, "413 Request Entity Too Large"),
    "502": (proxy_page(502), Unreachable, "502 Bad Gateway"),
    "504": (proxy_page(504), Unreachable, "504 Gateway Time-out"),
}


@pytest.mark.parametrize(("fault", "kind", "words"), BROKEN_DOWNLOADS.values(), ids=BROKEN_DOWNLOADS)
def test_broken_download_is_one_sentence_and_leaves_no_file(server, connect, tmp_path, fault, kind, words):
    """Whatever goes wrong in a download, one sentence names it and nothing is left behind."""
    server.script("as_json", fault)
    waits = words in ("within 0.5 s", "too slow")
    text = fetch_and_fail(connect(server.url, patience=BRIEF if waits else None), kind)
    assert words in text
    assert "hunter2" not in text
    assert files_in(tmp_path / "data") == []


@pytest.mark.parametrize("fault", [die_after(1000), truncated(1000), login_page()], ids=["dies", "truncated", "login"])
def test_broken_download_keeps_the_older_file(server, connect, tmp_path, fault):
    """A good older file stays as it is when a newer version cannot be downloaded."""
    source = connect(server.url)
    before = source.fetch(source.describe(2), quiet).read_bytes()
    server.jobs[2]["upload"] = "2026-12-01T00:00:00Z"
    server.script("as_json", fault)
    fetch_and_fail(source, PerfTrackerAIError)
    assert (tmp_path / "data" / "job-2.json").read_bytes() == before
    assert files_in(tmp_path / "data") == ["job-2.json"]


def test_interrupted_download_leaves_no_file(server, connect, tmp_path):
    """Ctrl-C in a download passes through, without another try and without a file."""

    def interrupt(received, total):
        if received:
            raise KeyboardInterrupt

    source = connect(server.url)
    info = source.describe(2)
    with pytest.raises(KeyboardInterrupt):
        source.fetch(info, interrupt)
    assert files_in(tmp_path / "data") == []
    assert len(server.asked("^/1/job/2$")) == 1


def test_too_large_document_is_refused_before_it_is_read(server, connect, monkeypatch):
    """A document that announces more than the bound is refused at once."""
    monkeypatch.setattr("perftracker_ai.sources.server.MAX_DOCUMENT_BYTES", 1000)
    assert "more than" in fetch_and_fail(connect(server.url), BadAnswer)


def test_packed_document_that_unpacks_to_too_much_is_refused(server, connect, monkeypatch, tmp_path):
    """A small packed answer that unpacks beyond the bound is stopped there."""
    monkeypatch.setattr("perftracker_ai.sources.server.MAX_DOCUMENT_BYTES", 1000)
    server.script("as_json", packed())
    assert "more than" in fetch_and_fail(connect(server.url), BadAnswer)
    assert files_in(tmp_path / "data") == []


def test_output_folder_that_cannot_be_made(server, connect, tmp_path):
    """An output folder in the place of a file is told as such."""
    (tmp_path / "file").write_text("")
    assert "cannot be written" in fetch_and_fail(
        connect(server.url, output_dir=tmp_path / "file" / "data"), OutputError
    )


def test_two_downloads_at_a_time(server, connect):
    """One source serves several threads at once."""
    server.script("as_json", delay(0.1))
    source = connect(server.url)
    infos = [source.describe(job_id) for job_id in (1, 2)]
    threads = [threading.Thread(target=source.fetch, args=(info, quiet)) for info in infos]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files_in(source._output_dir) == ["job-1.json", "job-2.json"]


# ── trying again ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [drop(), die_after(700), proxy_page(502), proxy_page(503), proxy_page(504)],
    ids=["drop", "die", "502", "503", "504"],
)
def test_passing_trouble_is_tried_again(server, connect, slept, fault):
    """A broken connection and a proxy's 502, 503 and 504 are tried again after growing pauses."""
    server.script("as_json", fault, times=3)
    source = connect(server.url)
    assert source.fetch(source.describe(2), quiet).is_file()
    assert slept == [0.5, 1.0, 2.0]


def test_trying_again_ends(server, connect, slept):
    """A restart of the server is outlasted by a minute of tries, and then it is over."""
    server.script("/job/", proxy_page(502))
    with pytest.raises(Unreachable):
        list(connect(server.url).list_jobs(1))
    assert len(server.requests) == len(slept) + 1
    assert sum(slept) == 60
    assert slept == sorted(slept[:-1]) + slept[-1:]


@pytest.mark.parametrize(
    "fault", [debug_page(500), proxy_page(413), login_page(), hang()], ids=["500", "413", "login", "hang"]
)
def test_lasting_trouble_is_not_tried_again(server, connect, slept, fault):
    """What will be the same next time, and a server that hangs, is told at once."""
    server.script("/job/", fault)
    with pytest.raises((BadAnswer, Unreachable)):
        list(connect(server.url, patience=BRIEF).list_jobs(1))
    assert slept == []


# ── on the way to the server ────────────────────────────────────────────────────────────────────────────────────────


def list_and_fail(source, kind):
    with pytest.raises(kind) as error:
        list(source.list_jobs(1))
    return sentence_of(error)


def test_server_down(connect, slept):
    """A refused connection is tried again, then told with the address."""
    url = refused_url()
    text = list_and_fail(connect(url), Unreachable)
    assert url in text
    assert "refused" in text
    assert sum(slept) == 60


def test_unknown_host(connect):
    """A host name nobody knows is told with the address."""
    assert "no-such-host.invalid" in list_and_fail(connect("http://no-such-host.invalid:9000"), Unreachable)


def test_server_that_never_accepts(connect, slept):
    """A server that does not take the connection is given up after the connect timeout, once."""
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", port))):
            text = list_and_fail(connect(f"http://127.0.0.1:{port}", patience=BRIEF), Unreachable)
    assert "within" in text
    assert slept == []


def test_hanging_server(server, connect):
    """A server that accepts and says nothing is given up after the read timeout."""
    server.script("/job/", hang())
    with must_end():
        assert "within 0.5 s" in list_and_fail(connect(server.url, patience=BRIEF), Unreachable)


def test_dripping_list(server, connect):
    """A list that never gets done is given up after the bound on a whole answer."""
    server.script("/job/", drip(1, 0.05))
    assert "too slow" in list_and_fail(connect(server.url, patience=BRIEF), Unreachable)


def test_login_page_with_status_200(server, connect):
    """A sign-in form in the place of JSON is called a web page, with its title."""
    server.script("/job/", login_page())
    assert "web page (Sign in) instead of JSON" in list_and_fail(connect(server.url), BadAnswer)


def test_debug_page_is_cut_to_its_title(server, connect):
    """Of a 200 kB traceback page the title is shown, none of the server's settings."""
    server.script("/job/", debug_page(500, 200_000))
    text = list_and_fail(connect(server.url), BadAnswer)
    assert "500 (OperationalError at /somewhere)" in text
    assert "hunter2" not in text


def test_web_page_called_json(server, connect):
    """A page is recognised by its first character when its type is wrong."""
    server.script("/job/", answer(200, "\n<html><title>Portal</title>", "application/json"))
    assert "web page (Portal)" in list_and_fail(connect(server.url), BadAnswer)


def test_error_page_that_breaks_off(server, connect):
    """When even the error page does not arrive whole, its status is told."""
    server.script("/job/", lambda reply: replace(debug_page(500)(reply), cut_after=10))
    assert "answered 500" in list_and_fail(connect(server.url), BadAnswer)


@pytest.mark.parametrize("status", [204, 401, 403, 404, 410])
def test_other_statuses(server, connect, status):
    """A status that should not be there is told with what to look at."""
    server.script("/job/", answer(status, "" if status == 204 else "Go away"))
    assert f"answered {status}" in list_and_fail(connect(server.url), BadAnswer)


def test_control_characters_of_an_error_body_are_not_shown(server, connect):
    """What a server says cannot move the cursor or colour the terminal, and is cut."""
    server.script("/job/", answer(400, "\x1b[31mred\r\n\x07" + "long " * 100, "text/plain"))
    text = list_and_fail(connect(server.url), BadAnswer)
    assert text.isprintable()
    assert "red long" in text
    assert text.count("long") < 45


def test_redirect_to_another_server_is_not_followed(server, connect):
    """A redirect elsewhere is refused, naming where to and hiding what it carried."""
    server.script("/job/", redirect("https://user:secret@login.example/sso?ticket=secret"))
    text = list_and_fail(connect(server.url), BadAnswer)
    assert "https://login.example/sso" in text
    assert "secret" not in text


def test_redirect_to_a_login_page_of_the_same_server(server, connect):
    """A redirect within the server is followed, and the login page it leads to is called one."""
    server.script("^/api", redirect("/login?next=/job/"))
    server.script("/login", login_page())
    assert "web page (Sign in)" in list_and_fail(connect(server.url), BadAnswer)


def test_redirect_for_a_slash_is_followed(server, connect):
    """A proxy that adds a slash is put up with."""
    server.script("/api/v1.0/0/project/$", redirect("/api/v1.0/7/project/", 301))
    assert len(connect(server.url).projects()) == 2


@pytest.mark.parametrize(
    "target", ["", "javascript:alert(1)", "//", "http://[::1", "http://ex\u00e4mple.invalid:99999/", "ftp://h/"]
)
def test_redirect_to_nonsense(server, connect, target):
    """A redirect to what is no address, or nowhere, is a bad answer."""
    server.script("/job/", redirect(target))
    list_and_fail(connect(server.url), BadAnswer)


def test_server_that_speaks_no_http(connect, slept):
    """Something else that listens at the address is told with the address."""

    def greet(listener):
        for _ in range(1):
            with closing(listener.accept()[0]) as connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
                connection.recv(1000)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=greet, args=(listener,))
        thread.start()
        text = list_and_fail(connect(f"http://127.0.0.1:{listener.getsockname()[1]}"), BadAnswer)
        thread.join()
    assert "what is no HTTP" in text
    assert "check the port" in text
    assert "VPN" not in text
    assert slept == []


def test_endless_redirects_end(server, connect):
    """A circle of redirects ends after a few."""
    server.script("/job/", redirect("/api/v1.0/1/job/?again"))
    assert "redirects again and again" in list_and_fail(connect(server.url), BadAnswer)
    assert len(server.requests) < 6


# ── addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_server_behind_a_path_prefix(connect):
    """An address with a path and a trailing slash is used as it is."""
    with FakePerfTracker([make_job(2)], prefix="/perf") as server:
        source = connect(server.url + "/")
        path = source.fetch(next(source.list_jobs(1)), quiet)
        assert json.loads(path.read_bytes())["id"] == 2
        assert source.location == server.url


def test_credentials_are_sent_and_never_shown(server, connect):
    """A user and password in the address reach the server and no message."""
    url = server.url.replace("://", "://joe:s%40cret@")
    source = connect(url)
    list(source.list_jobs(1))
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    server.stop()
    text = list_and_fail(source, Unreachable)
    assert "joe" not in text + source.location
    assert "cret" not in text + source.location


@pytest.mark.parametrize(
    "url",
    [
        "",
        "perftracker.example",
        "ftp://h",
        "http://",
        "http://h:port",
        "http://h:99999",
        "http://h/?a=b",
        "http://[::1",
        "http://h\n/",
    ],
)
def test_address_that_is_none(connect, url):
    """An address that cannot be one is refused with an example of a right one."""
    with pytest.raises(UsageError, match="write it like https://") as error:
        connect(url)
    sentence_of(error)


@pytest.mark.parametrize("url", ["http://joe:secret@h:port", "http://joe:sec/ret@h", "joe:secret@h"])
def test_refused_address_hides_credentials(connect, url):
    """A password does not come to light because the address is wrong."""
    with pytest.raises(UsageError) as error:
        connect(url)
    assert "ret@" not in str(error.value)
    assert "joe" not in str(error.value)


def test_unusable_proxy_in_the_environment(connect, monkeypatch):
    """A proxy variable that cannot be used is named, its value is not."""
    monkeypatch.setenv("ALL_PROXY", "gopher://joe:secret@proxy")
    with pytest.raises(UsageError, match="ALL_PROXY") as error:
        connect("http://perftracker.example")
    assert "secret" not in sentence_of(error)


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def tls_server():
    with FakePerfTracker([make_job(2)], tls=True) as running:
        yield running


def test_untrusted_certificate_names_both_ways_out(tls_server, connect, slept):
    """A certificate nobody vouches for is refused at once, naming --ca-bundle and --insecure."""
    text = list_and_fail(connect(tls_server.url), Unreachable)
    assert "--ca-bundle" in text
    assert "--insecure" in text
    assert slept == []


def test_ca_bundle_is_trusted(tls_server, connect, tmp_path):
    """With the authority's certificate the connection is verified and works."""
    bundle = tls_server.write_ca(tmp_path / "ca.pem")
    assert [info.id for info in connect(tls_server.url, ca_bundle=bundle).list_jobs(1)] == [2]


def test_insecure_leaves_the_certificate_unchecked(tls_server, connect):
    """With --insecure the same server is read without its authority."""
    assert [info.id for info in connect(tls_server.url, insecure=True).list_jobs(1)] == [2]


@pytest.mark.parametrize(("content", "words"), [(None, "no such file"), ("no PEM", "holds no certificate")])
def test_unusable_ca_bundle(connect, tmp_path, content, words):
    """A bundle that is missing or holds no certificate is refused before anything is sent."""
    bundle = tmp_path / "ca.pem"
    if content:
        bundle.write_text(content)
    with pytest.raises(UsageError, match=words):
        connect("https://perftracker.example", ca_bundle=bundle)


def test_unusable_certificates_of_the_environment(connect, tmp_path, monkeypatch):
    """A broken SSL_CERT_FILE is named instead of raised."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        connect("https://perftracker.example")


def test_https_to_a_server_that_speaks_http(server, connect):
    """An https address of a plain server is told as such."""
    text = list_and_fail(connect(server.url.replace("http:", "https:")), Unreachable)
    assert "http:// address" in text


# ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_open_source_takes_an_address_for_a_server(server, tmp_path):
    """What begins with http:// or https://, in any case, is a server."""
    source = open_source(Settings(url=server.url.replace("http", "HTTP"), output_dir=str(tmp_path)))
    with closing(source):
        assert source.location == server.url
        assert len(list(source.list_jobs(0))) == 3


def test_nothing_stays_open(server, connect):
    """After closing, no socket is left for the garbage collector to complain about."""
    source = connect(server.url)
    next(source.list_jobs(1))
    source.close()
    gc.collect()
    with pytest.raises(RuntimeError):
        source._connection._client._client.get(server.url)


@pytest.mark.parametrize("jobs", [3, 400])
def test_a_job_deleted_after_its_download_is_known_to_be_deleted(connect, jobs):
    """The copy of a job that was deleted since is not taken for one that is still there, in few requests."""
    with FakePerfTracker([make_job(number) for number in range(1, jobs + 1)]) as server:
        source = connect(server.url)
        for number in (1, 2, jobs):
            source.fetch(source.describe(number), quiet)
            before = len(server.requests)
            assert source.describe(number).deleted is False
            server.jobs[number]["deleted"] = True
            assert source.describe(number).deleted is True
            assert len(server.requests) - before < 14
