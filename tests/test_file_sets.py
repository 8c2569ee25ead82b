"""The files of a report are all of one run, wherever a run is cut short."""

import errno
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from perftracker_ai.errors import OutputError
from perftracker_ai.files import sets
from perftracker_ai.files.sets import finish_set, write_set

OLD = {"report.md": b"old", "result.json": b"old", "answer.json": b"old"}
NEW = {"report.md": b"new", "report.html": b"new", "result.json": b"new"}
WRITE = """
import os, signal, sys
from pathlib import Path
from perftracker_ai.files.sets import write_set

left = int(sys.argv[2])
def count(event, arguments):
    global left
    if event in ("open", "os.rename", "os.remove") and sys.argv[1] in str(arguments[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
write_set(Path(sys.argv[1]), {name: b"new" for name in ("report.md", "report.html", "result.json")}, ["answer.json"])
"""


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_set_takes_the_place_of_the_one_before(tmp_path):
    """All files are of the new set, what it has not is gone, and files of others stay."""
    folder = tmp_path / "a" / "b"
    write_set(folder, OLD, [])
    (folder / "notes.txt").write_bytes(b"mine")
    write_set(folder, NEW, ["answer.json"])
    assert content(folder) == NEW | {"notes.txt": b"mine"}


def test_a_full_disk_at_any_part_keeps_the_set_of_before(tmp_path, monkeypatch):
    """Whichever part does not fit, nothing of the old set is replaced or taken away, and nothing is left over."""
    write_set(tmp_path, OLD, [])
    for spared in range(len(NEW) + 1):
        fits = iter(range(spared))

        def full(path, data, *, write=Path.write_bytes, fits=fits):
            write(path, data[:1])
            if next(fits, None) is None:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(path, data)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            if spared < len(NEW):
                with pytest.raises(OutputError, match=r"no space left on device; .* as they were"):
                    write_set(tmp_path, NEW, ["answer.json"])
                assert content(tmp_path) == OLD
                continue
            write_set(tmp_path, NEW, ["answer.json"])
    assert content(tmp_path) == NEW


@pytest.mark.parametrize("spared", range(len(NEW)))
def test_a_set_that_does_not_get_into_its_places_is_not_said_to_be_the_old_one(tmp_path, monkeypatch, spared):
    """Where a file does not get its name, the sentence says that two runs are mixed, and the next run ends that."""
    write_set(tmp_path, OLD, [])
    moved = iter(range(spared))

    def stuck(part, path, *, move=sets.take_place):
        if next(moved, None) is None:
            raise OSError(errno.EACCES, "Permission denied")
        move(part, path)

    for again in (lambda: write_set(tmp_path, NEW, ["answer.json"]), lambda: finish_set(tmp_path)):
        with monkeypatch.context() as patch:
            patch.setattr(sets, "take_place", stuck)
            with pytest.raises(OutputError, match=r"still those of the run before: permission denied; put that right"):
                again()
        moved = iter(())
    finish_set(tmp_path)
    assert content(tmp_path) == NEW


def test_a_kill_at_any_moment_leaves_one_set_or_what_ends_it(tmp_path):
    """After kill -9 before any step at all, ending what was begun gives all of the old set or all of the new one."""
    seen, left = [], 0
    while True:
        folder = tmp_path / str(left)
        write_set(folder, OLD, [])
        code = subprocess.run([sys.executable, "-c", WRITE, str(folder), str(left)], check=False).returncode
        finish_set(folder)
        whole = {name: each for name, each in content(folder).items() if not name.startswith(".")}
        assert whole in (OLD, NEW)
        seen.append(whole == NEW)
        write_set(folder, NEW, ["answer.json"])
        assert content(folder) == NEW  # no part of the killed run is left either
        if code == 0:
            break
        assert code == -signal.SIGKILL
        left += 1
    assert seen == sorted(seen)
    assert seen[0] is False
    assert seen.count(True) > len(NEW)


def test_a_folder_in_the_way_changes_nothing(tmp_path):
    """A name that a folder has is refused before anything is put in place, and again the next time."""
    (tmp_path / "report.html").mkdir()
    for _ in range(2):
        with pytest.raises(OutputError, match=r"report\.html is a directory"):
            write_set(tmp_path, NEW, [])
        assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_links_are_followed(tmp_path):
    """A file of a set that is a link stays one, and what it leads to is replaced."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "report.md").symlink_to("../elsewhere.md")
    write_set(tmp_path / "set", NEW, [])
    assert (tmp_path / "set" / "report.md").is_symlink()
    assert (tmp_path / "elsewhere.md").read_bytes() == b"new"


def test_two_writers_never_mix(tmp_path):
    """Of runs that write at the same time one comes last, with all of its files."""
    sets = [{name: str(number).encode() for name in NEW} for number in range(4)]
    writers = [threading.Thread(target=write_set, args=(tmp_path, each, [])) for each in sets * 5]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert content(tmp_path) in sets


@pytest.mark.parametrize(
    "listed",
    [
        b"",
        b"[]",
        b"\xff",
        msgspec.json.encode({"token": "0" * 12, "names": ["../x"], "gone": []}),
        msgspec.json.encode({"token": "0" * 12, "names": [], "gone": ["../precious"]}),
        msgspec.json.encode({"token": "/../../x", "names": ["x"], "gone": []}),
    ],
)
def test_a_list_that_is_none_of_ours_moves_nothing(tmp_path, listed):
    """A list is a file like any other: what it cannot mean is not done, and the next set is written all the same."""
    (tmp_path / "precious").touch()
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / sets._LIST).write_bytes(listed)
    finish_set(folder)
    assert (tmp_path / "precious").exists()
    write_set(folder, NEW, [])
    assert content(folder) == NEW


def test_there_may_be_nothing_to_end(tmp_path):
    """A folder that is not there, or whole, is left alone."""
    finish_set(tmp_path / "none")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("spared", range(len(NEW)))
def test_an_interruption_while_files_take_their_places_leaves_the_whole_set(tmp_path, monkeypatch, spared):
    """Ctrl-C behind the point of no return ends the run, with every file in its place and no part beside it."""
    write_set(tmp_path, OLD, [])
    fits, take_place = iter([True] * spared + [False]), sets.take_place

    def interrupted(part, path):
        if not next(fits, True):
            raise KeyboardInterrupt
        take_place(part, path)

    monkeypatch.setattr(sets, "take_place", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_set(tmp_path, NEW, ["answer.json"])
    assert content(tmp_path) == NEW
