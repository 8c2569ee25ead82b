"""The terminal summary: one screen that says what was compared, what was found and where the files are.

In: an `Analysis` and the paths written. Out: the same lines either as a Rich text with colours or as plain text
without control characters. At most `HEIGHT` lines of `WIDTH` columns; nothing is decided here.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, chain
from typing import TYPE_CHECKING, NamedTuple, assert_never

from perftracker_ai import retrospect
from perftracker_ai.model import CoverageKind, Outcome, Severity, Verdict
from perftracker_ai.render import recall
from perftracker_ai.render.phrases import shift_of
from perftracker_ai.report.view import LOST, accepted, coverage_counts, view, worsened
from perftracker_ai.words.numbers import format_change, format_range, plural
from perftracker_ai.words.text import ELLIPSIS, clean, columns, fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.text import Text

    from perftracker_ai.model import Analysis, Cluster, JobInfo, Rule
    from perftracker_ai.report.view import View

WIDTH, HEIGHT = 100, 24
CLUSTERS, RULES, PATHS, SHIFTS, NEWS = 8, 2, 4, 2, 2
_PATH = 1000
_VERSION, _SHORT_VERSION = 40, 12
_REST = (Outcome.IMPROVED, Outcome.MOVED, Outcome.CHANGED, Outcome.UNCHANGED, Outcome.INCONCLUSIVE)
_NAME = 30
"""Columns of an endpoint in a sentence, whose end must still fit the line."""
_ENDPOINT, _THREADS, _LOADS = 38, 9, 24
"""Columns of the table; severity, slowdown and confidence have words of known length."""


class Span(NamedTuple):
    """A piece of a line with its Rich style."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


def summary(analysis: Analysis, paths: Iterable[str]) -> Text:
    """Return the summary for a terminal, as a Rich text."""
    from rich.text import Text

    return Text("\n").join(Text.assemble(*line) for line in _lines(analysis, tuple(paths)))


def plain_summary(analysis: Analysis, paths: Iterable[str]) -> str:
    """Return the summary as plain lines, for a pipe or a log; no newline behind the last."""
    lines = _lines(analysis, tuple(paths))
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def _lines(analysis: Analysis, paths: tuple[str, ...]) -> list[Line]:
    shown = view(analysis)
    news = _news(analysis)
    return [
        _pair(analysis),
        *_verdict(analysis),
        *_tally(shown),
        *_shift(analysis),
        *news,
        *_clusters(shown, CLUSTERS - len(news)),
        *_accepted(shown),
        _row("Coverage", _coverage(analysis)),
        *_notices(analysis),
        *_written(paths),
    ]


# ── head ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _pair(analysis: Analysis) -> Line:
    product = clean(analysis.candidate.product_name, 20)
    return (Span(product, "bold"), Span(f"  {_job(analysis.baseline)} -> {_job(analysis.candidate)}"))


def _job(job: JobInfo) -> str:
    return f"{clean(job.product_ver, 16)} (job {job.id}, {job.end:%Y-%m-%d})"


def _verdict(analysis: Analysis) -> list[Line]:
    verdict = analysis.decision.verdict
    fired = [rule for rule in analysis.decision.rules if rule.fired]
    lines: list[Line] = [(Span(_key("Verdict"), "dim"), Span(verdict.value, _verdict_style(verdict)))]
    lines += [_row("", _reason(rule)) for rule in fired[:RULES]]
    return lines + _and_more("", len(fired) - RULES, "rule")


def _reason(rule: Rule) -> str:
    """Say which rule fired on what; its thresholds are in the report, and what it fired on must not be cut off."""
    what = rule.text.partition(" (")[0].rstrip(".")
    return f"{what}: {rule.because}" if rule.because else what


def _tally(shown: View) -> list[Line]:
    """Count curves by outcome, worst first; what was not found is not named."""
    worse = Counter(
        finding.result.severity for outcome in (Outcome.REGRESSED, Outcome.MINOR) for finding in shown.findings[outcome]
    )
    slower = [(worse[severity], severity.value) for severity in Severity]
    rest = [(len(shown.findings[outcome]), outcome.value) for outcome in _REST]
    total = plural(len(shown.by_curve), "curve")
    known = f"; {len(shown.accepted):,} of them accepted" if shown.accepted else ""
    return [_row("Slower", f"{_counts(slower)} (of {total}{known})"), _row("Other", _counts(rest))]


def _counts(counts: list[tuple[int, str]]) -> str:
    return ", ".join(f"{count:,} {label}" for count, label in counts if count) or "none"


def _shift(analysis: Analysis) -> list[Line]:
    """Name the largest run-wide shifts, and count the others."""
    found = [shift for shift in analysis.detection.shifts if shift.significant]
    found.sort(key=lambda shift: -abs(shift.slowdown))
    told = [f"{shift_of(shift)} {format_change(shift.slowdown)}" for shift in found[:SHIFTS]]
    rest = f" and {len(found) - SHIFTS:,} more" if len(found) > SHIFTS else ""
    large = " (large: rerun first)" if any(shift.large for shift in found) else ""
    return [_row("Whole run", (", ".join(told) or "no shift") + rest + large)]


def _news(analysis: Analysis) -> list[Line]:
    """Name what matters most of the history, an endpoint in each line, and count what else does."""
    past, found = analysis.chronicle, retrospect.notable(analysis)
    if past is None:
        return []
    kept = [_endpoint(trend.endpoint, _NAME) + f" {retrospect.news(trend, past, _version)}" for trend in found[:NEWS]]
    rest = f"; {len(found) - NEWS:,} more" if len(found) > NEWS else ""
    ends = [""] * (len(kept) - 1) + [rest]
    return [_row("" if at else "History", text + ends[at]) for at, text in enumerate(kept)]


def _version(text: str) -> str:
    return clean(text, _SHORT_VERSION)


# ── clusters ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _clusters(shown: View, lines: int) -> list[Line]:
    """Return a table of the issues with so many lines of them, and the count of those left out."""
    found = worsened(shown)
    if not found:
        return []
    header = (
        f"{'severity':9}{fit('endpoint', _ENDPOINT)} {'threads':{_THREADS}}{'loads':{_LOADS}} {'slowdown':>9} conf."
    )
    room = lines - bool(shown.accepted)  # the line that tells what is accepted takes the room of one
    entries = [[_cluster(cluster), *_since(shown, cluster)] for cluster in found[:room]]
    kept = [entry for entry, lines in zip(entries, accumulate(map(len, entries)), strict=True) if lines <= room]
    return [(Span(header, "dim"),), *chain.from_iterable(kept), *_and_more("", len(found) - len(kept), "issue")]


def _since(shown: View, cluster: Cluster) -> Iterator[Line]:
    """Say since when an issue is there; that it is new needs no line, for that is what a comparison looks for."""
    began = recall.since_short(shown, cluster, lambda version: clean(version, _VERSION))
    if began not in {"", retrospect.NEW}:
        yield (Span(f"{'':9}{began}", "dim"),)


def _accepted(shown: View) -> Iterator[Line]:
    """Say in a line what is accepted, and when the first of it counts again."""
    entries = [entry for entry in shown.analysis.accepted if entry.curves]
    if entries:
        names = [f"{one.id} {one.endpoint}" for one in shown.analysis.clusters if accepted(shown, one)]
        until = min(entry.until for entry in entries)
        yield _row("Accepted", f"until {until}: {'; '.join(names) or plural(len(shown.accepted), 'curve')}")


def _cluster(cluster: Cluster) -> Line:
    severity = cluster.severity
    label = "" if severity is None else severity.value
    loads = format_range(clean(cluster.load_first), clean(cluster.load_last), "-")
    count = "all" if cluster.all_threads else ",".join(map(str, cluster.threads))
    name = fit(_endpoint(cluster.endpoint or cluster.title, _ENDPOINT), _ENDPOINT)
    place = f"{name} {fit(count, _THREADS - 1)} {fit(loads, _LOADS)}"
    return (
        Span(f"{label:9}", "" if severity is None else _severity_style(severity)),
        Span(f"{place} {format_change(cluster.median_slowdown):>9} {cluster.confidence.value}"),
    )


def _endpoint(text: str, width: int) -> str:
    """Return the end of a long endpoint behind its method: paths differ there, and begin alike."""
    endpoint = clean(text)
    method, _, path = endpoint.partition(" ")
    room = width - len(method) - 2
    if columns(endpoint) > width and endpoint.isascii() and room > 0:
        endpoint = f"{method} {ELLIPSIS}{path[-room:]}"
    return fit(endpoint, width).rstrip()


def _verdict_style(verdict: Verdict) -> str:
    match verdict:
        case Verdict.BLOCK:
            return "bold red"
        case Verdict.INVESTIGATE | Verdict.INSUFFICIENT_EVIDENCE:
            return "bold yellow"
        case Verdict.APPROVE_WITH_MONITORING | Verdict.APPROVE | Verdict.SAME_VERSION:
            return "bold green"
        case _:
            assert_never(verdict)


def _severity_style(severity: Severity) -> str:
    match severity:
        case Severity.CRITICAL:
            return "bold red"
        case Severity.SEVERE:
            return "red"
        case Severity.MODERATE:
            return "yellow"
        case Severity.MINOR:
            return ""
        case _:
            assert_never(severity)


# ── foot ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _coverage(analysis: Analysis) -> str:
    failing, lost = coverage_counts(analysis.coverage)
    if not analysis.coverage:
        return "both jobs measured the same, nothing newly fails"
    told = [plural(failing, "newly failing point"), f"{lost:,} lost"]
    other = sum(found.kind is not CoverageKind.NEW_FAILURE and found.kind not in LOST for found in analysis.coverage)
    return ", ".join([*told, plural(other, "other difference")])


def _notices(analysis: Analysis) -> list[Line]:
    count = len(analysis.notices)
    return [_row("Notices", f"{plural(count, 'notice')}, in the report")] if count else []


def _written(paths: tuple[str, ...]) -> list[Line]:
    # A path is no use when it is cut, so these lines alone may be longer than the screen is wide.
    keys = ("Written", *[""] * PATHS)
    lines: list[Line] = [
        (Span(_key(key), "dim"), Span(clean(path, _PATH))) for key, path in zip(keys, paths[:PATHS], strict=False)
    ]
    return lines + _and_more("", len(paths) - PATHS, "file")


def _row(key: str, text: str) -> Line:
    return (Span(_key(key), "dim"), Span(fit(text, WIDTH - len(_key(key))).rstrip()))


def _key(key: str) -> str:
    return f"{key:11}"


def _and_more(key: str, count: int, noun: str) -> list[Line]:
    return [_row(key, f"and {plural(count, f'more {noun}', f'more {noun}s')}")] if count > 0 else []
