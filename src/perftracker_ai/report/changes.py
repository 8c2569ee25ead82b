"""Changes of the code to look at first: matched with the issues by name, and never called a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.report import issue
from perftracker_ai.report.coverage import more
from perftracker_ai.report.run import value
from perftracker_ai.report.value import Kind, Paragraph, Section, Table, say
from perftracker_ai.report.view import worsened
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model.changes import Changes, Suspect
    from perftracker_ai.report.issue import Issue
    from perftracker_ai.report.value import Block, Sentence
    from perftracker_ai.report.view import View

KEY = "changes"
TOLD = 6
ID_DIGITS, SUBJECT_LIMIT, TAG_LIMIT = 12, 100, 60


def changes(shown: View) -> Iterator[Section]:
    """Yield the section of what changed between the versions; nothing without a checkout."""
    found = shown.analysis.changes
    if found is None:
        return
    worse = issue.issues(shown, worsened(shown))
    matched = [one for one in worse if any(each.cluster == one.cluster.id for each in found.suspects)]
    blocks: list[Block] = [Paragraph(label="", said=_between(found, any_matched=bool(matched)))]
    if matched:
        rows = [(one, row) for one in matched[:TOLD] for row in _rows(one, found)]
        heads = ("issue", "commit", "date", "subject", "shares with the issue")
        keys = tuple(one.cluster.id for one, _ in rows)
        blocks.append(
            Table(caption="Changes to look at first", heads=heads, rows=tuple(row for _, row in rows), keys=keys)
        )
    if len(matched) > TOLD:
        blocks.append(Paragraph(label="", said=more(len(matched) - TOLD, "/changes/suspects")))
    yield Section(key=KEY, title="Changes To Look At First", blocks=tuple(blocks))


def _between(found: Changes, *, any_matched: bool) -> Sentence:
    """Say what was read, and what a match means."""
    count = value(Kind.COUNT, "commits read", plural(found.commits, "commit"), raw=found.commits, at="/changes/commits")
    tags = [
        value(Kind.NAME, f"{name} tag", clean(tag, TAG_LIMIT), at=f"/changes/{name}")
        for name, tag in (("older", found.older), ("newer", found.newer))
    ]
    rest = "" if found.complete else ", the newest of more"
    head = say("From ", tags[0], " to ", tags[1], ": ", count, f" without merges{rest}. ")
    if any_matched:
        return say(head, "Matched by name with the issues; no evidence of cause.")
    return say(head, "None shares a word with an issue or touches what a likely cause is about.")


def _rows(one: Issue, found: Changes) -> Iterator[tuple[Sentence, ...]]:
    """Yield the changes of an issue, the best matched first."""
    places = [at for at, each in enumerate(found.suspects) if each.cluster == one.cluster.id]
    for number, at in enumerate(places, 1):
        each, pointer = found.suspects[at], f"/changes/suspects/{at}"
        texts = (
            (f"change {number}", each.commit[:ID_DIGITS], "commit"),
            (f"date of change {number}", each.authored.date().isoformat(), "authored"),
            (f"subject of change {number}", clean(each.subject, SUBJECT_LIMIT), "subject"),
            (f"match of change {number}", _shared(each), "words"),
        )
        cells = [
            say(one.value(Kind.NOTE, label, text, raw=text, at=f"{pointer}/{field}")) for label, text, field in texts
        ]
        yield (say(issue.identity(one)), *cells)


def _shared(each: Suspect) -> str:
    """Return the words shared and the kinds of thing touched."""
    words, kinds = ", ".join(each.words), f"touches {listing(list(each.kinds))}" if each.kinds else ""
    return clean("; ".join(filter(None, (words, kinds))))
