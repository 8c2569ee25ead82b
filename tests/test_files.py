"""Files are read whole and within bounds, and written whole or not at all."""

import errno
import gzip
import os
import stat
import threading
from pathlib import Path

import pytest

from perftracker_ai import files
from perftracker_ai.errors import JobError, OutputError
from perftracker_ai.files import append_file, pipes, read_document, replacing, require_writable, write_file

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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["job.json", "job.json.gz"])
def test_a_byte_order_mark_is_no_part_of_a_document(tmp_path, encoding, name):
    """What Notepad and PowerShell put in front of a text is taken away, and their encoding becomes UTF-8."""
    mark = "" if encoding == "utf-8-sig" else "\ufeff"
    saved = (mark + '{"title": "größer 報"}').encode(encoding)
    pack = gzip.compress if name.endswith(".gz") else bytes
    (tmp_path / name).write_bytes(pack(saved))
    assert read_document(tmp_path / name).decode() == '{"title": "größer 報"}'


def test_what_only_looks_like_a_byte_order_mark_is_left_to_the_parser(tmp_path):
    """Bytes behind a mark that are not what it promises are given as they are."""
    (tmp_path / "job.json").write_bytes(b"\xff\xfe{")
    assert read_document(tmp_path / "job.json") == b"\xff\xfe{"


# ── pipes and devices ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def started(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("size", [0, 9, 300_000])
def test_a_pipe_is_read_to_its_end(fifo, size):
    """A FIFO is read whole, whatever it holds and however much of it waits at a time."""
    writer = started(fifo.write_bytes, b"x" * size)
    assert read_document(fifo) == b"x" * size
    writer.join()


def test_a_packed_document_in_a_pipe_is_unpacked(fifo):
    """What is packed is told by its content where the name does not say so."""
    started(fifo.write_bytes, gzip.compress(TEXT))
    assert read_document(fifo) == TEXT


@pytest.mark.parametrize("content", [b"", TEXT])
def test_an_open_stream_is_read_though_its_writer_has_gone(content):
    """Process substitution gives ``/dev/fd/63``, whose writer may be done before it is looked at."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    assert read_document(Path(f"/dev/fd/{reading}")) == content
    os.close(reading)


def test_a_pipe_without_a_writer_is_not_waited_for_for_ever(fifo, monkeypatch):
    """A FIFO that nobody writes into ends in a sentence."""
    monkeypatch.setattr(pipes, "PARTNER_S", 0.05)
    with pytest.raises(JobError, match="cannot be read: nobody writes into this pipe"):
        read_document(fifo)


def test_a_writer_that_falls_silent_is_not_waited_for_for_ever(fifo, monkeypatch):
    """A FIFO whose writer neither writes on nor goes ends in a sentence."""
    monkeypatch.setattr(pipes, "PARTNER_S", 0.05)
    monkeypatch.setattr(pipes, "PATIENCE_S", 0.3)
    holding = os.open(fifo, os.O_RDWR)
    os.write(holding, b"{")
    with pytest.raises(JobError, match="cannot be read: it does not end"):
        read_document(fifo)
    os.close(holding)


def test_a_device_that_never_ends_is_read_up_to_the_bound(monkeypatch):
    """``/dev/zero`` as a job file fills no memory."""
    monkeypatch.setattr(files, "MAX_DOCUMENT_BYTES", 1 << 20)
    with pytest.raises(JobError, match="larger than 1 MiB"):
        read_document(Path("/dev/zero"))


def test_what_is_no_file_is_written_through(fifo):
    """A pipe gets the content, however much more than it holds at a time, and stays a pipe."""
    content = os.urandom(300_000)
    got = []
    reader = started(lambda: got.append(fifo.read_bytes()))
    write_file(fifo, content)
    reader.join()
    assert got == [content]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert names(fifo.parent) == ["fifo"]


def test_a_device_stays_a_device(tmp_path):
    """``/dev/null`` takes everything and is not replaced, even by root; a full one is told of in words."""
    write_file(Path("/dev/null"), b"x")
    append_file(Path("/dev/null"), b"x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(OutputError, match="no space left on device"):
        write_file(Path("/dev/full"), b"x")


@pytest.mark.parametrize("link", [False, True])
def test_an_open_stream_is_written_where_it_is(tmp_path, link):
    """``/dev/stdout`` that leads into a file goes on in it: a file in its place would swallow the rest."""
    path = tmp_path / "log"
    with path.open("wb", buffering=0) as log:
        log.write(b"before ")
        name = Path(f"/dev/fd/{log.fileno()}")
        if link:
            (tmp_path / "link").symlink_to(name)
            name = tmp_path / "link"
        write_file(name, b"between ")
        log.write(b"after")
    assert path.read_bytes() == b"before between after"


def test_a_pipe_without_a_reader_is_not_waited_for_for_ever(fifo, monkeypatch):
    """A FIFO that nobody reads from ends in a sentence, and so does one whose reader does not read."""
    monkeypatch.setattr(pipes, "PARTNER_S", 0.05)
    monkeypatch.setattr(pipes, "PATIENCE_S", 0.3)
    for write in (write_file, append_file):
        with pytest.raises(OutputError, match="nobody reads from this pipe"):
            write(fifo, b"x")
    holding = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(OutputError, match="nobody takes what is written"):
        write_file(fifo, b"x" * 300_000)
    os.close(holding)


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_writing_makes_folders_and_replaces_what_was_there(tmp_path):
    """A file takes its place in a folder that did not exist, and takes the place of an older one."""
    path = tmp_path / "a" / "b" / "report.md"
    write_file(path, b"old and longer")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["report.md"]


def test_a_link_is_followed(tmp_path):
    """Where a path is a link, the file that it leads to is replaced or made, beside which nothing is left."""
    (tmp_path / "real").mkdir()
    for name in ("there", "new"):
        (tmp_path / name).symlink_to(f"real/{name}.md")
    (tmp_path / "real" / "there.md").write_bytes(b"old")
    for name in ("there", "new"):
        write_file(tmp_path / name, b"content")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "real" / f"{name}.md").read_bytes() == b"content"
    assert names(tmp_path / "real") == ["new.md", "there.md"]


def test_a_file_that_is_mounted_by_itself_is_overwritten(tmp_path, monkeypatch):
    """A container's single mounted file cannot be replaced, and is written all the same."""
    path = tmp_path / "junit.xml"
    path.write_bytes(b"old and longer")

    def busy(_self, _target):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["junit.xml"]


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
