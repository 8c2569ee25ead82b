"""``report.html``: the page a release meeting looks at, one file that loads nothing and can be kept for years.

In: a `View` and its `Report`. Out: the page, the same text for the same analysis. Everything
that comes from a job is escaped, no link is built from it, and the page's own policy lets nothing run or load but the
style and the script in it, by their hashes; nothing is decided here.
"""

from __future__ import annotations

import base64
import pkgutil
from functools import cache
from hashlib import sha256
from itertools import takewhile
from typing import TYPE_CHECKING

from perftracker_ai.model import Outcome, Severity, Verdict
from perftracker_ai.render import svg
from perftracker_ai.render.page import blocks, curves, issues, panels, past
from perftracker_ai.render.page.download import download
from perftracker_ai.render.page.markup import Html, el, spread, tag
from perftracker_ai.report.summary import ISSUES, JOBS
from perftracker_ai.report.value import Entry, Table, plain
from perftracker_ai.report.view import leading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perftracker_ai.render.page.blocks import Context
    from perftracker_ai.report.value import Block, Report
    from perftracker_ai.report.view import View

_NAVIGATION = (
    ("issues", "Issues"),
    ("actions", "Next steps"),
    ("causes", "Causes"),
    ("improvements", "Improvements"),
    ("patterns", "Patterns"),
    ("coverage", "Coverage"),
    ("curves", "All curves"),
    ("method", "Method"),
)
TONE = {
    Verdict.BLOCK: "block",
    Verdict.INVESTIGATE: "investigate",
    Verdict.APPROVE_WITH_MONITORING: "monitor",
    Verdict.APPROVE: "approve",
    Verdict.INSUFFICIENT_EVIDENCE: "open",
    Verdict.SAME_VERSION: "open",
}
"""Class of each verdict: its colour."""


def html_report(shown: View, report: Report, *, result: bytes, scripts: bool) -> str:
    """Return the whole page.

    Parameters
    ----------
    shown : View
        Whose curves are drawn.
    report : Report
        What is said of them.
    result : bytes
        The results file, which the page offers as a download.
    scripts : bool
        Whether the table of all curves gets its sorting and filtering. False for a copy to be served from somebody
        else's origin: it holds no script at all.

    Returns
    -------
    str
        HTML with its own character set and policy, to be encoded as UTF-8.
    """
    style = asset("page.css")
    script = page_script() if scripts else ""
    told = (
        el("a", "Skip to the issues", href="#issues", class_="skip"),
        _navigation(),
        *_parts(shown, report, scripts=scripts),
    )
    taken = sum(map(len, told)) + len(style) + len(script)
    foot = blocks.section(report.section("provenance"), _context(shown, report), *download(result, taken=taken))
    body = spread("body", *told, el("footer", foot), el("script", Html(script)) if scripts else Html(""))
    return "".join(
        ['<!DOCTYPE html>\n<html lang="en">\n', head(plain(report.title), script), "\n", *body, "\n</html>\n"]
    )


def page_script() -> str:
    """Return the script of the page: what reads values off its charts, and what its table needs."""
    return asset("chart.js") + asset("page.js")


@cache
def asset(name: str) -> str:
    """Return the style or the script, as it lies in the package."""
    content = pkgutil.get_data("perftracker_ai.render", f"assets/{name}")
    assert content is not None  # part of the package
    return content.decode()


def head(title: str, script: str, more: str = "") -> Html:
    """Return the head: character set first, for the page may be served without one, then the policy.

    Parameters
    ----------
    more : str
        Style that only this page has.
    """
    style = asset("page.css") + more
    return el(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        el("title", title),
        tag("link", rel="icon", href="data:,"),
        el("style", Html(style)),
    )


def policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy: nothing loads, and only what this file holds is applied or run."""
    scripts = f"script-src {_hash(script)}; " if script else ""
    return f"default-src 'none'; {scripts}style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def _navigation() -> Html:
    links = [el("li", el("a", text, href=f"#{name}")) for name, text in _NAVIGATION]
    return el("nav", el("ul", *links), aria_label="Sections")


def _context(shown: View, report: Report) -> Context:
    """Return what is linked to what: issues by their lasting keys, causes by their entries."""
    keys = {cluster.id: cluster.key for cluster in shown.analysis.clusters}
    told = {key for section in report.sections for block in section.blocks for key in _told(block)}
    links = {key: f"issue-{keys[key]}" for key in sorted(told) if key in keys}
    links |= {key: key for key in sorted(told) if key.startswith("causes-")}
    return blocks.Context(shared=shared_path(shown), links=links, drawings=past.drawings(shown))


def _told(block: Block) -> tuple[str, ...]:
    """Return of which issues a block tells in full."""
    match block:
        case Entry():
            return (block.key,)
        case Table() if block.caption != ISSUES:
            return block.keys
        case _:
            return ()


def _parts(shown: View, report: Report, *, scripts: bool) -> tuple[Html, ...]:
    """Return the top of the page and its main part."""
    context, placed = _context(shown, report), panels.sparks(shown, shown.analysis.criteria.moderate)
    charts, titled = issues.Charts(shown), blocks.Context(shared=context.shared, links=context.links, drawings={})
    names = [section.key for section in report.sections]
    sections = [
        _rest(shown, report, titled),
        *(blocks.section(report.section(key), titled) for key in ("commentary",) if key in names),
        issues.details(shown, report, charts, context),
        el(
            "div",
            *(blocks.section(report.section(key), titled) for key in ("actions", "risk")),
            class_="columns uneven",
        ),
        blocks.section(report.section("causes"), titled),
        *(blocks.section(report.section(key), titled) for key in ("changes", "accepted") if key in names),
        issues.improvements(report, charts, context),
        el(
            "div", *(blocks.section(report.section(key), context) for key in ("patterns", "coverage")), class_="columns"
        ),
        curves.all_curves(shown, placed, context.shared, scripts=scripts),
        *(blocks.folded(report.section(key), titled) for key in ("method", "limits", "dive")),
    ]
    lines = [piece for section in sections for piece in (Html("\n"), section)]
    return _header(shown, report, titled, placed), *spread("main", *lines[1:])


# ── the top ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _header(shown: View, report: Report, context: Context, placed: svg.Sparks) -> Html:
    """Return what a meeting has to see first: verdict and why, the two jobs, every issue in a line."""
    first, tables, _ = _summary(report)
    said = el("p", *(piece for one in report.bottom_line for piece in (blocks.inline(one, context), Html(" "))))
    left = el("div", el("h1", blocks.inline(report.title, context)), said, blocks.body(first, context))
    lead = el("div", left, blocks.table(tables[JOBS], context, kind="jobs"), class_="lead")
    glance = tables.get(ISSUES)
    parts = [el("div", blocks.table(glance, context, _lines(shown, placed), "glance"))] if glance else []
    return el("header", lead, *parts, class_=f"top {TONE[shown.analysis.decision.verdict]}")


def _summary(report: Report) -> tuple[Sequence[Block], dict[str, Table], Sequence[Block]]:
    """Return what the summary tells before the two jobs, its tables by caption, and what it tells behind them."""
    told = report.section("summary").blocks
    tables = {block.caption: block for block in told if isinstance(block, Table)}
    place = told.index(tables[JOBS])
    first, rest = ([one for one in part if not isinstance(one, Table)] for part in (told[:place], told[place:]))
    return first, tables, rest


def _lines(shown: View, placed: svg.Sparks) -> tuple[str, dict[str, Html]]:
    """Return the column of sparklines, all on one scale, by the issue."""
    drawn = {one.id: panels.spark(placed, leading(shown, one)) for one in shown.analysis.clusters}
    return f"Along the load, {panels.scale_text(placed)}", drawn


def _rest(shown: View, report: Report, context: Context) -> Html:
    """Return the rest of the summary: every curve counted, and how sure all that is."""
    _, _, rest = _summary(report)
    heading = el("h2", "How sure", id="certainty-h")
    parts = (heading, svg.bar(tuple(_counts(shown))), blocks.body(rest, context))
    return el("section", *parts, id="certainty", aria_labelledby="certainty-h")


def _counts(shown: View) -> Iterator[tuple[int, str]]:
    """Return how many curves there are of each kind, worst first."""
    regressed = shown.findings[Outcome.REGRESSED]
    for severity in Severity:
        yield sum(one.result.severity is severity for one in regressed), severity.value
    for outcome in (Outcome.MINOR, Outcome.CHANGED, Outcome.MOVED, Outcome.IMPROVED, Outcome.INCONCLUSIVE):
        yield len(shown.findings[outcome]), panels.accent(outcome)
    yield len(shown.findings[Outcome.UNCHANGED]), Outcome.UNCHANGED.value


def shared_path(shown: View) -> str:
    """Return the leading parts that all paths share, to be shown paler: what tells them apart comes behind."""
    paths = [finding.curve.path.split("/")[:-1] for finding in shown.by_curve.values() if finding.curve.path]
    parts = [part[0] for part in takewhile(lambda part: len(set(part)) == 1, zip(*paths, strict=False))]
    return "/".join(parts) + "/" if len(parts) > 1 else ""
