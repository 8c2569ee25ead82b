"""``report.html``: the page a release meeting looks at, one file that loads nothing and can be kept for years.

In: an `Analysis`. Out: the page, the same text for the same analysis. Everything
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

from msgspec.structs import replace

from perftracker_ai.render.page import accepted, back, curves, issues, panels, past, summary
from perftracker_ai.render.page.markup import Html, el, spread, tag
from perftracker_ai.render.page.narrative import narrative
from perftracker_ai.report.view import view

if TYPE_CHECKING:
    from perftracker_ai.model import Analysis, Narration
    from perftracker_ai.report.view import View

_NAVIGATION = (
    ("issues", "Issues"),
    ("actions", "Next steps"),
    ("improvements", "Improvements"),
    ("trends", "Trends"),
    ("coverage", "Coverage"),
    ("curves", "All curves"),
    ("method", "Method"),
)


def html_report(
    analysis: Analysis,
    *,
    result: bytes,
    scripts: bool,
    narration: Narration | None = None,
) -> str:
    """Return the whole page.

    Parameters
    ----------
    analysis : Analysis
    result : bytes
        The results file, which the page offers as a download.
    scripts : bool
        Whether the table of all curves gets its sorting and filtering. False for a copy to be served from somebody
        else's origin: it holds no script at all.
    narration : Narration, optional
        What a language model wrote.

    Returns
    -------
    str
        HTML with its own character set and policy, to be encoded as UTF-8.
    """
    shown = view(analysis, narration)
    style = asset("page.css")
    script = asset("page.js") if scripts else ""
    told = (
        el("a", "Skip to the issues", href="#issues", class_="skip"),
        _navigation(shown),
        summary.header(shown),
        *_main(shown, scripts=scripts),
    )
    origin = back.origin(shown, result, taken=sum(map(len, told)) + len(style) + len(script))
    body = spread("body", *told, origin, el("script", Html(script)) if scripts else Html(""))
    return "".join(['<!DOCTYPE html>\n<html lang="en">\n', _head(shown, style, script), "\n", *body, "\n</html>\n"])


@cache
def asset(name: str) -> str:
    """Return the style or the script, as it lies in the package."""
    content = pkgutil.get_data("perftracker_ai.render", f"assets/{name}")
    assert content is not None  # part of the package
    return content.decode()


def _head(shown: View, style: str, script: str) -> Html:
    """Return the head: character set first, for the page may be served without one, then the policy."""
    return el(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        el("title", summary.title(shown)),
        tag("link", rel="icon", href="data:,"),
        el("style", Html(style)),
    )


def _policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy: nothing loads, and only what this file holds is applied or run."""
    scripts = f"script-src {_hash(script)}; " if script else ""
    return f"default-src 'none'; {scripts}style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def _navigation(shown: View) -> Html:
    kept = [one for one in _NAVIGATION if one[0] != "trends" or shown.analysis.chronicle]
    links = [el("li", el("a", text, href=f"#{name}")) for name, text in kept]
    return el("nav", el("ul", *links), aria_label="Sections")


def _main(shown: View, *, scripts: bool) -> list[Html]:
    shared, placed = shared_path(shown), panels.sparks(shown, shown.analysis.criteria.moderate)
    sections = [
        *narrative(shown),
        issues.glance(shown, placed, shared),
        back.actions(replace(shown, narration=None)),  # a model's are told above, figure by figure
        summary.certainty(shown),
        issues.details(shown, shared),
        *accepted.accepted_regressions(shown),
        issues.improvements(shown, placed, shared),
        *past.trends(shown, shared),
        back.coverage(shown),
        curves.all_curves(shown, placed, shared, scripts=scripts),
        back.method(shown),
    ]
    lines = [piece for section in sections for piece in (Html("\n"), section)]
    return spread("main", *lines[1:])


def shared_path(shown: View) -> str:
    """Return the leading parts that all paths share, to be shown paler: what tells them apart comes behind."""
    paths = [finding.curve.path.split("/")[:-1] for finding in shown.by_curve.values() if finding.curve.path]
    parts = [part[0] for part in takewhile(lambda part: len(set(part)) == 1, zip(*paths, strict=False))]
    return "/".join(parts) + "/" if len(parts) > 1 else ""
