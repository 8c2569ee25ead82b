"""Channels: a message goes out by e-mail, to Slack, to Teams, and by whatever else Apprise speaks.

In go a `Channel` and a message in both forms; a channel that does not take it ends in one `NotifyError`. An Apprise
address holds tokens and passwords, and Apprise's own log lines may quote them: neither is ever shown, only the
channel's name and the kind of service.
"""

from __future__ import annotations

import re
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

from perftracker_ai.errors import NotifyError, UsageError
from perftracker_ai.model import Verdict

if TYPE_CHECKING:
    from apprise import Apprise

    from perftracker_ai.settings import Channel

_STATUS = re.compile(r"error=(\d{3})\b")
_MOOD = {Verdict.BLOCK: "failure", Verdict.APPROVE: "success", Verdict.APPROVE_WITH_MONITORING: "info"}


def require_apprise() -> None:
    """Find out before the work whether messages can be sent at all.

    Raises
    ------
    UsageError
        When Apprise is not installed.
    """
    if find_spec("apprise") is None:
        raise UsageError("Messages need Apprise, which is not installed; install perftracker-ai[notify].")


def label(channel: Channel) -> str:
    """Return what a channel may be called: its name, and the beginning of its address, which holds no secret."""
    scheme, mark, _ = channel.url.partition("://")
    known = mark and re.fullmatch(r"[A-Za-z0-9.+-]{1,20}", scheme)
    return f"{channel.name} ({scheme.lower()})" if known else channel.name


def check(channel: Channel) -> str:
    """Find out, sending nothing, whether a channel's address is one, and name its service.

    Raises
    ------
    NotifyError
        When it is not.
    """
    return str(next(iter(_opened(channel))).service_name)


def send(channel: Channel, verdict: Verdict, title: str, markdown: str, plain: str) -> None:
    """Send a message by a channel, in Markdown where the service shows it, as plain text elsewhere.

    Raises
    ------
    NotifyError
        When the channel has no usable address or does not take the message.
    """
    service = _opened(channel)
    text = all(one.resolve_format().value == "text" for one in service)
    body, form = (plain, "text") if text else (markdown, "markdown")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of verify=no, which whoever wrote the address chose
        result = service.notify(title=title, body=body, body_format=form, notify_type=_MOOD.get(verdict, "warning"))
    if not result:
        why = _problem([entry.message for entry in result.logs()])
        raise _untold(channel, why, "check its address and the network")


def _opened(channel: Channel) -> Apprise:
    """Make Apprise ready to send by one channel."""
    if not channel.url:
        raise _no_address(channel)
    with warnings.catch_warnings():
        # It imports its hundred services to find one, and what these are warned of is nobody's concern here.
        warnings.simplefilter("ignore")
        from apprise import Apprise, AppriseAsset

        # No pictures: their addresses would have readers' programs ask another server whenever a message is opened.
        asset = AppriseAsset(
            app_id="PerfTracker AI", app_desc="PerfTracker AI", app_url="", image_url_mask="", image_url_logo=""
        )
        service = Apprise(asset=asset)
        taken = service.add(channel.url)
    if not taken or len(service) != 1:
        raise _untold(channel, "Apprise cannot read its address", "write it as Apprise documents it")
    return service


def _no_address(channel: Channel) -> NotifyError:
    if channel.url_env:
        why = f"the environment variable {channel.url_env} that holds its address is not set"
        return _untold(channel, why, "set it")
    return _untold(channel, "it has no address", "give it url or url_env in the settings file")


def _untold(channel: Channel, why: str, cure: str) -> NotifyError:
    return NotifyError(f"The channel {label(channel)} got no message, for {why}; {cure}.")


def _problem(told: list[str]) -> str:
    """Say what went wrong as far as that can be said without quoting an address."""
    status = next((found[1] for found in map(_STATUS.search, told) if found), "")
    if status:
        return f"the service answered {status}"
    reached = not any("connection error" in line.lower() for line in told)
    return "the service did not take the message" if reached else "the service cannot be reached"
