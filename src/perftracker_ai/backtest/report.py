"""What a backtest tells, as sentences and tables: one value from which every form of it is written.

In: a `Backtest`. Out: title, bottom line and sections, in the words of `report.value`. Decides nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.backtest.values import ALARMING, FACTORS, SHAPES, Fate, PairKind
from perftracker_ai.model import Outcome, Verdict
from perftracker_ai.report.value import RUN, Items, Kind, Line, Paragraph, Section, Sentence, Table, Value
from perftracker_ai.words.numbers import format_change, format_number, format_percent, plural
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from perftracker_ai.backtest.values import Backtest, Followed, Judged, Night, Rate, Summary
    from perftracker_ai.model.history import JobRef

AS_SET = "as set"
"""What the settings as they are are called among others."""
NOTHING = "–"
"""Stands where there is nothing of which to say anything."""
_PER = 1000
_NAME, _TITLE = 60, 90
"""Characters of foreign texts."""
_MOST_ISSUES = 200
"""Issues in the table; the JSON has all."""


class Told(NamedTuple):
    """What is told, in reading order."""

    title: Sentence
    bottom_line: tuple[Sentence, ...]
    sections: tuple[Section, ...]


def told(past: Backtest) -> Told:
    """Return everything that a reader is told."""
    sections = (
        Section(key="figures", title="Figures", blocks=(figures(past), *_notes(past))),
        Section(key="found", title="What would have been found", blocks=tuple(_found(past))),
        Section(key="issues", title="What became of issues", blocks=tuple(_issues(past))),
        Section(key="nights", title="Night by night", blocks=(_nights(past),)),
        Section(key="method", title="How it is counted", blocks=(Items(items=tuple(_method()), ordered=False),)),
    )
    return Told(title=_title(past), bottom_line=tuple(_bottom_line(past)), sections=sections)


def _title(past: Backtest) -> Sentence:
    where = ("on ", name(past.hardware)) if past.hardware else ()
    suite = (", suite ", name(past.suite)) if past.suite else ()
    return ("Backtest of ", name(past.product), " ", *where, *suite)


def _bottom_line(past: Backtest) -> Iterator[Sentence]:
    first, nights = past.summaries[0], sum(past.summaries[0].verdicts.values())
    if nights:
        alarming = sum(count for verdict, count in first.verdicts.items() if verdict in ALARMING)
        yield (f"{alarming} of {plural(nights, 'night')} would have been told to stop or to look.",)
        gone = first.fates[Fate.VANISHED.value]
        issues = sum(first.fates.values())
        if issues:
            stayed = first.fates[Fate.STAYED.value]
            yield (f"Of {plural(issues, 'issue')} {stayed} stayed, and {gone} went away by themselves.",)
    if first.alarms.share is not None:
        yield (
            f"Where nothing had changed, {per_thousand(first.alarms)} of 1,000 curves would have been called slower.",
        )
    if first.regressed.share is not None:
        due = _due(past)
        yield (f"Of changes of {due} and more put in, {share(first.regressed)} would have been found.",)


def _due(past: Backtest) -> str:
    """Return the size from which a change put in has to be told as a regression."""
    return format_change(past.summaries[0].variant.detect.moderate)


def name(text: str, limit: int = _NAME) -> Value:
    """Return a text that somebody else wrote."""
    return Value(
        kind=Kind.NAME, subject=RUN, label="", raw=text, unit="", text=clean(text, limit), direction=None, at=""
    )


def called(summary: Summary) -> str:
    """Return what a set of criteria is called."""
    return f"with {summary.variant.name}" if summary.variant.name else AS_SET


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def figures(past: Backtest) -> Table:
    """Return the figures of every set of criteria side by side."""
    rows = [row for row in _rows(past) if any(cell != NOTHING for cell in row[1:])]
    heads = ("", *(called(one) for one in past.summaries))
    return Table(
        caption="Figures of each set of criteria",
        heads=heads,
        rows=tuple(tuple((cell,) for cell in row) for row in rows),
        keys=("",) * len(rows),
    )


def _rows(past: Backtest) -> Iterator[tuple[str, ...]]:
    def row(text: str, cell: Callable[[Summary], str]) -> tuple[str, ...]:
        return (text, *(cell(one) for one in past.summaries))

    yield row("nights judged", lambda one: _count(sum(one.verdicts.values())))
    for verdict in Verdict:
        if any(verdict.value in one.verdicts for one in past.summaries):
            yield row(verdict.value, partial(_counted, "verdicts", verdict.value))
    yield row("issues opened", lambda one: _count(sum(one.fates.values())))
    for fate in Fate:
        yield row(fate.value, partial(_counted, "fates", fate.value))
    yield row("pairs of one version", lambda one: _count(sum(one.same_version.values())))
    yield row("false alarms per 1,000 curves", lambda one: per_thousand(one.alarms))
    yield row("of these called the code's doing", lambda one: per_thousand(one.by_code))
    yield row("pairs with a false BLOCK or INVESTIGATE", lambda one: share(one.alarmed))
    yield row(f"changes put in of {_due(past)} and more, regressed", lambda one: share(one.regressed))
    yield row("all changes put in, listed at all", lambda one: share(one.listed))


def _counted(what: str, key: str, one: Summary) -> str:
    """Return a count of one kind among those of all kinds."""
    counts: dict[str, int] = getattr(one, what)
    return f"{counts.get(key, 0):,}" if sum(counts.values()) else NOTHING


def _count(count: int) -> str:
    return f"{count:,}" if count else NOTHING


def per_thousand(one: Rate) -> str:
    """Return a rate per 1,000 with its interval."""
    if one.share is None or one.low is None or one.high is None:
        return NOTHING
    return f"{_thousand(one.share)} ({_thousand(one.low)} to {_thousand(one.high)})"


def _thousand(share: float) -> str:
    return format_number(round(_PER * share, 2))


def share(one: Rate) -> str:
    """Return a share with its interval."""
    if one.share is None or one.low is None or one.high is None:
        return NOTHING
    return f"{format_percent(one.share)} ({format_percent(one.low)} to {format_percent(one.high)})"


def _notes(past: Backtest) -> Iterator[Paragraph]:
    """Say what was judged, and what not."""
    counts = {kind: sum(one.kind is kind for one in past.nights) for kind in PairKind}
    pairs = " and ".join(f"{plural(count, f'{kind.value} pair')}" for kind, count in counts.items() if count)
    failed = sum(bool(one.problem) for one in past.nights)
    more = f" {plural(failed, 'pair')} of them held nothing to compare." if failed else ""
    yield Paragraph(label="Judged", said=(f"{pairs} of {plural(past.jobs, 'job')}, {_span(past.nights)}.{more}",))
    if past.others:
        listed = "; ".join(
            f"{hardware or 'no host'}, suite {suite or 'none'}: {jobs:,}" for hardware, suite, jobs in past.others
        )
        yield Paragraph(
            label="Not looked at",
            said=("jobs on other hardware or of other suites (see --hardware): ", name(listed, 300)),
        )


def _span(nights: Sequence[Night]) -> str:
    first, last = nights[0].night, nights[-1].night
    return f"{first.end:%Y-%m-%d} to {last.end:%Y-%m-%d}"


# ── what would have been found ────────────────────────────────────────────────────────────────────────────────────────


def _found(past: Backtest) -> Iterator[Table | Paragraph]:
    if not any(one.found for one in past.summaries):
        yield Paragraph(label="", said=("No two jobs were of one version, so that nothing could be put in.",))
        return
    yield Paragraph(
        label="",
        said=("Of the curves that were made slower: the share that is called regressed, and the share listed at all.",),
    )
    heads = ("change", "curves", *(called(one) for one in past.summaries))
    rows = tuple(
        ((f"{shape}, {format_change(factor - 1)}",), *((cell,) for cell in _cells(past, shape, factor)))
        for shape in SHAPES
        for factor in FACTORS
    )
    yield Table(caption="Changes put in, and what was found of them", heads=heads, rows=rows, keys=("",) * len(rows))


def _cells(past: Backtest, shape: str, factor: float) -> Iterator[str]:
    """Yield the cells of one kind of change."""
    found = [
        next((one for one in each.found if (one.shape, one.factor) == (shape, factor)), None) for each in past.summaries
    ]
    yield f"{found[0].curves:,}" if found[0] else NOTHING
    for one in found:
        yield (
            f"{format_percent(one.regressed / one.curves)}, {format_percent(one.listed / one.curves)}"
            if one
            else NOTHING
        )


# ── issues ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _issues(past: Backtest) -> Iterator[Table | Paragraph]:
    issues = past.issues[0]
    if not issues:
        yield Paragraph(label="", said=("No night opened an issue.",))
        return
    shown = issues[-_MOST_ISSUES:]
    if len(shown) < len(issues):
        yield Paragraph(label="", said=(f"The newest {len(shown)} of {len(issues):,}; the JSON has all.",))
    heads = ("night", "issue", "slowdown", "severity", "whose", "what became of it")
    rows = tuple(_issue(one) for one in reversed(shown))
    yield Table(caption="Issues and what became of them", heads=heads, rows=rows, keys=("",) * len(rows))


def _issue(one: Followed) -> tuple[Sentence, ...]:
    closed = (", with job ", *_job(one.closed)) if one.closed else ()
    return (
        (f"{one.night.end:%Y-%m-%d}, job ", *_job(one.night)),
        (name(one.title, _TITLE),),
        (format_change(one.slowdown),),
        (name(one.severity),),
        (name(one.attribution),),
        (one.fate.value, *closed),
    )


def _job(job: JobRef) -> Sentence:
    return (f"{job.job} (", name(job.version), ")")


# ── nights ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _nights(past: Backtest) -> Table:
    heads = ("night", "compared with", *(called(one) for one in past.summaries), "slower", "open", "why")
    rows = tuple(_row(one) for one in reversed(past.nights))
    return Table(caption="Every pair, the newest first", heads=heads, rows=rows, keys=("",) * len(rows))


def alarms(one: Night) -> str:
    """Return the verdict of a night that would have been told to stop or to look; empty for any other."""
    verdict = one.judged[0].verdict if one.judged else ""
    return verdict if verdict in ALARMING else ""


def night(one: Night) -> tuple[Sentence, Sentence]:
    """Return a night, and what it is compared with."""
    other = () if one.candidate == one.night else (", candidate ", *_job(one.candidate))
    kind = ", same version" if one.kind is PairKind.SAME_VERSION else ""
    return (f"{one.night.end:%Y-%m-%d}, job ", *_job(one.night), *other), (*_job(one.baseline), kind)


def _row(one: Night) -> tuple[Sentence, ...]:
    first = one.judged[0] if one.judged else None
    return (
        *night(one),
        *(_verdicts(one)),
        (f"{first.outcomes.get(Outcome.REGRESSED.value, 0)} of {first.curves}" if first else NOTHING,),
        (f"{one.still_open[0]}" if one.kind is PairKind.CONSECUTIVE else NOTHING,),
        (", ".join(_why(first)) if first else "", name(one.problem, 200) if one.problem else ""),
    )


def _verdicts(one: Night) -> Iterator[Sentence]:
    for place in range(len(one.still_open)):
        yield (one.judged[place].verdict if one.judged else "nothing to compare",)


def _why(judged: Judged) -> Iterator[str]:
    """Yield the rules that fired and the checks that failed, in words."""
    for key in dict.fromkeys((*judged.rules, *judged.validity)):
        yield key.replace("_", " ")


def _method() -> Iterator[Line]:
    """Say how everything is counted."""
    yield _line(
        "Nights",
        "Each is compared as analyze would have done when its job had ended: baseline and further runs by the same "
        "rules, noise and what came before from earlier jobs only. What somebody accepted later does not count, "
        "nor what earlier nights left open, for nobody repairs or accepts anything in a replay; the column open "
        "says how much that was.",
    )
    yield _line(
        "Pairs of one version",
        "A job and the one before it of its version are judged as if the later one were of another version. "
        "Nothing changed, so every regressed curve that is not said to be the environment's doing is a false "
        "alarm.",
    )
    yield _line(
        "Intervals",
        "95 %, by Wilson, for as many independent curves as the scatter between nights leaves: curves of one night "
        "share its disturbances, and neighbouring pairs a job.",
    )
    yield _line(
        "Issues",
        "A job that is back on the level of before, up to a quarter of an issue's size, closes it. An issue went "
        "away by itself when a job of the version it came in with closed it: most likely it was never there. It "
        "stayed when a later job showed it before that. Gone with the next version: repaired, or never there.",
    )
    yield _line(
        "Changes put in",
        "A quarter of the endpoints of each pair of one version (of a hundred at most) is made slower, by 10, 20 or "
        "50 %, from a load on (tail), over a range of loads (band), at all loads (whole) or at the highest one or two "
        "(edge). Found is what is told in a range that meets the changed one.",
    )


def _line(label: str, text: str) -> Line:
    return Line(label=label, said=(text,))
