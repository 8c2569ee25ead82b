"""The back of the page: what to do, coverage, what cannot be known, method, and the data to take along.

In: a `View`. Out: `Html`. Sentences are those of the Markdown report, so that both say the same.
"""

from __future__ import annotations

import base64
import re
import zlib
from typing import TYPE_CHECKING

from perftracker_ai.model import Absence
from perftracker_ai.render import appendix, assessment, phrases
from perftracker_ai.render.page import facts
from perftracker_ai.render.page.markup import Html, el, from_markdown
from perftracker_ai.render.page.summary import TONE
from perftracker_ai.report.view import coverage_order
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_range, plural
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import CoverageFinding, Rule, RunAccount
    from perftracker_ai.report.view import View

COVERAGE_ROWS, BAD_ROWS = 150, 5
PAGE_LIMIT = 950_000
"""Characters of the page from which it does without the data to take along: servers refuse files of 1 MB."""

_MARK = re.compile(r"^(?:- |\d+\. )")


def actions(shown: View) -> Html:
    """Return what to do, in order, and what shipping would mean."""
    steps = _items(assessment.actions(shown))
    risks = _items(assessment.risk(shown))
    left = el("div", el("h2", "What to do next", id="actions-h"), el("ol", *steps, class_="steps"))
    right = el("div", el("h2", "Risk"), el("ul", *risks, class_="plain risk"))
    return el(
        "section",
        el("div", left, right, class_="columns uneven"),
        id="actions",
        aria_labelledby="actions-h",
        data_fact="/clusters",
    )


def _items(lines: list[str]) -> list[Html]:
    """Return the items of a section of the Markdown report, its heading left out."""
    return [el("li", from_markdown(_MARK.sub("", line))) for line in lines if line and not line.startswith("#")]


# ── coverage ────────────────────────────────────────────────────────────────────────────────────────────────────────


def coverage(shown: View) -> Html:
    """Return what was measured on one side only, what fails, and where every test went."""
    found = coverage_order(shown.analysis.coverage)
    heavy = [one for one in found if one.severity]
    parts = [el("h2", "Coverage", id="coverage-h")]
    if heavy:
        parts += _gaps(shown, heavy, "What is no longer measured, or fails now")
    else:
        parts.append(el("p", "Nothing that was measured is missing, and nothing newly fails.", class_="calm"))
    parts += _harmless(shown, [one for one in found if not one.severity])
    accounts = [_account(at, account) for at, account in enumerate(shown.analysis.accounts)]
    parts += [el("h3", "Where every test went"), el("ul", *accounts, class_="plain")]
    return el("section", *parts, id="coverage", aria_labelledby="coverage-h")


def _harmless(shown: View, found: list[CoverageFinding]) -> Iterator[Html]:
    """Return what is new or works again, folded away: it decides nothing."""
    if found:
        words = f"{plural(len(found), 'difference')} that are no loss: new tests, and tests that work again"
        summary = el("summary", words, data_fact="/coverage")
        yield el("details", summary, *_gaps(shown, found, "What is new, or works again"))


def _gaps(shown: View, found: list[CoverageFinding], caption: str) -> Iterator[Html]:
    heads = ("What", "Test", "Loads", "Points", "Errors", "Why")
    head = el("thead", el("tr", *(el("th", text, scope="col") for text in heads)))
    rows = [_gap(shown, one) for one in found[:COVERAGE_ROWS]]
    yield el("table", el("caption", caption, class_="unseen"), head, el("tbody", *rows), class_="coverage")
    if len(found) > COVERAGE_ROWS:
        more = f"… and {len(found) - COVERAGE_ROWS:,} more, in the results file."
        yield el("p", more, class_="more", data_fact="/coverage")


def _gap(shown: View, found: CoverageFinding) -> Html:
    kind = found.severity.value if found.severity else "neutral"
    chip = [el("span", kind, class_=f"chip {kind}")] if found.severity else []
    errors = f"{found.baseline_errors:,} → {found.candidate_errors:,}"
    place = next(at for at, other in enumerate(shown.analysis.coverage) if other is found)
    return el(
        "tr",
        el("th", wording.coverage_label(found.kind), *chip, scope="row"),
        el("td", from_markdown(phrases.coverage_name(shown, found)), class_="what"),
        el(
            "td",
            format_range(clean(found.load_first, phrases.LABEL_LIMIT), clean(found.load_last, phrases.LABEL_LIMIT)),
        ),
        el("td", f"{found.points:,}" if found.points else "", class_="num"),
        el("td", errors if found.baseline_errors or found.candidate_errors else "", class_="num"),
        el("td", clean(found.reason)),
        class_=kind,
        data_fact=facts.of("coverage", place),
    )


def _account(at: int, account: RunAccount) -> Html:
    parts = [f"{plural(account.tests, 'test')} gave {plural(account.points, 'load point')}"]
    if account.pooled:
        parts.append(f"{plural(account.pooled, 'test')} pooled into the point of another")
    if account.absent:
        reasons = [f"{count:,} {Absence(reason).name.lower().replace('_', ' ')}" for reason, count in account.absent]
        parts.append(f"without a value: {listing(reasons)}")
    bad = [f"record {record.position}: {clean(record.problem)}" for record in account.bad_records]
    if bad:
        parts.append(f"{plural(len(bad), 'unreadable record')} ({phrases.capped(bad, BAD_ROWS)})")
    return el("li", f"Job {account.job_id}: {'; '.join(parts)}.", data_fact=facts.of("accounting", at))


# ── method, limits, data ────────────────────────────────────────────────────────────────────────────────────────────


def method(shown: View) -> Html:
    """Return how it was judged, by which rules, and what no comparison of two jobs can tell."""
    left = el("div", el("h2", "Method", id="method-h"), _list(appendix.method(shown)))
    right = el("div", el("h2", "What this analysis cannot know"), _list(appendix.limits(shown)))
    columns = el("div", left, right, class_="columns", data_fact="/config")
    rules = [_rule(at, rule) for at, rule in enumerate(shown.analysis.decision.rules)]
    heads = ("Verdict", "Rule", "Fired", "Because")
    head = el("thead", el("tr", *(el("th", text, scope="col") for text in heads)))
    caption = el("caption", "Rules of the policy, in order of precedence", class_="unseen")
    table = el("table", caption, head, el("tbody", *rules), class_="policy")
    return el("section", columns, el("h3", "Every rule of the policy"), table, id="method", aria_labelledby="method-h")


def _list(lines: list[str]) -> Html:
    return el("ul", *_items(lines), class_="plain")


def _rule(at: int, rule: Rule) -> Html:
    return el(
        "tr",
        el("th", el("b", rule.verdict.value, class_=f"tone {TONE[rule.verdict]}"), scope="row"),
        el("td", clean(rule.text)),
        el("td", "yes" if rule.fired else "no"),
        el("td", clean(rule.because)),
        class_="fired" if rule.fired else "quiet",
        data_fact=facts.of("verdict", "rules", at),
    )


def origin(shown: View, result: bytes, *, taken: int) -> Html:
    """Return what the page was made from and by, with the results file to take along.

    Parameters
    ----------
    shown : View
    result : bytes
        The results file.
    taken : int
        Characters of the page so far.
    """
    words = [el("ul", *_items(appendix.provenance(shown)), class_="plain", data_fact="/metadata")]
    return el("footer", el("h2", "Where this page comes from"), *words, *_download(result, PAGE_LIMIT - taken))


def _download(result: bytes, room: int) -> Iterator[Html]:
    address = "data:application/gzip;base64," + base64.b64encode(packed_result(result)).decode()
    if len(address) > room:
        yield el("p", "The results file is too large to be put into this page; it lies beside it as result_v2.json.")
        return
    link = Html(f'<a class="button" download="result_v2.json.gz" href="{address}">Download all data</a>')
    words = (
        " every number of this page, unrounded, as JSON packed with gzip. What a number on the page is called there "
    )
    yield el("p", link, words, "stands in its attribute ", el("code", "data-fact"), ".", class_="download")


def packed_result(result: bytes) -> bytes:
    """Pack the results file with gzip, without a time stamp: the same analysis gives the same page."""
    gzip_header = 16
    packer = zlib.compressobj(3, zlib.DEFLATED, zlib.MAX_WBITS + gzip_header)
    return packer.compress(result) + packer.flush()
