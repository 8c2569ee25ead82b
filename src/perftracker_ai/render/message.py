"""The message a team gets of a run: verdict, worst three, link; and the beginning of the report for a build's page.

In: an `Analysis` and where its report is. Out: a `Message` in Markdown and as plain text, short enough for every place
it may go to: a Slack section takes 3,000 characters, a Teams card 28 kB, a GitHub comment 64 kB. What comes from a job
is cut and made inert: places differ in what they format, link and mention, so nothing they could act upon is left.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.model import Severity
from perftracker_ai.render import recall
from perftracker_ai.render.phrases import beyond, shift_of
from perftracker_ai.report.view import coverage_counts, view, worsened
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_change, format_range, plural
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Analysis, Cluster, JobInfo
    from perftracker_ai.report.view import View

TITLE_LIMIT, LIMIT = 150, 3000
"""Characters of a title, as a Slack header takes them, and of a text, as a Slack section does."""
SHOWN = 3
"""Issues told; the others are counted."""
_NAME, _VERSION, _ENDPOINT, _LOAD, _REASON, _LINK = 40, 40, 160, 40, 240, 1000
_LONGEST = 160
"""Characters of a line that a telephone still shows in two or three."""

_INERT = str.maketrans(
    {"`": "'", "<": "‹", ">": "›", "[": "(", "]": ")", "*": "∗", "|": "¦", "~": "∼", "\\": "∖", "@": "＠", "&": "＆"}
)
_SAFE_IN_LINKS = str.maketrans({char: f"%{ord(char):02X}" for char in " ()<>[]\"'`\\|*"})


class Message(NamedTuple):
    """A message in both forms; the title is plain in either."""

    title: str
    markdown: str
    plain: str


class _Line(NamedTuple):
    """One line: what it begins with, in bold, a name, set like code, and the rest."""

    bold: str = ""
    code: str = ""
    rest: str = ""
    item: bool = False


def message(analysis: Analysis, link: str) -> Message:
    """Word a run for people who did not watch it.

    Parameters
    ----------
    analysis : Analysis
    link : str
        Where the report is: an address, or a file's path.

    Returns
    -------
    Message
        Of at most `TITLE_LIMIT` and `LIMIT` characters.
    """
    shown = view(analysis)
    lines = list(_lines(shown))
    plain = [*map(_plain, lines), "", f"Report: {clean(link, _LINK)}"]
    markdown = [*map(_markdown, lines), "", _linked(clean(link, _LINK))]
    return Message(title=_title(shown), markdown="\n".join(markdown), plain="\n".join(plain))


def inert(text: str, limit: int) -> str:
    """Return `text` on one line, cut, and with no character left that a messenger formats, links or mentions by."""
    return clean(text, limit).translate(_INERT).replace("://", ":∕∕")


def opening(report: str, limit: int) -> str:
    """Return the beginning of a Markdown report, whole sections of it, in at most `limit` bytes of UTF-8.

    The sections behind the issues are left out: they are for who opens the report itself.
    """
    sections = report.split("\n## ")
    end = next((at for at, text in enumerate(sections) if text.startswith("Root-Cause")), len(sections))
    kept: list[str] = []
    for section in sections[:end]:
        text = section if not kept else f"\n## {section}"
        limit -= len(text.encode()) + 1
        if limit < 0:
            break
        kept.append(text)
    return "".join(kept).rstrip() + "\n" if kept else ""


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _title(shown: View) -> str:
    candidate = shown.analysis.candidate
    name = " ".join(filter(None, (inert(candidate.product_name, _NAME), inert(candidate.product_ver, _VERSION))))
    return f"{name}: {shown.analysis.decision.verdict.value}"


def _lines(shown: View) -> Iterator[_Line]:
    analysis = shown.analysis
    verdict = analysis.decision.verdict
    yield _Line(bold=verdict.value, rest=f": {wording.verdict_text(verdict)}")
    yield _Line(rest=f"Baseline {_job(analysis.baseline)}, candidate {_job(analysis.candidate)}: {_found(shown)}.")
    yield from _doubt(shown)
    issues = worsened(shown)
    yield from _since(shown, [_issue(cluster) for cluster in issues[:SHOWN]])
    if len(issues) > SHOWN:
        yield _Line(item=True, rest=f"and {plural(len(issues) - SHOWN, 'more issue')}")
    if not issues:
        yield from _reason(shown)


def _job(job: JobInfo) -> str:
    return f"{inert(job.product_ver, _VERSION) or 'no version'} (job {job.id})"


def _found(shown: View) -> str:
    """Count issues by severity, and gaps in what was measured."""
    issues = worsened(shown)
    counts = Counter(cluster.severity for cluster in issues)
    kinds = listing([f"{counts[severity]:,} {severity.value}" for severity in Severity if counts[severity]])
    failing, lost = coverage_counts(
        one for one in shown.analysis.coverage if one.severity not in {None, Severity.MINOR}
    )
    told = [f"{kinds} {'issues' if len(issues) > 1 else 'issue'}"] if kinds else []
    told += [plural(failing, "newly failing load point")] if failing else []
    told += [plural(lost, "loss of coverage", "losses of coverage")] if lost else []
    return "; ".join(told) or f"no regression found{beyond(shown)}"


def _doubt(shown: View) -> Iterator[_Line]:
    """Say that the run as a whole moved, which puts all else in doubt."""
    large = [shift for shift in shown.analysis.detection.shifts if shift.large]
    for shift in sorted(large, key=lambda shift: -abs(shift.slowdown))[:1]:
        change = format_change(shift.slowdown)
        yield _Line(rest=f"The whole run moved ({shift_of(shift)} {change}): rerun it before you judge.")


def _issue(cluster: Cluster) -> _Line:
    first, last = (inert(load, _LOAD) for load in (cluster.load_first, cluster.load_last))
    over = f" over {format_range(first, last)}" if first else ""
    rest = f": {format_change(cluster.median_slowdown)}{over}, {cluster.confidence.value} confidence"
    severity = cluster.severity.value if cluster.severity else "slower"
    name = inert(cluster.endpoint or cluster.title, _ENDPOINT)
    return _Line(item=True, bold=severity, code=name, rest=rest)


def _since(shown: View, lines: list[_Line]) -> list[_Line]:
    """Say of the first issue since when it is there, if that still makes a line."""
    began = [recall.since_short(shown, one, lambda text: inert(text, _VERSION)) for one in worsened(shown)[:1]]
    if not any(began):
        return lines
    first = lines[0]._replace(rest=f"{lines[0].rest}, {began[0]}")
    return [first, *lines[1:]] if len(_plain(first)) <= _LONGEST else lines


def _reason(shown: View) -> Iterator[_Line]:
    """Without an issue, say which rule decided; that none fired needs no words."""
    rule = next((rule for rule in shown.analysis.decision.rules if rule.fired), None)
    if rule is not None and rule.because:
        yield _Line(item=True, rest=f"{inert(rule.text, _REASON).rstrip('.')}: {inert(rule.because, _REASON)}")


# ── forms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _plain(line: _Line) -> str:
    words = " ".join(filter(None, (line.bold, line.code)))
    return f"{'- ' if line.item else ''}{words}{line.rest}"


def _markdown(line: _Line) -> str:
    bold = f"**{line.bold}**" if line.bold else ""
    words = " ".join(filter(None, (bold, f"`{line.code}`" if line.code else "")))
    # An empty line between them keeps two lines from becoming one paragraph in every dialect.
    return f"- {words}{line.rest}" if line.item else f"{words}{line.rest}\n"


def _linked(link: str) -> str:
    """Return a link to an address, or the path of a file as it is."""
    if link.startswith(("http://", "https://")):
        return f"[Report]({link.translate(_SAFE_IN_LINKS)})"
    return f"Report: `{inert(link, _LINK)}`"
