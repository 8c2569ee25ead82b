"""`notify`: a message arrives in the form its place shows, and one that does not is told of without secrets."""

import ssl

import pytest
import trustme
from hang_guard import must_end
from raw_server import RawServer, once, repeat
from receivers import MailServer, WebHook

from perftracker_ai.errors import NotifyError
from perftracker_ai.model import Verdict
from perftracker_ai.notify import check, label, send
from perftracker_ai.settings import Channel

TITLE, MARKDOWN, PLAIN = "Shop 1.1: BLOCK", "**BLOCK**: `POST /orders`", "BLOCK: POST /orders"


def channel(url, **fields):
    return Channel(name="team", url=url, **fields)


def tell(url):
    send(channel(url), Verdict.BLOCK, TITLE, MARKDOWN, PLAIN)


def refusal(url, **fields):
    with pytest.raises(NotifyError) as caught:
        send(channel(url, **fields), Verdict.BLOCK, TITLE, MARKDOWN, PLAIN)
    return str(caught.value)


def test_an_e_mail_arrives_as_a_page_and_as_text():
    """A mail has the title as its subject, and the Markdown as HTML."""
    with MailServer() as server:
        tell(f"mailto://127.0.0.1:{server.port}?from=pt@shop.example&to=team@shop.example")
    (mail,) = server.received
    assert mail["Subject"] == TITLE
    assert "team@shop.example" in mail["To"]
    assert mail["From"] == "pt@shop.example"
    html = mail.get_body(("html",)).get_content()
    assert "<strong>BLOCK</strong>: <code>POST /orders</code>" in html


def test_a_web_hook_that_knows_no_markup_gets_plain_text():
    """A plain JSON hook gets the plain form and how bad it is."""
    with WebHook() as hook:
        tell(f"json://127.0.0.1:{hook.port}/shop")
    ((path, got),) = hook.received
    assert path == "/shop"
    assert (got["title"], got["message"], got["type"]) == (TITLE, PLAIN, "failure")


def test_a_slack_compatible_hook_gets_its_text():
    """An incoming hook as Slack and Mattermost have it gets title and text in one."""
    with WebHook() as hook:
        tell(f"mmost://127.0.0.1:{hook.port}/abcdefghijklmnopqrstuvwxyz?format=markdown")
    ((_, got),) = hook.received
    assert TITLE in got["text"]
    assert MARKDOWN in got["text"]
    assert "icon_url" not in got


def test_teams_workflows_accepts_and_that_is_enough():
    """A Teams workflow's answer 202 counts as sent; the card holds title and Markdown, and no picture."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with WebHook(202, context) as hook:
        tell(f"workflows://127.0.0.1:{hook.port}/flow/signature?verify=no")
    ((_, got),) = hook.received
    blocks = got["attachments"][0]["content"]["body"]
    assert [block.get("text") for block in blocks] == [TITLE, MARKDOWN]


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_hook_that_refuses_is_named_with_its_status(status):
    """What the service answered is said, the address is not."""
    with WebHook(status) as hook:
        said = refusal(f"json://user:s3cret@127.0.0.1:{hook.port}/t0ken")
    assert said.startswith(f"The channel team (json) got no message, for the service answered {status};")
    assert "s3cret" not in said
    assert "t0ken" not in said


@pytest.mark.parametrize("scheme", ["json", "mailto"])
def test_a_service_that_is_not_there_is_said_to_be_out_of_reach(scheme):
    """Nobody listening is one sentence with a next step, for mail and hooks alike."""
    with WebHook() as hook:
        port = hook.port
    said = refusal(f"{scheme}://user:s3cret@127.0.0.1:{port}?from=a@b.example&to=a@b.example")
    assert "the service cannot be reached; check its address and the network." in said
    assert "s3cret" not in said


@pytest.mark.parametrize("url", ["nonsense://t0ken", "t0ken", "slack://t0ken", "json://", "://t0ken", "a b://t0ken"])
def test_an_address_apprise_cannot_read_is_not_quoted(url, capfd):
    """A mistyped address is told by the channel's name, and neither message nor stream quotes it."""
    said = refusal(url)
    assert "Apprise cannot read its address; write it as Apprise documents it." in said
    assert "t0ken" not in said + "".join(capfd.readouterr())


def test_an_address_that_is_not_in_the_environment_names_the_variable():
    """A variable that is not set is named, so that it can be set."""
    assert "the environment variable TEAM_HOOK that holds its address is not set; set it." in refusal(
        "", url_env="TEAM_HOOK"
    )


def test_check_names_the_service_and_sends_nothing():
    """Looking at a channel names what it is; nobody gets anything."""
    with WebHook() as hook:
        assert check(channel(f"json://127.0.0.1:{hook.port}")) == "JSON"
    assert hook.received == []


def test_a_channel_never_shows_its_address():
    """Neither the text form of a channel nor what it is called holds more than the beginning of the address."""
    one = channel("slack://T0KEN/S3CRET")
    assert label(one) == "team (slack)"
    assert "T0KEN" not in repr(one) + str(one) + f"{one!r}"


# ── services that never end ─────────────────────────────────────────────────────────────────────────────────────────

OK = b"HTTP/1.1 200 OK\r\n"
NEVER_DONE = {
    "hook drips its head": ("json", repeat(OK + b"X: ", b"x"), False),
    "hook drips its body": ("json", repeat(OK + b"Content-Length: 100000\r\n\r\n", b"x"), False),
    "hook sends 1xx for ever": ("json", repeat(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.01), False),
    "hook says nothing": ("json", once(b"", then_wait=True), False),
    "mail server drips its banner": ("mailto", repeat(b"220-", b"x"), True),
    "mail server greets for ever": ("mailto", repeat(b"", b"220-wait\r\n", 0.01), True),
}


@pytest.mark.parametrize(("scheme", "act", "greets"), NEVER_DONE.values(), ids=NEVER_DONE)
def test_no_channel_is_waited_for_without_end(scheme, act, greets):
    """A service that drips or never ends is given up when its time is over, in one sentence."""
    with RawServer(act, greets=greets) as server:
        one = channel(f"{scheme}://user:s3cret@127.0.0.1:{server.port}?from=a@b.example&to=a@b.example")
        with must_end(), pytest.raises(NotifyError) as error:
            send(one, Verdict.BLOCK, TITLE, MARKDOWN, PLAIN, within_s=4.0)
    assert "s3cret" not in str(error.value)
    assert str(error.value).startswith("The channel team (")


def test_an_answer_of_gigabytes_is_not_read():
    """A service that answers without end as fast as it can costs neither memory nor time."""
    with RawServer(repeat(OK + b"Content-Length: 2000000000\r\n\r\n", bytes(1 << 20), 0)) as server:
        said = refusal(f"json://127.0.0.1:{server.port}")
    assert "more than 16 MiB" in said


@pytest.mark.parametrize("status", [b"302 Found", b"307 Temporary Redirect", b"308 Permanent Redirect"])
def test_a_message_is_not_sent_on_to_another_host(status):
    """A redirect to another server is not followed, whatever the address says of redirects."""
    with WebHook() as other:
        there = b"\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % other.port
        with RawServer(once(b"HTTP/1.1 " + status + there)) as server:
            assert f"the service answered {status[:3].decode()}" in refusal(
                f"json://127.0.0.1:{server.port}?redirect=yes"
            )
    assert other.received == []
