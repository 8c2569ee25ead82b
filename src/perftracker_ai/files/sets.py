"""Files of one folder that belong together, as those of a report: all of a run, or all of the run before.

In go names and contents. All parts are written under other names first, and a list of them, which takes its own name at
once: up to there nothing has changed, whatever fails. From there on every part only has to take its name, and whoever
is killed in between leaves the list, by which `finish_set` ends what was begun.
"""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.decoding import decoded
from perftracker_ai.errors import OutputError
from perftracker_ai.files import exists, reason, take_place, write_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

_LIST = ".unfinished.json"
_PATIENCE_S = 30.0
"""How long another run that writes to the folder is waited for: it takes milliseconds."""
_TOKEN = re.compile(r"[0-9a-f]{12}")


class _Set(msgspec.Struct, frozen=True, kw_only=True):
    """A set whose parts are all written.

    Attributes
    ----------
    token : str
        What the parts' names have in common.
    names : list of str
        Files that are to take the place of those of before.
    gone : list of str
        Files of before that this set has not.
    """

    token: str
    names: list[str]
    gone: list[str]


def write_set(folder: Path, contents: Mapping[str, bytes], gone: Collection[str]) -> None:
    """Write files that belong together, and then take away those that no longer do: all of it or nothing.

    Raises
    ------
    OutputError
        When the folder cannot be made or written to. What was there before is still there then, or, where putting the
        files in place had begun, the sentence says so and the next run ends it.
    """
    made = _Set(token=os.urandom(6).hex(), names=list(contents), gone=list(gone))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            _finish(folder)
            _drop_parts(folder, (*contents, _LIST))
            try:
                _write_parts(folder, made, contents)
            except BaseException:
                _drop_parts(folder, (*contents, _LIST))
                raise
            try:
                _finish(folder)
            except KeyboardInterrupt:  # all is written, and the rest takes milliseconds
                _finish(folder)
                raise
    except OSError as error:
        raise _unwritable(folder, error) from error


def finish_set(folder: Path) -> None:
    """End what a run that was killed had begun to put in place, if there is anything of that.

    Raises
    ------
    OutputError
        When the folder cannot be written to.
    """
    try:
        if (folder / _LIST).is_file():
            with _alone(folder):
                _finish(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _write_parts(folder: Path, made: _Set, contents: Mapping[str, bytes]) -> None:
    for name in (*made.names, *made.gone):
        if (folder / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{name} is a directory")
    for name, content in contents.items():
        _part(folder, name, made.token).write_bytes(content)
    write_file(folder / _LIST, msgspec.json.encode(made))


def _finish(folder: Path) -> None:
    """Let the parts of a list take their names, as far as they did not; may be done again at any point."""
    found = _listed(folder / _LIST)
    if found is None:
        return
    for name in found.names:
        part = _part(folder, name, found.token)
        if part.exists():
            take_place(part, folder / name)
    for name in found.gone:
        (folder / name).unlink(missing_ok=True)
    (folder / _LIST).unlink(missing_ok=True)


def _listed(path: Path) -> _Set | None:
    """Read a list; one that names anything but files of the folder is none of ours."""
    try:
        found = decoded(path.read_bytes(), _Set)
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    plain = all(re.fullmatch(r"\w[\w.-]*", name) for name in (*found.names, *found.gone))
    return found if plain and _TOKEN.fullmatch(found.token) else None


def _part(folder: Path, name: str, token: str) -> Path:
    return folder / f".{name}.{token}.part"


def _drop_parts(folder: Path, names: Collection[str]) -> None:
    """Take away the parts of a set that never came to be."""
    for name in names:
        for part in folder.glob(f".{name}.*.part"):
            part.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other runs from writing to a folder meanwhile; the system ends that when a run is killed."""
    try:
        import fcntl
    except ImportError:  # another system, where two runs of one pair at a time have to look after themselves
        yield
        return
    descriptor, until = os.open(folder, os.O_RDONLY), time.monotonic() + _PATIENCE_S
    try:
        with suppress(OSError):  # a file system without locks
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        break
                    time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _unwritable(folder: Path, error: OSError) -> OutputError:
    """Say what of a set is where: with its list there, putting it in place has begun."""
    if exists(folder / _LIST):
        return OutputError(
            f"Some files of {folder} are still those of the run before: {reason(error)}",
            "put that right, and the next run that uses the folder puts the others in their places",
        )
    return OutputError(
        f"The files of {folder} cannot be written: {reason(error)}",
        "choose another folder or make room, those of a run before are as they were",
    )
