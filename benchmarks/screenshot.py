"""Take the README's picture: the top of the report on the bundled jobs, in headless Chromium.

``python benchmarks/screenshot.py docs/report.png`` writes it anew; needs Chromium or Chrome on the path.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from perftracker_ai.commands.analyze import judge
from perftracker_ai.files import read_document
from perftracker_ai.render.html import html_report
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import ProductSettings
from perftracker_ai.sources.document import parse_job

EXAMPLES = Path(__file__).resolve().parents[1] / "src" / "perftracker_ai" / "examples"
JOBS = ("job-91002.json.gz", "job-91012.json.gz", "job-91001.json.gz")  # baseline, candidate, rerun
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1200, 1160


def main(arguments: list[str]) -> int:
    """Write the picture to the path given."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or len(arguments) != 1:
        print(f"usage: screenshot.py OUT.png, with one of {', '.join(BROWSERS)} on the path", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Path(folder) / "report.html"
        page.write_text(report(), encoding="utf-8")
        flags = (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
        )
        picture = f"--screenshot={Path(arguments[0]).resolve()}"
        command = [browser, *flags, f"--window-size={WIDTH},{HEIGHT}", picture, page.as_uri()]
        subprocess.run(command, check=True, capture_output=True)
    return 0


def report() -> str:
    """Return the page on the bundled jobs."""
    settings = ProductSettings()
    jobs = [parse_job(read_document(EXAMPLES / name), name) for name in JOBS]
    analysis = judge(jobs, settings, seed=20260101).analysis
    shown = view(analysis)
    return html_report(shown, build(shown), result=result_json(analysis), scripts=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
