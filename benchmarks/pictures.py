"""Take README's pictures in headless Chromium: `make pictures`, or `python benchmarks/pictures.py [FOLDER]`.

The top of the report on the bundled jobs, and the dashboard of `serve --demo`, by day and by night. They are written
into ``docs/pictures``; needs Chromium on the path.
"""

from __future__ import annotations

import base64
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import sync_playwright

from perftracker_ai.commands.analyze import judge
from perftracker_ai.files import read_document
from perftracker_ai.render.html import html_report
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import ProductSettings
from perftracker_ai.sources.document import parse_job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "src" / "perftracker_ai" / "examples"
JOBS = ("job-91002.json.gz", "job-91012.json.gz", "job-91001.json.gz")  # baseline, candidate, rerun
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, QUALITY, LARGEST = 1200, 82, 150_000


class Picture(NamedTuple):
    """A picture to take; no higher than told, and than the page."""

    name: str
    path: str
    height: int
    dark: bool


REPORT = Picture("report", "", 1160, dark=False)
SHOWN = [
    Picture(f"{name}{'-dark' * dark}", path, height, dark=dark)
    for name, path, height in (
        ("dashboard-products", "/", 600),
        ("dashboard-product", "/p/Shop", 1100),
        ("dashboard-endpoint", "/p/Shop/e/PUT/v2/orders/{id}", 1100),
    )
    for dark in (False, True)
]


def main(arguments: list[str]) -> int:
    """Take all pictures."""
    folder = Path(arguments[0]) if arguments else ROOT / "docs" / "pictures"
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print(f"needs one of {', '.join(BROWSERS)} on the path", file=sys.stderr)
        return 2
    with TemporaryDirectory() as own, demo() as address, sync_playwright() as playwright:
        page = Path(own) / "report.html"
        page.write_text(report(), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        sizes = [take(browser, page.as_uri(), REPORT, folder)]
        sizes += [take(browser, address + one.path, one, folder) for one in SHOWN]
        browser.close()
    return 0 if max(sizes) <= LARGEST else 1


def take(browser: Browser, address: str, picture: Picture, folder: Path) -> int:
    """Write a picture as WebP, and return its bytes."""
    size = {"width": WIDTH, "height": picture.height}
    page = browser.new_page(viewport=size, color_scheme="dark" if picture.dark else "light")
    page.goto(address)
    height = min(page.evaluate("document.body.getBoundingClientRect().height"), picture.height)
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1}
    asked = {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": True}
    taken = base64.b64decode(page.context.new_cdp_session(page).send("Page.captureScreenshot", asked)["data"])
    page.close()
    (folder / f"{picture.name}.webp").write_bytes(taken)
    print(f"{picture.name}.webp: {len(taken) / 1000:.0f} kB")
    return len(taken)


@contextmanager
def demo() -> Iterator[str]:
    """Serve the demo's nights, and give the address."""
    command = [sys.executable, "-m", "perftracker_ai", "serve", "--demo", "--listen", "127.0.0.1:0", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        try:
            yield served.stdout.readline().partition(" ")[0].rstrip("/")
        finally:
            served.send_signal(signal.SIGINT)


def report() -> str:
    """Return the page on the bundled jobs."""
    jobs = [parse_job(read_document(EXAMPLES / name), name) for name in JOBS]
    analysis = judge(jobs, ProductSettings(), seed=20260101).analysis
    shown = view(analysis)
    return html_report(shown, build(shown), result=result_json(analysis), scripts=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
