"""The findings: every issue in one table, then each with its charts and the hypotheses that fit it.

In: a `View` and its sparklines. Out: `Html`. What is a hypothesis stands in a box that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Outcome, Severity
from perftracker_ai.render import phrases
from perftracker_ai.render.assessment import preference
from perftracker_ai.render.page import facts, past
from perftracker_ai.render.page.markup import Html, el, from_markdown, join, path
from perftracker_ai.render.page.narrative import remarks
from perftracker_ai.render.page.panels import legend, panels, spark
from perftracker_ai.render.told import chosen
from perftracker_ai.report.commentary import MARK
from perftracker_ai.report.view import improved, leading, loose, worsened
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_change, plural
from perftracker_ai.words.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from perftracker_ai.model import Cluster, Hypothesis
    from perftracker_ai.render.svg import Sparks
    from perftracker_ai.report.view import Finding, View

ROWS, CARDS, LOOSE = 60, 14, 10
"""Issues in a table, issues told in full with charts, findings of no issue: nobody reads a page of everything."""

SCENARIOS = 3


def glance(shown: View, placed: Sparks, shared: str) -> Html:
    """Return all issues in one table, worst first."""
    found = worsened(shown)
    parts = [el("h2", "Issues at a glance", id="issues-h")]
    parts += list(_table(shown, found, placed, shared, "Issues, worst first"))
    parts += (
        [] if found else [el("p", f"Nothing became slower{phrases.beyond(shown)} in what was measured.", class_="calm")]
    )
    parts += list(_loose(shown))
    return el("section", *parts, id="issues", aria_labelledby="issues-h")


def improvements(shown: View, placed: Sparks, shared: str) -> Html:
    """Return what became faster: a table, then the charts."""
    found = improved(shown)
    parts = [el("h2", "Improvements", id="improvements-h")]
    parts += list(_table(shown, found, placed, shared, "Improvements, largest first"))
    parts += [] if found else [el("p", "Nothing became faster in what was measured.", class_="calm")]
    parts += [_card(shown, cluster, shared) for cluster in found[: CARDS // 2]]
    return el("section", *parts, id="improvements", aria_labelledby="improvements-h")


def details(shown: View, shared: str) -> Html:
    """Return the worst issues in full, with their charts and hypotheses."""
    found = worsened(shown)
    if not found:
        return Html("")
    parts = [el("h2", "Issues in detail", id="details-h"), legend(past.legend(shown))]
    parts += [_card(shown, cluster, shared) for cluster in found[:CARDS]]
    if len(found) > CARDS:
        parts.append(
            el(
                "p",
                f"… and {plural(len(found) - CARDS, 'issue')} more, in the table above.",
                class_="more",
                data_fact="/clusters",
            )
        )
    return el("section", *parts, id="details", aria_labelledby="details-h")


# ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _table(shown: View, found: Sequence[Cluster], placed: Sparks, shared: str, caption: str) -> Iterator[Html]:
    if not found:
        return
    heads = ("Issue", "What", "Along the load", "Change", "At the worst point", "Confidence")
    head = el("thead", el("tr", *(el("th", text, scope="col") for text in heads)))
    rows = [_row(shown, cluster, placed, shared) for cluster in found[:ROWS]]
    yield el("table", el("caption", caption, class_="unseen"), head, el("tbody", *rows), class_="glance")
    if len(found) > ROWS:
        yield el("p", f"… and {len(found) - ROWS:,} more, in the results file.", class_="more", data_fact="/clusters")


def _row(shown: View, cluster: Cluster, placed: Sparks, shared: str) -> Html:
    finding = leading(shown, cluster)
    kind = _kind(cluster)
    return el(
        "tr",
        el("th", _link(shown, cluster), el("span", kind, class_=f"chip {kind}"), scope="row"),
        el("td", _what(cluster, shared), _extent(cluster), *past.began_short(shown, cluster), class_="what"),
        el("td", spark(placed, finding), class_="line"),
        el("td", _size(shown, cluster), class_="size"),
        el("td", _worst(shown, finding), class_="values"),
        el("td", cluster.confidence.value, class_=f"sure {cluster.confidence.value}"),
        class_=kind,
        data_fact=facts.of_cluster(shown.analysis, cluster),
    )


def _kind(cluster: Cluster) -> str:
    return cluster.severity.value if cluster.severity else Outcome.IMPROVED.value


def anchor(shown: View, cluster: Cluster) -> str:
    """Return the id of a cluster's card."""
    return f"issue-{facts.position(shown.analysis, cluster) + 1}"


def _link(shown: View, cluster: Cluster) -> Html:
    """Return the cluster's id, leading to its card where it has one."""
    same = worsened(shown)[:CARDS] if cluster.severity else improved(shown)[: CARDS // 2]
    if any(cluster is other for other in same):
        return el("a", cluster.id, href=f"#{anchor(shown, cluster)}", class_="id")
    return el("span", cluster.id, class_="id")


def _what(cluster: Cluster, shared: str) -> Html:
    return el("span", path(cluster.endpoint, shared) if cluster.endpoint else clean(cluster.title), class_="endpoint")


def _extent(cluster: Cluster) -> Html:
    """Return scenario, number of curves, threads and loads in one line."""
    scenarios = [clean(scenario, phrases.LABEL_LIMIT) for scenario in cluster.scenarios if scenario]
    told = [phrases.capped(scenarios, SCENARIOS)] if scenarios else []
    parts = [*told, plural(len(cluster.curves), "curve")]
    return el("span", " · ".join(parts), *_where(cluster), class_="sub")


def _where(cluster: Cluster) -> Iterator[Html | str]:
    text = phrases.where(cluster)
    if text:
        yield " · "
        yield from_markdown(text)


def _size(shown: View, cluster: Cluster) -> Html:
    fact = facts.of_cluster(shown.analysis, cluster, "median_slowdown")
    return el("span", format_change(cluster.median_slowdown), class_=f"big num {_kind(cluster)}", data_fact=fact)


def _worst(shown: View, finding: Finding) -> Html:
    """Return the values at the worst point with what was measured."""
    if finding.window is None:
        return Html("")
    pair = el(
        "span", from_markdown(phrases.values(shown, finding)), class_="num", data_fact=facts.of_worst_point(finding)
    )
    return join([pair, el("span", clean(wording.metric_name(finding.curve), phrases.LABEL_LIMIT), class_="sub")])


def _loose(shown: View) -> Iterator[Html]:
    """List findings that belong to no cluster, one line each."""
    found = [finding for severity in Severity for finding in loose(shown, severity)]
    items = [
        el(
            "li",
            f"{one.id}. {clean(one.curve.tag)}: ",
            from_markdown(phrases.change(shown, one)),
            data_fact=facts.of_result(one),
        )
        for one in found[:LOOSE]
    ]
    if items:
        yield el("ul", *items)
    if len(found) > LOOSE:
        yield el(
            "p",
            f"… and {len(found) - LOOSE:,} more, in the table of all curves.",
            class_="more",
            data_fact="/regressions",
        )


# ── a card ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _card(shown: View, cluster: Cluster, shared: str) -> Html:
    kind, name = _kind(cluster), anchor(shown, cluster)
    title = el(
        "h3",
        el("span", cluster.id, class_="id"),
        el("span", kind, class_=f"chip {kind}"),
        _what(cluster, shared),
        id=f"{name}-h",
    )
    head = el("div", el("div", title, _extent(cluster)), _size(shown, cluster), class_="head")
    return el(
        "article",
        head,
        _told(shown, cluster),
        *remarks(shown, cluster.id),
        panels(shown, cluster),
        *_hypotheses(shown, cluster),
        id=name,
        class_=f"card {kind}",
        aria_labelledby=f"{name}-h",
        data_fact=facts.of_cluster(shown.analysis, cluster),
    )


def _told(shown: View, cluster: Cluster) -> Html:
    finding = leading(shown, cluster)
    impact = () if cluster.severity is None else (("User impact", phrases.impact(shown, cluster)),)
    rows = (
        *impact,
        ("Change", phrases.change(shown, finding)),
        ("Shape", phrases.shape(cluster)),
        ("Confidence", phrases.confidence(shown, cluster)),
    )
    told = [el("div", el("dt", term), el("dd", from_markdown(sentence(text)))) for term, text in rows]
    return el("dl", *told, *past.began(shown, cluster), _curves(shown, cluster), class_="facts")


def _curves(shown: View, cluster: Cluster) -> Html:
    """Return the cluster's curves by id, each leading to its row in the table of all."""
    most = 12
    links = [el("a", shown.by_curve[index].id, href=f"#curve-{index}") for index in cluster.curves[:most]]
    rest = f" and {len(cluster.curves) - most:,} more" if len(cluster.curves) > most else ""
    return el("div", el("dt", "Curves"), el("dd", join(links, ", "), rest))


# ── hypotheses ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _hypotheses(shown: View, cluster: Cluster) -> Iterator[Html]:
    if not cluster.hypotheses:
        return
    position = facts.of_cluster(shown.analysis, cluster, "hypotheses")
    preferred, others = preference(shown, cluster)
    mark = f" {MARK}" if chosen(shown, cluster.id) else ""
    told = [_hypothesis(one, f"{position}/{cluster.hypotheses.index(one)}", mark) for one in preferred]
    names = "; ".join(clean(one.title) for one in others)
    rest = [el("p", f"Also possible: {names}.", class_="more")] if names else []
    note = el("p", el("strong", "Hypotheses, not findings."), " ", wording.NO_TRACES, class_="note")
    yield el(
        "div",
        note,
        el("div", *told, class_="two"),
        *rest,
        class_="hypotheses",
        role="group",
        aria_label=f"Hypotheses on {cluster.id}",
    )


def _hypothesis(hypothesis: Hypothesis, fact: str, mark: str) -> Html:
    parts = (
        ("For", hypothesis.evidence_for),
        ("Against", hypothesis.evidence_against),
        ("To confirm", hypothesis.confirm),
        ("Would refute", hypothesis.refute),
    )
    told = [el("div", el("dt", term), el("dd", _sentences(texts))) for term, texts in parts if texts]
    title = el(
        "h4",
        f"{clean(hypothesis.title)}{mark} ",
        el("span", f"{hypothesis.strength.value} evidence", class_="strength"),
    )
    return el("div", title, el("dl", *told), class_="hypothesis", data_fact=fact)


def _sentences(texts: Iterable[str]) -> str:
    return " ".join(sentence(clean(text)) for text in texts)
