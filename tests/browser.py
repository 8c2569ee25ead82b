"""A headless Chromium for tests, driven through its own pipe: what a page does, says and asks for.

``open_browser()`` starts it; a `Page` holds every request the page made and everything it complained of. Where no
Chromium is installed, `CHROMIUM` is empty and tests that need one skip.
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import tempfile
import time

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # containers have no user namespaces; only our own pages are opened
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)
SECONDS = 30


class Browser:
    """A running Chromium; commands go through descriptors 3 and 4, one JSON document between two noughts."""

    def __init__(self, folder):
        reads, self._send = os.pipe()
        self._receive, writes = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (reads, writes)]  # clear of 3 and 4
        quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
        wires = [(os.POSIX_SPAWN_DUP2, end, number) for end, number in zip(ends, (3, 4), strict=True)]
        arguments = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        self.pid = os.posix_spawn(CHROMIUM, arguments, os.environ, file_actions=[*quiet, *wires])
        for end in (reads, writes, *ends):
            os.close(end)
        self._left, self._number, self.listeners = b"", 0, []

    def ask(self, method, session=None, **params):
        """Send a command and return its result; events that arrive meanwhile go to the listeners."""
        self._number += 1
        number = self._number
        command = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._send, json.dumps(command).encode() + b"\0")
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            answer = self.hear(until)
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
        raise AssertionError(f"no answer to {method}")

    def hear(self, until):
        """Return the next message, handed to the listeners if it is an event."""
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._receive], [], [], max(until - time.monotonic(), 0))
            assert ready, "the browser says nothing any more"
            part = os.read(self._receive, 1 << 20)
            assert part, "the browser is gone"
            self._left += part
        message, _, self._left = self._left.partition(b"\0")
        told = json.loads(message)
        if "method" in told:
            for listener in self.listeners:
                listener(told)
        return told

    def close(self):
        with contextlib.suppress(AssertionError, OSError):
            self.ask("Browser.close")
        for end in (self._send, self._receive):
            os.close(end)
        os.waitpid(self.pid, 0)


class Page:
    """One page in the browser.

    Attributes
    ----------
    requests : list of str
        Addresses it asked for, its own first; addresses of data in it are left out.
    complaints : list of str
        Errors and warnings on the console, exceptions, dialogs.
    """

    def __init__(self, browser, address, *, width=1400, height=900, dark=False, scripts=True):
        self._browser, self.requests, self.complaints, self._loaded = browser, [], [], False
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.listeners.append(self._note)
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.go(address)

    def ask(self, method, **params):
        return self._browser.ask(method, self._session, **params)

    def go(self, address):
        """Open an address and wait until it is there."""
        self._loaded = False
        self.ask("Page.navigate", url=address)
        until = time.monotonic() + SECONDS
        while not self._loaded:
            self._browser.hear(until)

    def resize(self, width, height=900):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def evaluate(self, expression):
        """Return what a JavaScript expression gives, a promise's value included."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def press(self, key):
        """Press a key that has a name, or a letter."""
        codes = {"Tab": 9, "Enter": 13}
        fields = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0]))}
        fields |= {"text": "\r"} if key == "Enter" else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **fields)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **fields)

    def picture(self, left=0, top=0, width=1400, height=900):
        """Return a part of the page as PNG, whatever the window's size."""
        clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
        answer = self.ask("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def _note(self, event):
        if event.get("sessionId") != self._session:
            return
        params = event["params"]
        match event["method"]:
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith("data:"):
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(params["exceptionDetails"]["text"])
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
                self.complaints.append(str(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in {"error", "warning"}:
                self.complaints.append(params["entry"]["text"])
            case "Page.javascriptDialogOpening":
                self.complaints.append(params["message"])
                self.ask("Page.handleJavaScriptDialog", accept=False)


@contextlib.contextmanager
def open_browser():
    """Start a browser with a profile of its own, and end it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(folder)
        try:
            yield browser
        finally:
            browser.close()
