"""Files are read whole and within bounds, and written whole or not at all."""

import gzip
import os
import stat

import pytest

from perftracker_ai import files
from perftracker_ai.errors import JobError, OutputError
from perftracker_ai.files import read_document, replacing, require_writable, write_file

TEXT = b'{"id": 1}'


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write_half(path, error):
    with replacing(path) as stream:
        stream.write(b"half of the ")
        raise error


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_and_a_packed_file_read_alike(tmp_path):
    """What a file holds does not depend on whether it is packed."""
    (tmp_path / "job.json").write_bytes(TEXT)
    (tmp_path / "job.json.gz").write_bytes(gzip.compress(TEXT))
    assert read_document(tmp_path / "job.json") == read_document(tmp_path / "job.json.gz") == TEXT


@pytest.mark.parametrize(
    "content",
    [TEXT, gzip.compress(TEXT)[:-12], gzip.compress(TEXT)[:4], b"\x1f\x8b\x08\x00" + b"\xff" * 40],
    ids=["not gzip", "cut off", "cut in the header", "garbage inside"],
)
def test_a_gzip_file_that_is_not_whole_is_refused_by_name(tmp_path, content):
    """A file named as packed that cannot be unpacked is refused with its name and what to do."""
    path = tmp_path / "job.json.gz"
    path.write_bytes(content)
    with pytest.raises(JobError, match="is not a whole gzip file") as caught:
        read_document(path)
    assert str(path) in str(caught.value)
    assert caught.value.__cause__ is not None


def test_an_empty_file_reads_as_nothing(tmp_path):
    """An empty file, packed or not, is no error of reading: what is missing is said by who parses it."""
    for name in ("job.json", "job.json.gz"):
        (tmp_path / name).touch()
        assert read_document(tmp_path / name) == b""


def test_a_missing_file_and_a_folder_are_refused_in_words(tmp_path):
    """A path that cannot be read is named once, with the reason."""
    with pytest.raises(JobError) as missing:
        read_document(tmp_path / "none.json")
    assert str(missing.value) == (
        f"{tmp_path / 'none.json'} cannot be read: no such file or directory; check its name and permissions."
    )
    with pytest.raises(JobError, match="is a directory"):
        read_document(tmp_path)


@pytest.mark.parametrize("name", ["job.json", "job.json.gz"])
def test_more_than_the_bound_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch, name):
    """A file is read up to the bound, unpacked bytes counting, and refused beyond it."""
    monkeypatch.setattr(files, "MAX_DOCUMENT_BYTES", 1 << 20)
    path = tmp_path / name
    pack = gzip.compress if name.endswith(".gz") else bytes
    path.write_bytes(pack(b" " * (1 << 20)))
    assert len(read_document(path)) == 1 << 20
    path.write_bytes(pack(b" " * ((1 << 20) + 1)))
    with pytest.raises(JobError, match="larger than 1 MiB unpacked"):
        read_document(path)


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_writing_makes_folders_and_replaces_what_was_there(tmp_path):
    """A file takes its place in a folder that did not exist, and takes the place of an older one."""
    path = tmp_path / "a" / "b" / "report.md"
    write_file(path, b"old and longer")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["report.md"]


def test_what_breaks_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    """An error inside the block keeps the old content and leaves no temporary file."""
    path = tmp_path / "report.md"
    write_file(path, b"old")
    with pytest.raises(ZeroDivisionError):
        write_half(path, ZeroDivisionError())
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["report.md"]


def test_a_full_disk_is_told_in_words_and_leaves_nothing(tmp_path):
    """What the system refuses while writing becomes a sentence with the path, from the original."""
    path = tmp_path / "report.md"
    with pytest.raises(OutputError) as caught:
        write_half(path, OSError(28, "No space left on device"))
    assert (
        str(caught.value) == f"{path} cannot be written: no space left on device; choose another folder or make room."
    )
    assert isinstance(caught.value.__cause__, OSError)
    assert names(tmp_path) == []


def test_a_folder_in_the_way_is_told_in_words(tmp_path):
    """A target that is a folder, or lies below a file, is refused and nothing is left over."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="is a directory"):
        write_file(tmp_path / "taken", b"")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_file(tmp_path / "file" / "report.md", b"")
    assert names(tmp_path) == ["file", "taken"]


def test_an_error_without_words_is_told_by_its_name(tmp_path):
    """An error of the system that carries no text still says something."""
    with pytest.raises(OutputError, match="cannot be written: timeouterror;"):
        write_half(tmp_path / "x", TimeoutError())


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path):
    """The temporary file's name does not exceed the limit where the file's own does not."""
    path = tmp_path / ("報" * 83 + ".md")
    write_file(path, b"x")
    assert path.read_bytes() == b"x"


def test_a_written_file_has_the_permissions_others_expect(tmp_path):
    """Files come out with the permissions of the umask, not those of a temporary file."""
    old = os.umask(0o027)
    try:
        write_file(tmp_path / "report.md", b"x")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "report.md").stat().st_mode) == 0o640


def test_seeing_that_a_folder_can_be_written_to_leaves_nothing(tmp_path):
    """Neither the folder nor anything in it is made before there is something to write."""
    require_writable(tmp_path / "a" / "b")
    require_writable(tmp_path)
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(tmp_path):
    """A path below a file is no folder to write to, and the sentence names it."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written to") as caught:
        require_writable(tmp_path / "file" / "reports")
    assert str(tmp_path / "file" / "reports") in str(caught.value)
