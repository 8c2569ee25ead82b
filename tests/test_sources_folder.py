"""A folder of job files as a source: what is listed, what is left aside and why, and that nothing is written."""

import gzip
import json
import os
from contextlib import closing

import pytest
from fake_perftracker import make_job

from perftracker_ai.errors import JobError, NotFound, Unreachable, UsageError
from perftracker_ai.settings import Settings
from perftracker_ai.sources import open_source
from perftracker_ai.sources.document import parse_job
from perftracker_ai.sources.folder import FolderSource


def put(folder, name, document):
    """Write a document under a name, packed when the name says so."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def quiet(received, total):
    """Take progress and forget it."""


def listed(source, project=0):
    return [info.id for info in source.list_jobs(project)]


def test_jobs_come_newest_first_with_ties_by_id(tmp_path):
    """Jobs are ordered by end and id descending, whatever their files are called."""
    put(tmp_path, "a.json", make_job(1, end="2026-01-01T00:00:00Z"))
    put(tmp_path, "z.json", make_job(5, end="2026-01-02T00:00:00Z"))
    put(tmp_path, "b.json.gz", make_job(9, end="2026-01-02T00:00:00Z"))
    put(tmp_path, "c.json", make_job(7, end="2026-01-01T23:59:59.999999Z"))
    assert listed(FolderSource(tmp_path)) == [9, 5, 7, 1]


@pytest.mark.parametrize(("project", "expected"), [(0, [2, 1]), (1, [1]), (2, [2]), (9, [])])
def test_jobs_of_a_project(tmp_path, project, expected):
    """A project's jobs are told by the documents, 0 means all; the total is of the list asked for."""
    put(tmp_path, "1.json", make_job(1, project=1))
    put(tmp_path, "2.json", make_job(2, project=2))
    source = FolderSource(tmp_path)
    assert source.total_jobs is None
    assert listed(source, project) == expected
    assert source.total_jobs == len(expected)


def test_files_that_are_no_jobs_are_skipped_and_remembered(tmp_path):
    """What cannot be used is named with its reason; what is not a job file by its name is not looked at."""
    put(tmp_path, "good.json", make_job(1))
    put(tmp_path, "notes.txt", b"no job")
    put(tmp_path, "other.json", b'{"coffee": "pot"}')
    put(tmp_path, "half.json", b'{"id": 1')
    put(tmp_path, "empty.json", b"")
    put(tmp_path, "deep.json", b"[" * 200_000)
    (tmp_path / "false.json.gz").write_bytes(b"not gzip")
    (tmp_path / "cut.json.gz").write_bytes(gzip.compress(b'{"id": 1}' * 50)[:-20])
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "nowhere.json").symlink_to(tmp_path / "missing")
    source = FolderSource(tmp_path)
    assert source.skipped == ()
    assert listed(source) == [1]
    reasons = dict(source.skipped)
    words = {
        "cut.json.gz": "not a whole gzip",
        "deep.json": "not",
        "empty.json": "is empty",
        "false.json.gz": "not a whole gzip",
        "folder.json": "not a file",
        "half.json": "not complete JSON",
        "nowhere.json": "not a file",
        "other.json": "not a PerfTracker job",
    }
    assert reasons.keys() == words.keys()
    assert {name: words[name] in reasons[name] for name in words} == dict.fromkeys(words, True)


def test_pipe_is_not_waited_for(tmp_path):
    """A named pipe that is called like a job is skipped instead of read for ever."""
    put(tmp_path, "good.json", make_job(1))
    os.mkfifo(tmp_path / "pipe.json")
    source = FolderSource(tmp_path)
    assert listed(source) == [1]
    assert [name for name, _ in source.skipped] == ["pipe.json"]


def test_same_job_twice_is_listed_once(tmp_path):
    """Of x.json and x.json.gz the unpacked one is taken and the other is reported."""
    put(tmp_path, "x.json.gz", make_job(1))
    plain = put(tmp_path, "x.json", make_job(1))
    source = FolderSource(tmp_path)
    [info] = source.list_jobs(0)
    assert source.fetch(info, quiet) == plain
    [(name, problem)] = source.skipped
    assert name == "x.json.gz"
    assert "job 1 as x.json does" in problem


def test_of_two_versions_of_a_job_the_later_upload_is_taken(tmp_path):
    """When the same job was saved twice, the one the server stored last counts."""
    put(tmp_path, "a.json", make_job(1, upload="2026-01-01T00:00:00Z"))
    later = put(tmp_path, "b.json", make_job(1, upload="2026-02-01T00:00:00Z"))
    source = FolderSource(tmp_path)
    assert source.fetch(source.describe(1), quiet) == later


def test_fetch_gives_the_own_file_and_writes_nothing(tmp_path):
    """The file itself is handed out, and the folder is as it was before."""
    path = put(tmp_path, "any name.json", make_job(1, title="../../etc/passwd"))
    before = {entry.name: entry.stat() for entry in tmp_path.iterdir()}
    source = FolderSource(tmp_path)
    reports = []
    assert source.fetch(source.describe(1), lambda *progress: reports.append(progress)) == path
    assert reports == [(path.stat().st_size, path.stat().st_size)]
    after = {entry.name: entry.stat() for entry in tmp_path.iterdir()}
    assert {name: stat.st_mtime_ns for name, stat in after.items()} == {n: s.st_mtime_ns for n, s in before.items()}


@pytest.mark.parametrize("files", [2, 12])
def test_a_fetched_job_reads_as_its_file_does(tmp_path, files):
    """Whether the folder was small enough to be read whole or not, a job is what its own file holds."""
    for job in range(1, files + 1):
        put(tmp_path, f"{job}.json", make_job(job))
    source = FolderSource(tmp_path)
    path = source.fetch(source.describe(2), quiet)
    assert source.read(path) == parse_job(path.read_bytes(), str(path))


def test_symlink_to_elsewhere_is_followed(tmp_path):
    """A link to a job file outside the folder is a job like any other."""
    outside = put(tmp_path, "outside.json", make_job(1))
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "link.json").symlink_to(outside)
    assert listed(FolderSource(tmp_path / "jobs")) == [1]


def test_subfolders_are_left_alone(tmp_path):
    """Only files directly in the folder count."""
    put(tmp_path, "1.json", make_job(1))
    (tmp_path / "old").mkdir()
    put(tmp_path / "old", "2.json", make_job(2))
    assert listed(FolderSource(tmp_path)) == [1]


def test_deleted_job_is_listed_as_deleted(tmp_path):
    """A deleted job's document says so, and the caller sees it."""
    put(tmp_path, "1.json", make_job(1, deleted=True))
    [info] = FolderSource(tmp_path).list_jobs(0)
    assert info.deleted


def test_describe_missing_job_names_job_and_folder(tmp_path):
    """A job that no file holds is told with its number and the folder."""
    put(tmp_path, "1.json", make_job(1))
    put(tmp_path, "broken.json", make_job(2, tests_total=0))
    with pytest.raises(NotFound) as error:
        FolderSource(tmp_path).describe(999)
    assert "999" in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_unfinished_upload_is_not_listed_and_its_number_is_explained(tmp_path):
    """A job whose counters disagree with its tests is skipped; asked for by number, the reason is the answer."""
    put(tmp_path, "1.json", make_job(1))
    put(tmp_path, "2.json", make_job(2, tests_total=0))
    source = FolderSource(tmp_path)
    assert listed(source) == [1]
    with pytest.raises(JobError, match="counts 0 tests and holds 3"):
        source.describe(2)
    assert [name for name, _ in source.skipped] == ["2.json"]


def test_whole_copy_is_taken_beside_a_broken_one(tmp_path):
    """A broken copy does not hide a whole one of the same job."""
    put(tmp_path, "a.json", make_job(1, tests_total=0))
    whole = put(tmp_path, "b.json", make_job(1))
    source = FolderSource(tmp_path)
    assert source.fetch(source.describe(1), quiet) == whole


def test_job_with_bare_nan_is_listed(tmp_path):
    """The server's NaN and Infinity, which are not JSON, do not cost the job."""
    document = make_job(1)
    document["tests"][0]["avg_dev"] = float("nan")
    document["tests"][1]["max_score"] = float("inf")
    put(tmp_path, "1.json", document)
    assert listed(FolderSource(tmp_path)) == [1]


def test_empty_folder(tmp_path):
    """A folder without job files is told as such."""
    with pytest.raises(NotFound, match=r"holds no \*\.json") as error:
        listed(FolderSource(tmp_path))
    assert str(tmp_path) in str(error.value)


def test_folder_with_nothing_usable(tmp_path):
    """A folder whose files are all unusable says how many and why the first."""
    put(tmp_path, "a.json", b"{}")
    put(tmp_path, "b.json", b"{}")
    with pytest.raises(NotFound, match="None of the 2 job files") as error:
        listed(FolderSource(tmp_path))
    assert "not a PerfTracker job" in str(error.value)


def test_missing_folder_hints_at_server_addresses(tmp_path):
    """A folder that is not there may have been meant as a server, so the sentence says how one begins."""
    with pytest.raises(NotFound, match="begins with http:// or https://"):
        FolderSource(tmp_path / "missing")


@pytest.mark.parametrize("name", ["x" * 5000, "nul\0name"])
def test_impossible_name(tmp_path, name):
    """A name no file system takes ends in a sentence."""
    with pytest.raises((NotFound, Unreachable)):
        FolderSource(tmp_path / name)


def test_file_in_the_place_of_a_folder(tmp_path):
    """A file given as the folder is told as such."""
    with pytest.raises(UsageError, match="is a file, not a folder"):
        FolderSource(put(tmp_path, "1.json", make_job(1)))


def test_folder_that_vanished(tmp_path):
    """A folder that cannot be read when it is looked into ends in a sentence naming it."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    source = FolderSource(folder)
    folder.rmdir()
    with pytest.raises(Unreachable, match="cannot be read: no such file"):
        listed(source)


def test_file_that_vanished_after_listing(tmp_path):
    """A file removed between listing and fetching ends in a sentence naming it."""
    path = put(tmp_path, "1.json", make_job(1))
    source = FolderSource(tmp_path)
    info = source.describe(1)
    path.unlink()
    with pytest.raises(NotFound, match=r"1\.json has gone"):
        source.fetch(info, quiet)


def test_open_source_takes_other_addresses_for_folders(tmp_path):
    """What does not begin with a web scheme is a folder."""
    put(tmp_path, "1.json", make_job(1))
    with closing(open_source(Settings(url=str(tmp_path)))) as source:
        assert source.location == str(tmp_path)
        assert listed(source) == [1]


def test_address_without_scheme_hides_credentials(tmp_path, monkeypatch):
    """A server's address that lacks its scheme is refused without showing its password."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match="http://") as error:
        open_source(Settings(url="joe:secret@perftracker.example"))
    assert "secret" not in str(error.value)
    assert "perftracker.example" in str(error.value)
