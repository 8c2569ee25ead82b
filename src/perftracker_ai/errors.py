"""The one tree of exceptions; each class knows its exit code and each message is one sentence for the user.

    PerfTrackerAIError                   exit 2
    ├── UsageError                       the command line or the settings
    ├── SourceError                      the server or the folder did not give what was asked
    │   ├── Unreachable                  no connection, refused, timed out, TLS
    │   ├── NotFound                     no such job, project or product
    │   └── BadAnswer                    an answer that is not what the contract says
    ├── JobError                         a job document that cannot be used
    │   └── JobFileError                 its file on this machine cannot be read, or was altered since it was downloaded
    ├── NothingComparable                no pair of jobs, or no test in either
    ├── OutputError                      a file that cannot be written
    ├── CheckoutError                    the product's code is not where the settings say, or has no tag of a version
    ├── PublishError                     a report that the server does not take, keep or link
    ├── NotifyError                      a channel that takes no message; the run goes on without it
    ├── StoreError                       the store of past jobs cannot be opened, read or written
    │   └── StoreReadOnly                it can be read, and not be written to
    ├── ClusterError                     a Dask cluster that cannot be reached, or has no workers as this machine is
    ├── WorkerLost                       a task whose process or worker ended without an answer, and the next one too
    ├── Defect                           a fault of the program itself, or no memory left
    ├── Interrupted                      ended from the keyboard; exit 130
    └── LanguageModelError               the language model gave no answer that can be used
        ├── ModelUnreachable             no connection, refused, busy, or not done by the deadline
        ├── ModelMissing                 the server does not have the model
        ├── PromptTooLong                the prompt does not fit the model's window, or was cut to fit it
        └── BadReply                     an answer that is broken, cut, or not what the contract says

An edge module catches what its library raises and raises one of these ``from`` it, naming the thing, the value it got
and the next step. What none of them caught is a fault of ours: `guarded` makes a `Defect` of it, around each product
and around the program, so that it ends with a sentence and takes nothing else along.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class PerfTrackerAIError(Exception):
    """Base of everything the tool says in one sentence and exits for.

    Parameters
    ----------
    problem : str
        What is wrong, naming the thing and the value it got.
    cure : str
        What to do about it; empty where the problem says it.
    """

    exit_code = 2

    def __init__(self, problem: str, cure: str = "") -> None:
        super().__init__(problem, cure)
        self.problem, self.cure = problem.rstrip("."), cure.rstrip(".")

    def __str__(self) -> str:
        """Return both as one sentence."""
        said = f"{self.problem}; {self.cure}" if self.cure else self.problem
        return said if said.endswith("?") else f"{said}."


class UsageError(PerfTrackerAIError):
    """The command line or the settings ask for something that does not exist."""


class SourceError(PerfTrackerAIError):
    """A source did not give what was asked of it."""


class Unreachable(SourceError):
    """No connection to the server, or it broke."""


class NotFound(SourceError):
    """The job, project or product asked for is not there."""


class BadAnswer(SourceError):
    """The server answered something that its contract does not know."""


class JobError(PerfTrackerAIError):
    """A job document that cannot be used."""


class JobFileError(JobError):
    """A job's file on this machine cannot be read, or is not as it was downloaded: no fault of the job's."""


class NothingComparable(PerfTrackerAIError):
    """There are no two jobs, or no tests, to compare."""


class OutputError(PerfTrackerAIError):
    """A file could not be written."""


class CheckoutError(PerfTrackerAIError):
    """The checkout of a product cannot be read, or has no tag of a version; the report does without it."""


class PublishError(PerfTrackerAIError):
    """The server does not take, keep or link a report; the files on this machine are whole."""


class NotifyError(PerfTrackerAIError):
    """A channel has no usable address, or does not take a message."""


class StoreError(PerfTrackerAIError):
    """The store of past jobs cannot be opened, read or written; it can always be filled again from PerfTracker."""


class StoreReadOnly(StoreError):
    """The store of past jobs can be read, and not be written to."""


class ClusterError(PerfTrackerAIError):
    """A Dask cluster that cannot be reached, has gone, or has no worker that is like this machine."""


class WorkerLost(PerfTrackerAIError):
    """A task whose worker ended without an answer, as did the one that tried again."""


class Defect(PerfTrackerAIError):
    """The program itself failed; its cause holds the trace."""


class Interrupted(PerfTrackerAIError):
    """Somebody ended the run before this was done."""

    exit_code = 130


class LanguageModelError(PerfTrackerAIError):
    """The language model gave no answer that can be used; the report can do without one."""


class ModelUnreachable(LanguageModelError):
    """No connection to the model's server, or no whole answer by the deadline."""


class ModelMissing(LanguageModelError):
    """The server does not have the model that was asked for."""


class PromptTooLong(LanguageModelError):
    """The prompt does not fit the model's window, or the server cut it to fit."""


class BadReply(LanguageModelError):
    """The model's server answered something that must not be used as an answer."""


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Raise as a `Defect` what no edge has translated, whatever it is: never a traceback, never exit code 1.

    Parameters
    ----------
    what : str
        What was being done, as the beginning of the sentence: ``Judging Shop``.
    """
    try:
        yield
    except PerfTrackerAIError:
        raise
    except Exception as error:
        raise defect(what, error) from error


def defect(what: str, error: Exception) -> Defect:
    """Say what failed and where; never in the exception's own words, which may quote anything."""
    if isinstance(error, MemoryError):
        return Defect(f"{what} needs more memory than there is; make room, or compare fewer jobs in one run.")
    from pathlib import PurePath
    from traceback import extract_tb

    places = extract_tb(error.__traceback__)
    where = f" in {PurePath(places[-1].filename).name}, line {places[-1].lineno}" if places else ""
    return Defect(
        f"{what} failed by a fault of perftracker-ai itself ({type(error).__name__}{where}); please report it with"
        " what --verbose says of it."
    )
