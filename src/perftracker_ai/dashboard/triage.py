"""What people say of issues: which of it still holds, what a form says, and what becomes of both.

In: an issue as its newest job left it, the last word on it, a form. Out: a state, an edit, or in one sentence what is
wrong with it. It changes no verdict: what a comparison says of a release is the policy's, and only the settings accept.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec.structs import replace

from perftracker_ai.model.issues import IssueStatus
from perftracker_ai.store import Triage, microseconds, moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from perftracker_ai.store import IssueRow, Said

LONGEST = {"owner": 100, "note": 2000, "ticket": 500}
"""Characters of each field."""
CLEAR = "-"
"""What empties a field in a form that leaves blank ones as they are."""
_DIGITS = 18
_ID = 16
_BACK = {IssueStatus.WORSE: "worse since", IssueStatus.REOPENED: "back since"}


class Decision(StrEnum):
    """What somebody may say of an issue."""

    NEW = "new"  # nobody has decided yet
    ACKNOWLEDGED = "acknowledged"
    DISMISSED = "not a regression"
    FIXED = "fixed"


class Name(NamedTuple):
    """What an issue is known by."""

    origin: str
    product: str
    hardware: str
    suite: str
    key: str

    @property
    def id(self) -> str:
        """Return a short name for forms, in which nothing foreign stands."""
        return sha256("\0".join(self).encode(errors="replace")).hexdigest()[:_ID]


def name_of(row: IssueRow) -> Name:
    """Return what an issue is known by."""
    return Name(row.origin, row.product, row.hardware, row.suite, row.issue.key)


def last_words(said: Iterable[Said]) -> dict[Name, Said]:
    """Return the last word on each issue."""
    return {said_of(one): one for one in said}


def said_of(said: Said) -> Name:
    """Return of which issue something was said."""
    one = said.triage
    return Name(one.origin, one.product, one.hardware, one.suite, one.key)


# ── what holds ──────────────────────────────────────────────────────────────────────────────────────────────────────


def state_of(row: IssueRow, said: Said | None, now: datetime) -> tuple[str, str]:
    """Return the state of an issue in lists, and why what was said of it holds no longer; empty where it does.

    The settings stand over what people say, and what jobs measure over both: a word is out of date once the issue is
    worse or back with a job its author had not seen, once its day is past, or where what was said to be fixed is still
    there.
    """
    if row.issue.status is IssueStatus.CLOSED:
        return IssueStatus.CLOSED.value, ""
    until = row.issue.accepted_until
    if row.issue.accepted and (until is None or until >= now.date()):
        return "accepted", ""
    if said is None or said.triage.state not in set(Decision):
        return Decision.NEW.value, ""
    again = _again(row, said, now)
    return (Decision.NEW.value if again else said.triage.state), again


def _again(row: IssueRow, said: Said, now: datetime) -> str:
    word = said.triage
    if word.state == Decision.NEW:
        return ""
    if said.news:
        return f"{_BACK.get(row.issue.status, 'worse or back')} {word.author} said so"
    if word.until:
        return f"until {word.until}, which is past" if word.until < f"{now:%Y-%m-%d}" else ""
    if word.state == Decision.FIXED and row.issue.measured and row.job.end > word.seen:
        return f"still there in {row.job.version}"
    return ""


# ── what a form says ────────────────────────────────────────────────────────────────────────────────────────────────


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to say; None leaves a field as it is."""

    state: str | None
    owner: str | None
    note: str | None
    ticket: str | None
    until: str | None


FIELDS = tuple(Edit.__struct_fields__)


class Target(NamedTuple):
    """An issue in a form.

    Attributes
    ----------
    id : str
    number : int
        Of the last word on it that was shown; 0 for none.
    seen_us : int
        Microseconds since 1970, UTC: when the newest job ended that was shown.
    """

    id: str
    number: int
    seen_us: int

    def __str__(self) -> str:
        """Return it as a form holds it."""
        return f"{self.id}.{self.number}.{self.seen_us}"


def target(name: Name, number: int, seen: datetime) -> Target:
    """Return an issue as a form names it."""
    return Target(name.id, number, microseconds(seen))


def read_target(text: str) -> Target | None:
    """Return the issue that a form names; None where it is no such name."""
    parts = text.split(".")
    if len(parts) != len(Target._fields) or not all(one.isascii() and one.isdigit() for one in parts[1:]):
        return None
    if any(len(one) > _DIGITS for one in parts):
        return None
    return Target(parts[0], int(parts[1]), int(parts[2]))


def read_edit(field: Callable[[str], str], *, whole: bool) -> Edit:
    """Return what a form says: all of it, or what is not blank, where CLEAR empties a field."""
    given = {name: " ".join(field(name).split()) for name in FIELDS}
    if whole:
        return Edit(**given)
    return Edit(**{name: None if not text else "" if text == CLEAR else text for name, text in given.items()})


def problem_of(edit: Edit, now: datetime) -> str:
    """Return in a sentence what is wrong with an edit; empty where nothing is."""
    for name, longest in LONGEST.items():
        if len(getattr(edit, name) or "") > longest:
            return f"The {name} has more than {longest} characters."
    if edit.state is not None and edit.state not in set(Decision):
        return f"A state is one of {', '.join(Decision)}."
    if edit.ticket and (wrong := _ticket_problem(edit.ticket)):
        return wrong
    return _day_problem(edit.until, now) if edit.until else ""


def _day_problem(text: str, now: datetime) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return f"A day is written as {now:%Y}-12-31."
    return "" if day >= now.date() and text == day.isoformat() else f"The day {day} is past."


def _ticket_problem(text: str) -> str:
    if link_of(text) is None:
        return "A ticket is an address that begins with https:// or http://."
    if "@" in urlsplit(text).netloc:
        return "The address of the ticket holds a login; leave it out."
    return ""


def link_of(ticket: str) -> SplitResult | None:
    """Return the parts of a ticket's address; None for what is none that may be a link."""
    try:
        parts = urlsplit(ticket)
        host = parts.hostname
    except ValueError:
        return None
    plain = ticket.isprintable() and not set(ticket) & set(' \\"<>`')
    return parts if plain and host and parts.scheme in {"http", "https"} else None


def applied(edit: Edit, row: IssueRow, last: Said | None, seen_us: int, author: str, now: datetime) -> Triage:
    """Return what is to be kept: what was said already, and over it what the edit says."""
    before = {name: getattr(last.triage, name) if last else "" for name in FIELDS}
    said = {name: getattr(edit, name) for name in FIELDS if getattr(edit, name) is not None}
    word = Triage(
        origin=row.origin,
        product=row.product,
        hardware=row.hardware,
        suite=row.suite,
        key=row.issue.key,
        **{**before, **said},
        author=author,
        made=now,
        seen=min(_moment(seen_us), row.job.end),
    )
    return word if word.state else replace(word, state=Decision.NEW.value)


def _moment(given: int) -> datetime:
    try:
        return moment_of(given)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def found(rows: Sequence[IssueRow], targets: Sequence[Target]) -> list[tuple[IssueRow, Target]] | None:
    """Return the issues that a form names; None where one of them is not known."""
    known = {name_of(row).id: row for row in rows}
    return [(known[one.id], one) for one in targets] if all(one.id in known for one in targets) else None
