"""Pages for tests: of hand-made analyses, of the bundled jobs, and of jobs whose every text is an attack."""

from functools import cache
from pathlib import Path

from analyses import HOSTILE

from perftracker_ai.commands.analyze import judge
from perftracker_ai.files import read_document
from perftracker_ai.render.html import html_report
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import ProductSettings
from perftracker_ai.sources.document import parse_job

EXAMPLES = Path(__file__).resolve().parents[1] / "src" / "perftracker_ai" / "examples"

EVIL = (
    HOSTILE,
    "\"><img src=x onerror=alert(1)>'><svg onload=alert(1)>",
    "</style></script></title><script>alert(1)</script>",
    "javascript:alert(1)//data:text/html,<script>alert(1)</script>",
    "\x00\ud800\u202e{{7*7}}${7*7}",
)


def page(analysis, *, scripts=True, narration=None):
    shown = view(analysis, narration)
    return html_report(shown, build(shown), result=result_json(analysis), scripts=scripts)


def judged(folder, *names):
    """Compare job files: baseline, candidate, reruns."""
    jobs = [parse_job(read_document(folder / name), name) for name in names]
    return judge(jobs, ProductSettings(), seed=20260101).analysis


@cache
def examples():
    """The comparison of the bundled jobs, made once."""
    return judged(EXAMPLES, "job-91002.json.gz", "job-91012.json.gz", "job-91001.json.gz")
