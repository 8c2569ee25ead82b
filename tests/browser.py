"""A headless Chromium for tests, driven by Playwright: what a page does, says and asks for.

The fixture ``chromium`` gives one browser to all tests of a process; ``chromium.open(address)`` opens an address as
somebody who was never there. Where no Chromium is installed, `CHROMIUM` is empty and tests that need one skip.
"""

import asyncio
import contextlib
import inspect
import json
import shutil
import threading
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
AXE = Path(__file__).resolve().parents[1] / ".venv" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--no-sandbox",  # containers have no user namespaces; only our own pages are opened
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
SECONDS = 60
COLOURS = "color-contrast"
"""The rule of axe-core that what is day or night can break by itself."""
_FOUND = "axe.run({}).then(r => r.violations.map(v => [v.impact, v.id, v.nodes[0].html]))"


class Browser:
    """A running Chromium, in a thread: Playwright's other form makes `asyncio.run` impossible for every later test.

    A page that a test is done with is taken by the next one, without its cookies: a new one costs over a second.
    """

    def __init__(self, loop):
        self._loop, self._free, self._used = loop, [], []

    def wait(self, coroutine):
        """Return what a coroutine gives, run where Playwright lives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SECONDS)

    def open(self, address, *, width=1400, height=900, dark=False, scripts=True):
        """Open an address, and return its page once it is loaded."""
        fit = [page for page in self._free if page.scripts is scripts]
        page = fit[0] if fit else Page(self, scripts)
        self._free = [one for one in self._free if one is not page]
        self._used.append(page)
        page.resize(width, height)
        page.emulate_media(media="null", reduced_motion="reduce", color_scheme="dark" if dark else "light")
        page.requests, page.complaints = [], []
        page.goto(address)
        return page

    def forget(self):
        """Take the pages that are open back."""
        while self._used:
            page = self._used.pop()
            page.goto("about:blank")
            page.context.clear_cookies()
            page.set_extra_http_headers({})
            self._free.append(page)

    async def start(self):
        from playwright.async_api import async_playwright

        self._playwright = await async_playwright().start()
        self._chromium = await self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

    async def stop(self):
        await self._chromium.close()
        await self._playwright.stop()

    async def page(self, **options):
        """Return a new page that shares nothing with any other."""
        return await (await self._chromium.new_context(**options)).new_page()


class Waiting:
    """Something of Playwright's, each of whose methods waits for what it does."""

    def __init__(self, browser, inner):
        self._browser, self._inner = browser, inner

    def __getattr__(self, name):
        if name.startswith("_"):  # Playwright looks for marks of its own on those it calls back
            raise AttributeError(name)
        found = getattr(self._inner, name)
        if not callable(found):
            return found
        return lambda *given, **named: self._browser.wait(_done(found, given, named))


async def _done(method, given, named):
    result = method(*given, **named)
    return await result if inspect.isawaitable(result) else result


class Page(Waiting):
    """One page in the browser; it can do what Playwright's page can, such as ``click`` and ``fill``.

    Attributes
    ----------
    scripts : bool
        Whether its scripts run.
    requests : list of str
        Addresses it asked for, its own first; addresses of data in it are left out.
    complaints : list of str
        Errors and warnings on the console, exceptions, dialogs.
    """

    def __init__(self, browser, scripts):
        super().__init__(browser, browser.wait(browser.page(java_script_enabled=scripts)))
        self.scripts, self.requests, self.complaints = scripts, [], []
        self.context = Waiting(browser, self._inner.context)
        browser.wait(self._listen())

    async def _listen(self):
        """Hear what the page does; in the browser's thread, as all that speaks to it."""
        self._inner.set_default_timeout(1000 * SECONDS / 2)  # what a page does not do is told before the test is ended
        self._inner.on("request", self._requested)
        self._inner.on("console", self._said)
        self._inner.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._inner.on("dialog", self._dialog)

    def resize(self, width, height=900):
        self.set_viewport_size({"width": width, "height": height})

    def press(self, *keys):
        """Press keys, one after the other, on what has the focus."""
        for key in keys:
            self._browser.wait(self._inner.keyboard.press(key))

    def enter(self):
        """Press Enter on what has the focus, and wait for the page that it leads to."""

        async def pressed():
            async with self._inner.expect_navigation():
                await self._inner.keyboard.press("Enter")

        self._browser.wait(pressed())

    def write(self, text):
        """Type a text into what has the focus."""
        self._browser.wait(self._inner.keyboard.type(text))

    def point(self, left, top):
        """Move the pointer."""
        self._browser.wait(self._inner.mouse.move(left, top))

    def flaws(self, *rules):
        """Return what axe-core finds serious or critical, by all of its rules or by these alone."""
        if not self.evaluate("'axe' in window"):
            self.evaluate(AXE.read_text(encoding="utf-8") + ";0")
        asked = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
        found = self.evaluate(_FOUND.format(json.dumps(asked)))
        return [flaw for flaw in found if flaw[0] in {"serious", "critical"}]

    def _requested(self, request):
        if not request.url.startswith("data:"):
            self.requests.append(request.url)

    def _said(self, message):
        if message.type in {"error", "warning", "assert"}:
            self.complaints.append(message.text)

    async def _dialog(self, dialog):
        self.complaints.append(dialog.message)
        await dialog.dismiss()


@contextlib.contextmanager
def open_browser():
    """Start a browser with a profile of its own, and end it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    browser = Browser(loop)
    try:
        browser.wait(browser.start())
        yield browser
        browser.wait(browser.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()
