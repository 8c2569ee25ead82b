"""Files on this machine: bounded reading of job documents, and writing that is whole or not at all."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from perftracker_ai.errors import JobError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
            content = _bounded(gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise JobError(
            f"{path} is not a whole gzip file ({error}); download it again or unpack it yourself."
        ) from error
    except OSError as error:
        raise JobError(f"{path} cannot be read: {reason(error)}.") from error
    if content is None:
        raise JobError(f"{path} is larger than {MAX_DOCUMENT_BYTES >> 20} MiB unpacked, more than any job; is it one?")
    return content


def _bounded(stream: IO[bytes] | gzip.GzipFile) -> bytes | None:
    """Read a stream up to the bound; None when there is more."""
    content = stream.read(MAX_DOCUMENT_BYTES + 1)
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
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".part")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            yield stream
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}; choose another folder or make room.") from error
    finally:
        if temporary is not None:
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


def reason(error: OSError) -> str:
    """Say in a few words what the operating system refused, without the path it repeats."""
    return (error.strerror or type(error).__name__).lower()


def _umask() -> int:
    """Read the process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def require_writable(folder: Path) -> None:
    """Make a folder and see that files can be written to it, before the work whose results go there.

    Raises
    ------
    OutputError
        When they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be written to: {reason(error)}; choose another one.") from error
