"""Who is told of a run: every channel whose threshold it reaches, and those it no longer concerns, once.

In: an analysis, what is to be told of it, the channels, and what each was last told of the product. Out: messages.
What a channel knows is remembered in the product's folder of reports, each channel for itself: one that could not be
reached is told at the next run. A channel that fails is a warning and nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from perftracker_ai.decoding import decoded
from perftracker_ai.errors import NotifyError, UsageError
from perftracker_ai.events import Step
from perftracker_ai.files import read_bounded, write_file
from perftracker_ai.model import CoverageKind, NotTold, Severity, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from perftracker_ai.events import Watch
    from perftracker_ai.model import Analysis
    from perftracker_ai.render.message import Message
    from perftracker_ai.settings import Channel, Settings

MEMORY = "notified.json"
"""Name of the file that remembers what channels know of a product."""

_LONGEST_MEMORY = 4 << 20
_VERDICTS = {
    Verdict.SAME_VERSION: 0,
    Verdict.APPROVE: 0,
    Verdict.APPROVE_WITH_MONITORING: 1,
    Verdict.INVESTIGATE: 2,
    Verdict.INSUFFICIENT_EVIDENCE: 2,
    Verdict.BLOCK: 3,
}
_ASKED = {"monitoring": 1, "investigate": 2, "block": 3}


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel knows of a product: the verdict, and the worst severity that counted."""

    verdict: Verdict
    severity: Severity | None


class Told(NamedTuple):
    """The channels that got the message, those that failed, and those for whom it was no news, by name."""

    reached: tuple[str, ...]
    failed: tuple[str, ...]
    spared: tuple[str, ...]


def prepare(settings: Settings) -> None:
    """Find out before the work whether anybody can be told, where somebody is to be.

    Raises
    ------
    UsageError
        When there is no channel, or nothing to send with.
    """
    if not settings.notify:
        return
    if not settings.channels:
        raise UsageError(
            "There is nobody to notify: --notify sends to the [[notify]] entries of perftracker-ai.toml",
            "add one, or leave --notify out",
        )
    from perftracker_ai.notify import require_apprise

    require_apprise()


def tell_channels(analysis: Analysis, text: Message, channels: tuple[Channel, ...], folder: Path, watch: Watch) -> Told:
    """Tell the channels of a run.

    Parameters
    ----------
    analysis : Analysis
    text : Message
        What they are told.
    channels : tuple of Channel
    folder : Path
        The product's folder of reports, where what they know is remembered.
    watch : Watch

    Raises
    ------
    OutputError
        When it cannot be remembered.
    """
    now, known = state_of(analysis), recall(folder / MEMORY)
    due = [channel for channel in channels if wants(channel, known.get(channel.name), now)]
    failed = {channel.name for channel in due if not _sent(channel, now.verdict, text, watch)}
    knowing = {channel.name: now for channel in channels if channel.name not in failed}
    write_file(folder / MEMORY, msgspec.json.format(msgspec.json.encode(known | knowing), indent=1) + b"\n")
    asked = [channel.name for channel in due]
    return Told(
        reached=tuple(name for name in asked if name not in failed),
        failed=tuple(name for name in asked if name in failed),
        spared=tuple(channel.name for channel in channels if channel.name not in asked),
    )


def _sent(channel: Channel, verdict: Verdict, text: Message, watch: Watch) -> bool:
    from perftracker_ai.notify import label, send

    watch(Step(f"Notifying {label(channel)}"))
    try:
        send(channel, verdict, text.title, text.markdown, text.plain)
    except NotifyError as error:
        watch(NotTold(problem=error.problem, cure=error.cure))
        return False
    return True


# ── who wants to know ───────────────────────────────────────────────────────────────────────────────────────────────


def state_of(analysis: Analysis) -> State:
    """Give what a channel learns of a run; accepted regressions do not count."""
    accepted = analysis.accepted_curves
    found = [result.severity for result in analysis.detection.results if result.curve not in accepted]
    found += [finding.severity for finding in analysis.coverage if finding.kind is not CoverageKind.FIXED]
    worst = max(found, key=Severity.rank, default=None)
    return State(verdict=analysis.decision.verdict, severity=worst)


def wants(channel: Channel, known: State | None, now: State) -> bool:
    """Tell whether a channel wants to hear of a run.

    It does when the run reaches its threshold, and when the one it knows did and this one does not any more. With
    ``only_changes`` the verdict has to be another one as well.
    """
    concerned = _reaches(channel, now) or (known is not None and _reaches(channel, known))
    news = known is None or known.verdict is not now.verdict
    return concerned and (news or not channel.only_changes)


def _reaches(channel: Channel, state: State) -> bool:
    if channel.threshold == "always":
        return True
    if channel.threshold in _ASKED:
        return _VERDICTS[state.verdict] >= _ASKED[channel.threshold]
    return Severity.rank(state.severity) >= Severity.rank(Severity(channel.threshold))


def recall(path: Path) -> dict[str, State]:
    """Read what channels know of a product; a file that is not what it should be remembers nothing."""
    try:
        return decoded(read_bounded(path, _LONGEST_MEMORY) or b"{}", dict[str, State])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
