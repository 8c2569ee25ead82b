"""The findings as JUnit XML, for the test reports of GitLab and Jenkins: one test case per curve.

In: an `Analysis`. Out: UTF-8 bytes, the same for the same analysis. Text from jobs cannot break the document: what XML
does not allow is left out, the rest escaped. Nothing is decided here; this is how outcomes map:

* *error*: load points that newly fail, unless detection of lost and failing tests puts them down to chance (minor),
  and a product that could not be judged;
* *failure*: a regression, from the moderate threshold on;
* *skipped*: inconclusive, which takes in curves that only one of the jobs has, and regressions that are accepted;
* an issue that came in with an earlier version and is open is a case of its own: *failure*, or *skipped* where it is
  accepted or the policy ignores such; it passes with the job that closes it;
* passed: all others. A minor slowdown breaks no build; it stands in the case's output, ``system-out``.

Suites and cases are named after what does not change from version to version, so that both servers can show how one
case fared over time; the versions compared are in the text of what failed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from html import escape
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model import CoverageKind, Outcome, Severity, Verdict
from perftracker_ai.model.issues import IssueStatus
from perftracker_ai.report import curve, still_open
from perftracker_ai.report.value import plain
from perftracker_ai.report.view import view
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from perftracker_ai.model import Analysis, CoverageFinding, Curve
    from perftracker_ai.model.issues import OpenIssue
    from perftracker_ai.report.view import Finding, View

OUTPUT = "system-out"
"""What a case that passed has to say: shown where one looks at it, and counted nowhere."""
_NAME_LIMIT = 512
"""Characters of a case's name: PerfTracker's tags have no more."""
_PROBLEM_LIMIT = 800


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """One test case; `kind` is the name of its element, empty when it passed and there is nothing to say.

    Attributes
    ----------
    type : str
        Severity, or why there is no result; empty for one that passed.
    message : str
        One line, shown beside the name.
    details : tuple of str
        Further lines.
    """

    name: str
    kind: str
    type: str
    message: str
    details: tuple[str, ...]


def junit_xml(analyses: Iterable[Analysis], failed: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return analyses as JUnit XML: a suite for every group of tests, a case for every curve.

    Parameters
    ----------
    analyses : iterable of Analysis
        One for each product; gone through more than once.
    failed : sequence of (str, str)
        Products that could not be judged, and why: a suite with an error for each.

    Returns
    -------
    bytes
        A whole document in UTF-8; without curves one without suites.
    """
    suites = [suite for analysis in analyses for suite in _suites(analysis)]
    suites += [(clean(product), "(not judged)", [_unjudged(problem)]) for product, problem in failed]
    every = [case for _, _, cases in suites for case in cases]
    lines = chain.from_iterable(_suite(*suite) for suite in suites)
    named = [*(analysis.candidate.product_name for analysis in analyses), *(product for product, _ in failed)]
    products = ", ".join(dict.fromkeys(map(clean, named)))
    head = f'<testsuites name="{escape(f"{products} performance")}" {_counts(every)}>'
    document = ('<?xml version="1.0" encoding="UTF-8"?>', head, *lines, "</testsuites>", "")
    return "\n".join(document).encode()


def _suites(analysis: Analysis) -> Iterator[tuple[str, str, list[_Case]]]:
    """Give product, name and cases of each group of tests."""
    suites: dict[str, list[_Case]] = defaultdict(list)
    for measured, case in zip(analysis.curves.curves, _cases(analysis), strict=True):
        suites[measured.group].append(case)
    product = clean(analysis.candidate.product_name)
    names = _unlike([*(clean(group) or "(no group)" for group in suites), "(open issues)"])
    still = [_open_case(analysis, at, one) for at, one in enumerate(_open(analysis))]
    named = zip(names, [*suites.values(), still], strict=True)
    return ((product, name, cases) for name, cases in named if cases)


def _open(analysis: Analysis) -> tuple[OpenIssue, ...]:
    return analysis.open_issues.issues if analysis.open_issues else ()


def _open_case(analysis: Analysis, at: int, one: OpenIssue) -> _Case:
    """Return the case of an issue that came in with an earlier version: failed while the policy counts it."""
    name = f"{clean(one.endpoint or one.title, _NAME_LIMIT)} ({one.key})"
    if one.status is IssueStatus.CLOSED:
        return _Case(name=name, kind="", type="", message="", details=())
    spared = one.accepted or analysis.policy.open_issues == "ignore"
    kind, why = ("skipped", "accepted" if one.accepted else "ignored") if spared else ("failure", one.severity)
    message = f"{still_open.word(one).lower()}: {plain(still_open.told(one, at))}"
    return _Case(name=name, kind=kind, type=f"open issue, {why}", message=message, details=())


# ── cases ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _cases(analysis: Analysis) -> Iterator[_Case]:
    shown = view(analysis)
    failing = _failing(analysis.coverage)
    for measured in analysis.curves.curves:
        yield _case(shown, shown.by_curve[measured.index], failing[measured.index])


def _unjudged(problem: str) -> _Case:
    message = clean(problem, _PROBLEM_LIMIT)
    return _Case(name="comparison", kind="error", type="not judged", message=message, details=())


def _failing(coverage: Sequence[CoverageFinding]) -> dict[int, list[tuple[int, CoverageFinding]]]:
    """Collect the new failures of every curve that are more than chance, each with its place in the results."""
    failing: dict[int, list[tuple[int, CoverageFinding]]] = defaultdict(list)
    for at, finding in enumerate(coverage):
        if finding.kind is CoverageKind.NEW_FAILURE and finding.severity is not Severity.MINOR:
            for index in finding.curves:
                failing[index].append((at, finding))
    return failing


def _case(shown: View, one: Finding, failing: list[tuple[int, CoverageFinding]]) -> _Case:
    """Return the case of a curve; a regression besides new failures is told with them, for a case has one result."""
    name = clean(one.curve.tag, _NAME_LIMIT) or "(no name)"
    kind, severity, message, details = _judged(shown, one)
    if failing:
        lines = [plain(curve.new_failure(at, finding)) for at, finding in failing]
        worst = failing[0][1].severity
        return _Case(
            name=name,
            kind="error",
            type=f"new failure, {worst.value}" if worst else "new failure",
            message=lines[0],
            details=(*lines[1:], *filter(None, (message,)), *details),
        )
    return _Case(name=name, kind=kind, type=severity, message=message, details=details)


def _judged(shown: View, one: Finding) -> tuple[str, str, str, tuple[str, ...]]:
    """Return element, type, message and details of what detection says of a curve."""
    match one.result.outcome:
        case Outcome.MINOR:
            return OUTPUT, "", *_told(shown, one)
        case Outcome.MOVED | Outcome.CHANGED if one.result.severity in {None, Severity.MINOR}:
            return "", "", "", ()
        case Outcome.REGRESSED | Outcome.MOVED | Outcome.CHANGED:
            return _regressed(shown, one)
        case Outcome.INCONCLUSIVE:
            needed = clean(one.result.needed)
            return "skipped", "inconclusive", f"inconclusive{': ' if needed else ''}{needed}", ()
        case _:
            return "", "", "", ()


def _regressed(shown: View, one: Finding) -> tuple[str, str, str, tuple[str, ...]]:
    message, details = _told(shown, one)
    if one.curve.index in shown.accepted:
        return "skipped", "accepted", f"{_accepted(shown, one.curve)}; {message}", details
    if shown.analysis.decision.verdict is Verdict.SAME_VERSION:
        return "skipped", "same version", f"both jobs are of one version; {message}", details
    return "failure", one.result.severity.value if one.result.severity else "", message, details


def _told(shown: View, one: Finding) -> tuple[str, tuple[str, ...]]:
    return plain(curve.regression(shown, one)), tuple(map(plain, curve.evidence(shown, one)))


def _accepted(shown: View, judged: Curve) -> str:
    """Say until when a regression is accepted, and why; the entry that ends first decides."""
    entries = [entry for entry in shown.analysis.accepted if judged.index in entry.curves]
    first = min(entries, key=lambda entry: entry.until)
    return f"accepted until {first.until} ({clean(first.reason)})"


# ── XML ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _suite(product: str, group: str, cases: list[_Case]) -> Iterator[str]:
    skipped = sum(case.kind == "skipped" for case in cases)  # an attribute that the schema has for suites only
    yield f'  <testsuite name="{escape(group)}" {_counts(cases)} skipped="{skipped}">'
    classname = escape(_classname(product, group))
    for name, case in zip(_unlike(case.name for case in cases), cases, strict=True):
        yield from _element(escape(name), classname, case)
    yield "  </testsuite>"


def _element(name: str, classname: str, case: _Case) -> Iterator[str]:
    start = f'    <testcase classname="{classname}" name="{name}"'
    if not case.kind:
        yield start + "/>"
        return
    message = escape(case.message)
    # GitLab shows the text and Jenkins the message first, so the message is said in both.
    text = "\n".join((message, *map(escape, case.details)))
    attributes = "" if case.kind == OUTPUT else f' type="{case.type}" message="{message}"'
    yield f"{start}><{case.kind}{attributes}>{text}</{case.kind}></testcase>"


def _classname(product: str, group: str) -> str:
    """Name package and class; Jenkins splits at the last dot, so there is no other."""
    return ".".join(part.replace(".", "_") for part in (product or "(no product)", group))


def _counts(cases: list[_Case]) -> str:
    found = Counter(case.kind for case in cases)
    return f'tests="{len(cases)}" failures="{found["failure"]}" errors="{found["error"]}"'


def _unlike(names: Iterable[str]) -> Iterator[str]:
    """Number names that became equal by cleaning: both servers know a case by its name alone."""
    taken: set[str] = set()
    repeated: Counter[str] = Counter()
    for name in names:
        unlike = name
        while unlike in taken:
            repeated[name] += 1
            unlike = f"{name} ({repeated[name] + 1})"
        taken.add(unlike)
        yield unlike
