"""`messenger`: who is told of a run, who is spared, and what is remembered of it."""

import itertools

import pytest
from analyses import Plan, analysis, decision, regressed, typical
from receivers import WebHook

from perftracker_ai.commands.notify import MEMORY, State, prepare, recall, state_of, tell_channels, wants
from perftracker_ai.errors import UsageError
from perftracker_ai.model import Notice, NotTold, Severity, Verdict
from perftracker_ai.render.message import Message
from perftracker_ai.settings import Channel, Settings

TEXT = Message(title="LAB: BLOCK", markdown="**BLOCK**", plain="BLOCK")
FINE = State(verdict=Verdict.APPROVE, severity=None)
SLOWER = State(verdict=Verdict.INVESTIGATE, severity=Severity.SEVERE)
BLOCKED = State(verdict=Verdict.BLOCK, severity=Severity.CRITICAL)


class Ear:
    def __init__(self):
        self.notices = []

    def __call__(self, event):
        self.notices += [event] if isinstance(event, Notice) else []


def channel(threshold="moderate", **fields):
    return Channel(**{"name": "team", "url": "json://127.0.0.1:9", "threshold": threshold} | fields)


@pytest.mark.parametrize(
    ("threshold", "told"),
    [
        ("always", (FINE, SLOWER, BLOCKED)),
        ("moderate", (SLOWER, BLOCKED)),
        ("severe", (SLOWER, BLOCKED)),
        ("critical", (BLOCKED,)),
        ("monitoring", (SLOWER, BLOCKED)),
        ("investigate", (SLOWER, BLOCKED)),
        ("block", (BLOCKED,)),
    ],
)
def test_a_threshold_lets_pass_what_reaches_it(threshold, told):
    """A channel that knows nothing yet hears of the runs that reach its threshold and of no other."""
    assert tuple(state for state in (FINE, SLOWER, BLOCKED) if wants(channel(threshold), None, state)) == told


def test_too_little_evidence_is_as_much_of_a_reason_as_investigate():
    """A run that could not be judged concerns those who want to hear of what is to be investigated."""
    unknown = State(verdict=Verdict.INSUFFICIENT_EVIDENCE, severity=None)
    assert wants(channel("investigate"), None, unknown)
    assert not wants(channel("block"), None, unknown)


def test_that_it_is_over_is_told_once():
    """A channel hears of the first run below its threshold after one above, and not of the next."""
    assert wants(channel("severe"), SLOWER, FINE)
    assert not wants(channel("severe"), FINE, FINE)


@pytest.mark.parametrize(("before", "now"), [*itertools.product((FINE, SLOWER, BLOCKED), repeat=2)])
def test_only_changes_is_silent_while_the_verdict_stays(before, now):
    """With only_changes the same verdict is no news, and another one is where it was or is of concern."""
    quiet = channel("severe", only_changes=True)
    assert wants(quiet, before, now) == (before != now)
    assert wants(channel("block", only_changes=True), before, now) == (before != now and BLOCKED in (before, now))


def test_the_state_of_a_run_is_its_verdict_and_its_worst_severity():
    """Severity counts curves and newly failing points; without any there is none."""
    assert state_of(typical()) == State(verdict=Verdict.BLOCK, severity=Severity.CRITICAL)
    assert state_of(analysis([Plan()], decision(Verdict.APPROVE))) == FINE
    minor = analysis([regressed(slowdown=0.08)], decision(Verdict.APPROVE))
    assert state_of(minor).severity is Severity.MINOR


def test_what_a_channel_was_told_is_remembered(tmp_path):
    """The second run of the same verdict is told to the channel that wants every one, and not to the other."""
    with WebHook() as hook:
        url = f"json://127.0.0.1:{hook.port}"
        channels = (channel(name="all", url=url + "/all"), channel(name="new", url=url + "/new", only_changes=True))
        first, second = (tell_channels(typical(), TEXT, channels, tmp_path, Ear()) for _ in range(2))
    assert (first.reached, first.spared) == (("all", "new"), ())
    assert (second.reached, second.spared) == (("all",), ("new",))
    assert [path for path, _ in hook.received] == ["/all", "/new", "/all"]


def test_a_channel_that_failed_is_told_at_the_next_run(tmp_path):
    """One channel's failure is a warning, keeps no other from being told, and does not count as told."""
    with WebHook(500) as broken, WebHook() as hook:
        bad = channel(name="bad", url=f"json://127.0.0.1:{broken.port}/t0ken", only_changes=True)
        good = channel(name="good", url=f"json://127.0.0.1:{hook.port}", only_changes=True)
        ear = Ear()
        told = tell_channels(typical(), TEXT, (bad, good), tmp_path, ear)
        again = tell_channels(typical(), TEXT, (bad, good), tmp_path, Ear())
    assert (told.reached, told.failed) == (("good",), ("bad",))
    assert (again.failed, again.spared) == (("bad",), ("good",))
    (notice,) = ear.notices
    assert isinstance(notice, NotTold)
    assert notice.cure == "check its address and the network"
    assert "t0ken" not in notice.problem + notice.cure


@pytest.mark.parametrize("content", [b"", b"[]", b'{"team": {"verdict": "FINE"}}', b"\xff", b'{"team": ' * 9999])
def test_a_memory_that_is_none_is_forgotten(tmp_path, content):
    """A broken file of what channels know is as none, and replaced."""
    (tmp_path / MEMORY).write_bytes(content)
    assert recall(tmp_path / MEMORY) == {}
    with WebHook() as hook:
        tell_channels(typical(), TEXT, (channel(url=f"json://127.0.0.1:{hook.port}"),), tmp_path, Ear())
    assert recall(tmp_path / MEMORY) == {"team": state_of(typical())}


def test_notifying_nobody_is_refused_before_the_work():
    """--notify without an entry is refused with where to put one; entries without --notify are none of its business."""
    with pytest.raises(UsageError, match=r"nobody to notify.*\[\[notify\]\]"):
        prepare(Settings(notify=True))
    prepare(Settings(channels=(channel(),)))
    prepare(Settings(notify=True, channels=(channel(),)))
