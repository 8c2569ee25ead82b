"""Files on this machine: bounded reading of job documents, and writing that is whole or not at all."""

from __future__ import annotations

import gzip
import os
import zlib
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from perftracker_ai.errors import JobError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_DOCUMENT_BYTES = 512 * 1024 * 1024
"""Largest job document read: sixty times the largest seen (8.4 MB for 8,222 tests)."""


def read_document(path: Path) -> bytes:
    """Read a job file, unpacking gzip.

    Parameters
    ----------
    path : Path
        ``*.json`` or ``*.json.gz``; what is packed is told by the name's ending.

    Returns
    -------
    bytes
        The unpacked content.

    Raises
    ------
    JobError
        When the file cannot be read, is not gzip though its name says so, or is too large.
    """
    try:
        with path.open("rb") as raw:
            content = _unpacked(raw) if path.suffix == ".gz" else _plain(raw)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise JobError(
            f"{path} is not a whole gzip file ({error}); download it again or unpack it yourself."
        ) from error
    except OSError as error:
        raise JobError(f"{path} cannot be read: {reason(error)}; check its name and permissions.") from error
    if content is None:
        raise JobError(f"{path} is larger than {MAX_DOCUMENT_BYTES >> 20} MiB unpacked, more than any job; is it one?")
    return content


def _plain(raw: IO[bytes]) -> bytes | None:
    """Read a file of known size up to the bound, which spares making room for the bound; None when there is more."""
    size = os.fstat(raw.fileno()).st_size
    return None if size > MAX_DOCUMENT_BYTES else raw.read(size)


def _unpacked(raw: IO[bytes]) -> bytes | None:
    """Unpack a file up to the bound; None when there is more."""
    content = gzip.GzipFile(fileobj=raw).read(MAX_DOCUMENT_BYTES + 1)
    return None if len(content) > MAX_DOCUMENT_BYTES else content


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a stream whose content takes the place of ``path`` when the block ends well, and vanishes otherwise.

    The temporary file lies in the same folder, so that the rename is atomic and two writers never mix.

    Raises
    ------
    OutputError
        When the folder cannot be made, the disk is full or the file cannot be written.
    """
    temporary = path.with_name(f".{path.name[:40]}.{os.urandom(6).hex()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            yield stream
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}; choose another folder or make room.") from error
    finally:
        with suppress(OSError):  # where it could not even be made, there is nothing to take away
            temporary.unlink(missing_ok=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    OutputError
        As `replacing` does.
    """
    with replacing(path) as stream:
        stream.write(content)


def append_file(path: Path, content: bytes) -> None:
    """Append to a file that others append to as well, made when it is not there.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    try:
        with path.open("ab") as stream:
            stream.write(content)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}; choose another file or make room.") from error


def remove_file(path: Path) -> None:
    """Take a file away that an earlier run left, if it is there.

    Raises
    ------
    OutputError
        When it cannot be taken away.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path} is left from an earlier run and cannot be removed: {reason(error)}; remove it yourself."
        ) from error


def reason(error: OSError) -> str:
    """Say in a few words what the operating system refused, without the path it repeats."""
    return (error.strerror or type(error).__name__).lower()


def require_writable(folder: Path) -> None:
    """See that files can be written to a folder, there already or to be made, before the work whose results go there.

    Raises
    ------
    OutputError
        When they cannot.
    """
    try:
        nearest = next(place for place in (folder, *folder.parents) if place.exists())
        probe = nearest / f".{os.urandom(6).hex()}.part"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be written to: {reason(error)}; choose another one.") from error


def exists(path: Path) -> bool:
    """Tell whether there is a file or folder, as far as the system says."""
    try:
        return path.exists()
    except OSError:  # a name longer than the system allows, a folder that must not be looked into
        return False
