"""What may be behind the issues: hypotheses with the evidence either way, and how to find out; never the cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Severity
from perftracker_ai.report import issue, past
from perftracker_ai.report.run import value
from perftracker_ai.report.value import CATALOGUE, Entry, Items, Kind, Line, Paragraph, Section, join, say
from perftracker_ai.report.view import worsened
from perftracker_ai.words import wording
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Hypothesis
    from perftracker_ai.report.issue import Issue
    from perftracker_ai.report.value import Block, Sentence, Value
    from perftracker_ai.report.view import View

TOLD, FULL, PER_ISSUE = 3, 1, 2
TEXT_LIMIT, TITLE_LIMIT = 300, 160
KEY = "causes"
"""Of the section, and of links to the entry of an issue in it: ``causes-C1``."""


def causes(shown: View) -> Section:
    """Return the section of hypotheses: for each of the worst issues what fits it, then how to tell them apart."""
    found = [one for one in issue.issues(shown, worsened(shown)) if one.cluster.hypotheses]
    blocks: list[Block] = [Paragraph(label="", said=say(wording.NO_TRACES))]
    blocks += [_entry(one) for one in found[:TOLD]]
    left = len(found) - TOLD
    if left > 0:
        more = value(Kind.COUNT, "issues with causes left out", f"{left:,} more", raw=left, at="/clusters")
        blocks.append(Paragraph(label="", said=say("… and ", more, " with likely causes, in result_v2.json.")))
    blocks += list(_checks(found[:TOLD]))
    if not found:
        blocks.append(Paragraph(label="", said=_nothing(shown)))
    return Section(key=KEY, title="Root-Cause Hypotheses", blocks=tuple(blocks))


def _nothing(shown: View) -> Sentence:
    worst = issue.issues(shown, worsened(shown)[:1])
    if not worst:
        return say(f"Nothing became slower{past.beyond(shown)}, so there is nothing to explain.")
    place = issue.spot(worst[0])
    name = say(issue.name(worst[0]), place and " ", place)
    return say("The shapes of the changes fit no known pattern; a profile of ", name, " would say more.")


def _entry(one: Issue) -> Entry:
    told = [_line(one, at, found) for at, found in enumerate(one.cluster.hypotheses[:FULL])]
    return Entry(
        key=f"{KEY}-{one.cluster.id}", title=say("Causes of ", issue.identity(one)), lines=tuple(told), tables=()
    )


def _line(one: Issue, at: int, found: Hypothesis) -> Line:
    pro = _pieces(one, Kind.EVIDENCE, found, f"hypotheses/{at}/evidence_for", found.evidence_for)
    con = _pieces(one, Kind.OBJECTION, found, f"hypotheses/{at}/evidence_against", found.evidence_against)
    head = say(_head(one, at, found), f" ({found.strength.value} evidence). ")
    return Line(label="", said=say(head, pro, con and " Against: ", con))


def _pieces(one: Issue, kind: Kind, found: Hypothesis, field: str, texts: tuple[str, ...]) -> Sentence:
    told = (
        one.value(kind, f"{kind.value} {found.key}", clean(text, TEXT_LIMIT), raw=found.key, field=f"{field}/{at}")
        for at, text in enumerate(texts)
    )
    return join(told, " ")


def first(one: Issue) -> Value | None:
    """Return the best supported hypothesis; None when none fits."""
    return next((_head(one, at, found) for at, found in enumerate(one.cluster.hypotheses[:1])), None)


def likely(one: Issue) -> Sentence:
    """Return the likely causes by their titles, the better supported first, each with its strength.

    Of moderate and minor issues only the first: the others are for who looks into one, not for who reads a table.
    """
    heavy = Severity.rank(one.cluster.severity) > Severity.rank(Severity.MODERATE)
    found = one.cluster.hypotheses[: PER_ISSUE if heavy else 1]
    return join([say(_head(one, at, each), f" ({each.strength.value})") for at, each in enumerate(found)], "; ")


def _head(one: Issue, at: int, found: Hypothesis) -> Value:
    """Return the head of a title, before what it lists."""
    text = clean(found.title.partition(":")[0], TITLE_LIMIT)
    return one.value(Kind.HYPOTHESIS, f"title {found.key}", text, raw=found.key, field=f"hypotheses/{at}/title")


def _checks(found: list[Issue]) -> Iterator[Block]:
    """Yield how each hypothesis told above is confirmed and refuted, once for whichever issues it is about."""
    proposed = {each.key: each for one in found for each in one.cluster.hypotheses[:FULL]}
    lines = [
        Line(label=clean(each.title.partition(":")[0], TITLE_LIMIT), said=_check(each)) for each in proposed.values()
    ]
    if lines:
        yield Paragraph(label="How to tell", said=())
        yield Items(items=tuple(lines), ordered=False)


def _check(found: Hypothesis) -> Sentence:
    confirm = join([_catalogue(Kind.CONFIRM, found.key, text) for text in found.confirm[:1]], " ")
    refute = join([_catalogue(Kind.REFUTE, found.key, text) for text in found.refute], " ")
    return say(confirm, refute and " Refuted if: ", refute)


def _catalogue(kind: Kind, key: str, text: str) -> Value:
    return value(kind, f"{kind.value} {key}", clean(text, TEXT_LIMIT), raw=key, subject=CATALOGUE)
