"""The process that sends one message by one channel, run as a script of its own.

In: one JSON object on standard input. Out: one on standard output, which holds nothing of the channel's address.

Apprise's services are foreign code over several libraries, whose timeouts bound the silence between two reads at best.
A thread cannot be ended, a process can: whoever started this one kills it when its time is over. What it reads, what
it holds and where it is sent on to are bounded here, where changing those libraries touches nobody else.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from apprise import Apprise

_MAX_READ_BYTES = 16 << 20
_MAX_MEMORY_BYTES = 2 << 30
_STATUS = re.compile(r"error=(\d{3})\b")
_taken = {"bytes": 0}


def main() -> None:
    """Read what is to be done, do it, and write what came of it."""
    answer = os.dup(sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whatever a service prints is no answer
    warnings.simplefilter("ignore")  # such as of verify=no, which whoever wrote the address chose
    asked = json.load(sys.stdin)
    _bound(asked["within_s"])
    os.write(answer, json.dumps(_done(asked)).encode())


def _bound(within_s: float) -> None:
    """Bound time, should nobody be left to end this process, memory and what is read."""
    import signal

    if hasattr(signal, "alarm"):
        signal.alarm(int(within_s) + 2)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    socket.SocketIO.readinto = _counted(socket.SocketIO.readinto)  # type: ignore[method-assign] # the reads of all


def _counted(readinto: Any) -> Any:  # noqa: ANN401 - a method of the standard library
    def counted(stream: socket.SocketIO, buffer: Any) -> int | None:  # noqa: ANN401 - any buffer
        count = cast("int | None", readinto(stream, buffer))
        _taken["bytes"] += count or 0
        if _taken["bytes"] > _MAX_READ_BYTES:
            raise OSError("more than any service should answer")
        return count

    return counted


def _done(asked: dict[str, str]) -> dict[str, str]:
    """Return the service's name and why nothing was sent, empty where it was."""
    service = _opened(asked["url"])
    if service is None:
        return {"service": "", "unreadable": "yes", "why": ""}
    name = str(next(iter(service)).service_name)
    why = _sent(service, asked) if asked["title"] else ""
    return {"service": name, "unreadable": "", "why": why}


def _opened(url: str) -> Apprise | None:
    """Make Apprise ready to send by one channel; None where it cannot read the address."""
    from apprise import Apprise, AppriseAsset

    _stay_at_the_service()
    # No pictures: their addresses would have readers' programs ask another server whenever a message is opened.
    asset = AppriseAsset(
        app_id="PerfTracker AI", app_desc="PerfTracker AI", app_url="", image_url_mask="", image_url_logo=""
    )
    service = Apprise(asset=asset)
    return service if service.add(url) and len(service) == 1 else None


def _stay_at_the_service() -> None:
    """Follow redirects within a service's own host only: elsewhere nobody is to get message and tokens."""
    import requests

    def target(_session: object, response: Any) -> str | None:  # noqa: ANN401 - a response of the library
        there = response.headers.get("location", "") if response.is_redirect else ""
        here = urlsplit(response.url)
        found = urlsplit(urljoin(response.url, there))
        return there if there and (found.scheme, found.netloc) == (here.scheme, here.netloc) else None

    requests.Session.get_redirect_target = target  # type: ignore[method-assign, assignment] # in this process only


def _sent(service: Apprise, asked: dict[str, str]) -> str:
    """Send, and say why it was not, as far as that can be said without quoting an address."""
    text = all(one.resolve_format().value == "text" for one in service)
    body, form = (asked["plain"], "text") if text else (asked["markdown"], "markdown")
    result = service.notify(title=asked["title"], body=body, body_format=form, notify_type=asked["mood"])
    if result:
        return ""
    if _taken["bytes"] > _MAX_READ_BYTES:
        return f"the service answered more than {_MAX_READ_BYTES >> 20} MiB"
    told = [entry.message for entry in result.logs()]
    status = next((found[1] for found in map(_STATUS.search, told) if found), "")
    if status:
        return f"the service answered {status}"
    reached = not any("connection error" in line.lower() for line in told)
    return "the service did not take the message" if reached else "the service cannot be reached"


if __name__ == "__main__":
    main()
