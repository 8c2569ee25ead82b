"""Pipes, devices and streams that are open already, read and written within a deadline.

A name on the command line may turn out to be one: ``<(zcat job.json.gz)``, a FIFO, ``/dev/stdout``, ``/dev/null``. In
go a path and bytes, out come bytes; what takes too long, and what the system refuses, is an `OSError` with its reason.
"""

from __future__ import annotations

import errno
import os
import re
import select
import stat
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 600.0
"""How long all of a pipe's content may take, as long as a server is given for a job document."""
PARTNER_S = 30.0
"""How long a FIFO may have nobody at its other end: whoever is to write or read it was started before."""
_PIECE = 1 << 20
_LINKS = 40
"""Links followed, as many as Linux does."""
_OPEN_STREAM = re.compile(r"/dev/fd/(\d+)|/proc/(?:self|thread-self)/fd/(\d+)|/dev/(stdin|stdout|stderr)")
_STANDARD = {"stdin": 0, "stdout": 1, "stderr": 2}


def is_irregular(path: Path) -> bool:
    """Tell whether a path leads to something that is neither file nor folder, so that no other file may take its place.

    An open stream is one, even where it leads into a file: a file that took its place would not be what is open.
    """
    if _open_stream(path) is not None:
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def read(path: Path, most: int) -> bytes:
    """Read to the end, or to the piece with which it becomes more than ``most`` bytes.

    Raises
    ------
    OSError
        When nobody writes into it, it does not end in time, or it cannot be read.
    """
    until = time.monotonic() + PATIENCE_S
    descriptor = _opened(path, os.O_RDONLY)
    try:
        return _first(descriptor) + b"".join(_pieces(descriptor, most, until))
    finally:
        os.close(descriptor)


def write(path: Path, content: bytes) -> None:
    """Write all of a content.

    Raises
    ------
    OSError
        When nobody reads from it, does not take all of it in time, or it cannot be written.
    """
    until = time.monotonic() + PATIENCE_S
    descriptor = _reader_found(path)
    try:
        poll = _poll(descriptor, select.POLLOUT)
        left = memoryview(content)
        while left:
            _await(poll, until, "nobody takes what is written to it")
            # As much as is taken without waiting; an open stream is not ours to make non-blocking.
            left = left[os.write(descriptor, left[: select.PIPE_BUF]) :]
    finally:
        os.close(descriptor)


def _open_stream(path: Path) -> int | None:
    """Give the number of the stream that a path means, through links as ``/dev/stdout`` may be one."""
    name = os.path.abspath(path)  # noqa: PTH100 - which follows no link, as Path.resolve would
    for _ in range(_LINKS):
        if found := _OPEN_STREAM.fullmatch(name):
            number, other, word = found.groups()
            return _STANDARD[word] if word else int(number or other)
        try:
            name = os.path.abspath(os.path.join(os.path.dirname(name), os.readlink(name)))  # noqa: PTH100, PTH115, PTH118, PTH120
        except (OSError, ValueError):  # no link, or a name that no file can have
            return None
    return None


def _opened(path: Path, flags: int) -> int:
    """Open without waiting for a partner; a stream that is open already is the same once more."""
    number = _open_stream(path)
    return os.dup(number) if number is not None else os.open(path, flags | os.O_NONBLOCK)


def _reader_found(path: Path) -> int:
    """Open for writing as soon as somebody reads: before, the system refuses it."""
    until = time.monotonic() + PARTNER_S
    while True:
        try:
            return _opened(path, os.O_WRONLY)
        except OSError as error:
            if error.errno != errno.ENXIO or not path.is_fifo():
                raise
        if time.monotonic() > until:
            raise TimeoutError(errno.ETIMEDOUT, f"nobody reads from this pipe (waited {PARTNER_S:.0f} s)")
        time.sleep(0.05)


def _first(descriptor: int) -> bytes:
    """Refuse a FIFO into which nobody writes; one that somebody holds open may be slow, and may just have begun."""
    fifo = stat.S_ISFIFO(os.fstat(descriptor).st_mode) and not os.get_blocking(descriptor)
    if not fifo or _poll(descriptor, select.POLLIN).poll(PARTNER_S * 1000):
        return b""
    try:
        piece = os.read(descriptor, _PIECE)
    except BlockingIOError:
        return b""
    if not piece:
        raise TimeoutError(errno.ETIMEDOUT, f"nobody writes into this pipe (waited {PARTNER_S:.0f} s)")
    return piece


def _pieces(descriptor: int, most: int, until: float) -> Iterator[bytes]:
    poll = _poll(descriptor, select.POLLIN)
    received = 0
    while received <= most:
        _await(poll, until, "it does not end")
        piece = os.read(descriptor, _PIECE)
        if not piece:
            return
        received += len(piece)
        yield piece


def _poll(descriptor: int, event: int) -> select.poll:
    poll = select.poll()
    poll.register(descriptor, event)
    return poll


def _await(poll: select.poll, until: float, problem: str) -> None:
    """Wait until something can be read or written, or the other end has gone."""
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError(errno.ETIMEDOUT, f"{problem} (waited {PATIENCE_S:.0f} s)")
