"""Channels: a message goes out by e-mail, to Slack, to Teams, and by whatever else Apprise speaks.

In go a `Channel` and a message in both forms; a channel that does not take it ends in one `NotifyError`. An Apprise
address holds tokens and passwords, and Apprise's own log lines may quote them: neither is ever shown, only the
channel's name and the kind of service. Each channel has a process of its own, see `child`, and a minute.
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.decoding import decoded
from perftracker_ai.errors import NotifyError, UsageError
from perftracker_ai.model import Verdict

if TYPE_CHECKING:
    from perftracker_ai.settings import Channel

_WITHIN_S = 60.0
_MOOD = {Verdict.BLOCK: "failure", Verdict.APPROVE: "success", Verdict.APPROVE_WITH_MONITORING: "info"}


def require_apprise() -> None:
    """Find out before the work whether messages can be sent at all.

    Raises
    ------
    UsageError
        When Apprise is not installed.
    """
    if find_spec("apprise") is None:
        raise UsageError("Messages need Apprise, which is not installed", "install perftracker-ai[notify]")


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
    return _asked(channel, {"title": ""}, _WITHIN_S)["service"]


def send(
    channel: Channel, verdict: Verdict, title: str, markdown: str, plain: str, *, within_s: float = _WITHIN_S
) -> None:
    """Send a message by a channel, in Markdown where the service shows it, as plain text elsewhere.

    Parameters
    ----------
    within_s : float
        After which the channel is given up.

    Raises
    ------
    NotifyError
        When the channel has no usable address or does not take the message, or not in time.
    """
    message = {"title": title, "markdown": markdown, "plain": plain, "mood": _MOOD.get(verdict, "warning")}
    why = _asked(channel, message, within_s)["why"]
    if why:
        raise _untold(channel, why, "check its address and the network")


def _asked(channel: Channel, message: dict[str, str], within_s: float) -> dict[str, str]:
    """Have a process of its own do it, and end that when its time is over."""
    if not channel.url:
        raise _no_address(channel)
    asked = msgspec.json.encode({"url": channel.url, "within_s": within_s, **message})
    program = [sys.executable, "-P", str(Path(__file__).with_name("child.py"))]
    with Popen(  # noqa: S603 - a program of ours, and nothing of it is the user's
        program, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
    ) as child:
        try:
            said, _ = child.communicate(asked, timeout=within_s)
        except TimeoutExpired as error:
            why = f"the service was not done within {within_s:g} s"
            raise _untold(channel, why, "check its address and the network") from error
        finally:
            child.kill()
    try:
        done = decoded(said, dict[str, str])
    except msgspec.MsgspecError as error:
        why = "the service answered more than fits into memory, or what sends to it broke"
        raise _untold(channel, why, "check its address") from error
    if done["unreadable"]:
        raise _untold(channel, "Apprise cannot read its address", "write it as Apprise documents it")
    return done


def _no_address(channel: Channel) -> NotifyError:
    if channel.url_env:
        why = f"the environment variable {channel.url_env} that holds its address is not set"
        return _untold(channel, why, "set it")
    return _untold(channel, "it has no address", "give it url or url_env in the settings file")


def _untold(channel: Channel, why: str, cure: str) -> NotifyError:
    return NotifyError(f"The channel {label(channel)} got no message, for {why}", cure)
