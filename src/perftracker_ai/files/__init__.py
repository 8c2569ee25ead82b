"""Files on this machine: bounded reading of job documents, and writing that is whole or not at all."""

from __future__ import annotations

import codecs
import errno
import gzip
import os
import shutil
import time
import zlib
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from perftracker_ai.errors import JobError, JobFileError, OutputError
from perftracker_ai.files import pipes

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DOCUMENT_BYTES = 512 * 1024 * 1024
"""Largest job document read: sixty times the largest seen (8.4 MB for 8,222 tests)."""
_SEAL = b"perftracker_ai_sha256"
"""Key of the checksum in a document: in the file itself, so that the two are replaced, copied and packed as one."""
_STALE_S = 24 * 60 * 60
_GZIP = b"\x1f\x8b"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def read_document(path: Path) -> bytes:
    """Read a job file, unpacking gzip.

    Parameters
    ----------
    path : Path
        A file, a pipe or an open stream. It is packed when its name ends in ``.gz`` or its content begins as gzip does.

    Returns
    -------
    bytes
        The unpacked content without a byte order mark, in UTF-8 if the mark said otherwise.

    Raises
    ------
    JobFileError
        When the file cannot be read, or holds a checksum that is not its own.
    JobError
        When it is not gzip though its name says so, or is too large.
    """
    try:
        content = read_bounded(path, MAX_DOCUMENT_BYTES)
        if content is not None and (path.suffix == ".gz" or content.startswith(_GZIP)):
            content = _unpacked(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise JobError(
            f"{path} is not a whole gzip file ({error})", "download it again or unpack it yourself"
        ) from error
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise JobFileError(f"{path} cannot be read: {why}", "check its name and permissions") from error
    if content is None:
        raise JobError(
            f"{path} is larger than {MAX_DOCUMENT_BYTES >> 20} MiB unpacked, more than any job", "is it one?"
        )
    document = unmarked(content)
    if _SEAL in document and not is_sealed(document):
        raise JobFileError(
            f"{path} was altered since it was downloaded (its checksum differs)",
            f"remove it to have it fetched again, or take {_SEAL.decode()} out of it if it was changed on purpose",
        )
    return document


def sealed(document: bytes) -> bytes:
    """Give a JSON object a checksum of itself as its last key, by which `is_sealed` tells whether it was altered."""
    body, _, _ = document.rpartition(b"}")
    return b'%b, "%b": "%b"}\n' % (body, _SEAL, sha256(body).hexdigest().encode())


def is_sealed(document: bytes) -> bool:
    """Tell whether a document is as it was sealed; False as well when it never was."""
    body, key, _ = document.rpartition(b', "%b"' % _SEAL)
    return bool(key) and document.rstrip() == sealed(body + b"}").rstrip()


def read_bounded(path: Path, most: int) -> bytes | None:
    """Read a file or what else a path leads to; None when there are more than ``most`` bytes.

    Raises
    ------
    OSError
        When it cannot be read, or is a pipe that does not give all of it in time.
    """
    if pipes.is_irregular(path):
        content = pipes.read(path, most)
        return None if len(content) > most else content
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        # Of known size, which spares making room for the bound.
        return None if size > most else stream.read(size)


def _unpacked(packed: bytes) -> bytes | None:
    """Unpack up to the bound; None when there is more."""
    content = gzip.GzipFile(fileobj=BytesIO(packed)).read(MAX_DOCUMENT_BYTES + 1)
    return None if len(content) > MAX_DOCUMENT_BYTES else content


def unmarked(content: bytes) -> bytes:
    """Give a text without the byte order mark that Notepad and PowerShell write, in UTF-8 whatever the mark says."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            with suppress(UnicodeError):  # what the mark promises and the rest is not, is left to who parses it
                return content[len(mark) :].decode(encoding).encode()
    return content


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a stream whose content takes the place of ``path`` when the block ends well, and vanishes otherwise.

    The temporary file lies beside the one it replaces, so that the rename is atomic and two writers never mix. Where
    the path is a link, the file that it leads to is replaced; what is no file, as a pipe or ``/dev/stdout``, is
    written through.

    Raises
    ------
    OutputError
        When the folder cannot be made, the disk is full, the file cannot be written or nobody reads from the pipe.
    """
    try:
        if pipes.is_irregular(path):
            whole = BytesIO()
            yield whole
            pipes.write(path, whole.getvalue())
            return
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name[:40]}.{os.urandom(6).hex()}.part")
        try:
            with temporary.open("xb") as stream:
                yield stream
            take_place(temporary, target)
        finally:
            with suppress(OSError):  # where it could not even be made, there is nothing to take away
                temporary.unlink(missing_ok=True)
    except (OSError, UnicodeEncodeError) as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}", "choose another folder or make room") from error


def take_place(part: Path, path: Path) -> None:
    """Put a file in another one's place, or in the place that a link leads to.

    One that a container has mounted by itself, or a link into another file system, can only be overwritten.

    Raises
    ------
    OSError
        When the system does not let it.
    """
    target = Path(os.path.realpath(path))
    try:
        part.replace(target)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        target.write_bytes(part.read_bytes())
        part.unlink()


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    OutputError
        As `replacing` does.
    """
    with replacing(path) as stream:
        stream.write(content)


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Name a folder below ``parent`` that no other run uses; in the end it goes with everything in it.

    What runs that were killed left there more than a day ago goes as well.
    """
    folder = parent / os.urandom(6).hex()
    try:
        yield folder
    finally:
        _remove(folder)
        with suppress(OSError):  # what stays costs room and nothing else
            for left in [each for each in parent.iterdir() if each.stat().st_mtime < time.time() - _STALE_S]:
                _remove(left)
            parent.rmdir()


def _remove(path: Path) -> None:
    """Take away a file, or a folder with everything in it, as far as the system lets it be taken away."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def append_file(path: Path, content: bytes) -> None:
    """Append to a file that others append to as well, made when it is not there.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    try:
        if pipes.is_irregular(path):
            pipes.write(path, content)
            return
        with path.open("ab") as stream:
            stream.write(content)
    except (OSError, UnicodeEncodeError) as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}", "choose another file or make room") from error


def reason(error: OSError | UnicodeEncodeError) -> str:
    """Say in a few words what the operating system refused, without the path it repeats."""
    if isinstance(error, UnicodeEncodeError):
        return "the locale has no such letters, as LC_ALL=C.UTF-8 has"
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
    except (OSError, UnicodeEncodeError) as error:
        raise OutputError(f"The folder {folder} cannot be written to: {reason(error)}", "choose another one") from error


def exists(path: Path) -> bool:
    """Tell whether there is a file or folder, as far as the system says."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long or of letters that the locale lacks, a folder not to be looked into
        return False
