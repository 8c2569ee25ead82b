"""What a checkout tells of the code between two versions: commits, and those to look at first for an issue."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads it when it reads values back

import msgspec

from perftracker_ai.model.ranges import Count  # noqa: TC001 - the same


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """A commit as the checkout tells it; every text is somebody's.

    Attributes
    ----------
    id : str
        In full, as hexadecimal digits.
    authored : datetime
        When its author made it, in the author's time zone.
    subject, body : str
        Its message.
    paths : tuple of str
        Files it touches.
    """

    id: str
    authored: datetime
    subject: str
    body: str
    paths: tuple[str, ...]


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A commit to look at first for an issue: matched by name, and no evidence of cause.

    Attributes
    ----------
    cluster : str
        Id of the issue.
    commit : str
        In full.
    words : tuple of str
        Words of the issue that its message or its files hold.
    kinds : tuple of str
        What it touches that one of the issue's hypotheses is about: ``queries and data``.
    """

    cluster: str
    commit: str
    authored: datetime
    subject: str
    words: tuple[str, ...]
    kinds: tuple[str, ...]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What changed between baseline and candidate.

    Attributes
    ----------
    older, newer : str
        Tags of the two versions.
    commits : int
        How many were read between them, merges left out.
    complete : bool
        Whether these are all; a long history is cut at its older end.
    suspects : tuple of Suspect
        In the order of the issues, the best matched first.
    """

    older: str
    newer: str
    commits: Count
    complete: bool
    suspects: tuple[Suspect, ...]
