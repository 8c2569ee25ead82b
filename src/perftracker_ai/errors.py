"""The one tree of exceptions; each class knows its exit code and each message is one sentence for the user.

    PerfTrackerAIError                   exit 2
    ├── UsageError                       the command line or the settings
    ├── SourceError                      the server or the folder did not give what was asked
    │   ├── Unreachable                  no connection, refused, timed out, TLS
    │   ├── NotFound                     no such job, project or product
    │   └── BadAnswer                    an answer that is not what the contract says
    ├── JobError                         a job document that cannot be used
    ├── NothingComparable                no pair of jobs, or no common test in the pair
    └── OutputError                      a file that cannot be written

An edge module catches what its library raises and raises one of these ``from`` it, naming the thing, the value it got
and the next step.
"""

from __future__ import annotations


class PerfTrackerAIError(Exception):
    """Base of everything the tool says in one sentence and exits for."""

    exit_code = 2


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


class NothingComparable(PerfTrackerAIError):
    """There are no two jobs, or no common tests, to compare."""


class OutputError(PerfTrackerAIError):
    """A file could not be written."""
