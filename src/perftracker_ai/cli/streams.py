"""Standard output and standard error as they are found: closed, a broken pipe, a full disk, or of few characters.

Results go out by `show`, everything else by `tell`, which shows no password of an address. A reader who goes away
(``| head -1``) does not change what the run does or how it ends: the files are written and the exit code is that of
the run.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from perftracker_ai.errors import Defect, OutputError
from perftracker_ai.files import reason

if TYPE_CHECKING:
    from perftracker_ai.errors import PerfTrackerAIError

_LONGEST_ERROR = 800
"""Characters of an error that quotes a name of 100 kB; the longest sentence of ours is half of it."""


def mend_streams() -> None:
    """Make both streams ones that can be written to, whatever the process was started with.

    A closed stream is None in Python, and ``print(file=None)`` would put warnings among the results. A stream of
    few characters shows ``?`` for those it lacks.
    """
    sys.stdout = _mended(sys.stdout)
    sys.stderr = _mended(sys.stderr)


def _mended(stream: TextIO | None) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - a device, open for as long as we run
    stream.reconfigure(errors="replace")  # type: ignore[attr-defined] # sys.stdout is a TextIOWrapper
    return stream


def show(text: str) -> None:
    """Print a result.

    Raises
    ------
    OutputError
        When it cannot be written and somebody still wants it.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _let_go(sys.stdout)
    except OSError as error:
        _let_go(sys.stdout)
        raise _unwritable(error) from error


def tell(text: str) -> None:
    """Print a line of progress, a warning or an error; that nobody can read it does not stop the run.

    Whatever it quotes, no address in it shows a password: what reads settings quotes none, and this holds for the rest.
    """
    from perftracker_ai.words.text import without_secrets

    try:
        print(without_secrets(text), file=sys.stderr, flush=True)
    except OSError:
        _let_go(sys.stderr)


def tell_error(error: PerfTrackerAIError, *, trace: bool = False) -> None:
    """Print an error, whatever it quotes; of a fault of ours also its trace, if that is wanted."""
    from perftracker_ai.words.text import clean

    if trace and isinstance(error, Defect) and error.__cause__ is not None:
        from traceback import format_exception

        tell("".join(format_exception(error.__cause__)).rstrip())
    tell(f"error: {clean(str(error), _LONGEST_ERROR)}")


def flushed() -> bool:
    """Write out what argparse or Rich left in the buffer; False when that failed and somebody wanted it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go(sys.stdout)
    except OSError as error:
        _let_go(sys.stdout)
        tell_error(_unwritable(error))
        return False
    return True


def _unwritable(error: OSError) -> OutputError:
    return OutputError(
        f"The standard output cannot be written: {reason(error)}", "make room, the files are not affected"
    )


def _let_go(stream: TextIO) -> None:
    """Lead a stream that cannot be written to nowhere, so that what is still in its buffer is not complained about."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
