"""Who may see the dashboard and write there: whatever a request claims, nobody is taken for somebody else."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from dashboards import ask, board, fill, send, serving
from msgspec.structs import replace

from perftracker_ai.cli import main
from perftracker_ai.commands.access import Options, access_of, hosts_of
from perftracker_ai.commands.serve import listening
from perftracker_ai.dashboard.access import (
    COOKIE,
    SESSION_S,
    Asking,
    Keys,
    Throttle,
    cookies,
    is_same_origin,
    is_trusted,
)
from perftracker_ai.errors import UsageError
from perftracker_ai.settings import DashboardSettings
from perftracker_ai.store import open_store

TOKEN = "correct horse battery staple"  # a made-up one
LISTS = DashboardSettings(triagers=("ann",), viewers=("vic",))
NOBODY = Options(
    listen="127.0.0.1:0",
    write_as="",
    token_env="",
    token="",
    user_header="",
    proxies=(),
    hosts=(),
    prefix="",
    accept_into="",
)
BY_TOKEN = replace(NOBODY, token_env="T", token=TOKEN)
BY_HEADER = replace(NOBODY, user_header="X-Remote-User", proxies=("10.0.0.0/24",))


@pytest.fixture
def login(tmp_path):
    with board(tmp_path, fill, access=access_of(BY_TOKEN, LISTS)) as app:
        yield app


@pytest.fixture
def proxied(tmp_path):
    with board(tmp_path, fill, access=access_of(BY_HEADER, LISTS)) as app:
        yield app


def cookie_of(answer):
    return answer.headers["set-cookie"].partition(";")[0]


def logged_in(app, name="ann", **more):
    answer = send(app, "/login", {"token": TOKEN, "name": name, **more})
    assert answer.status == 303, answer.text
    return [(b"cookie", cookie_of(answer).encode())]


# ── by a login ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/", "/issues?state=all", "/p/Shop", "/c/0..1", "/badge/Shop.svg", "/nowhere"])
def test_without_a_login_nothing_is_told(login, path):
    """Whoever has not logged in is led to the login, from there to the page that was asked for, and learns nothing."""
    answer = ask(login, path)
    assert (answer.status, answer.body) == (303, b"")
    assert answer.headers["location"].startswith("/login?next=%2F")
    assert ask(login, f"/api/v1{path}").status == 401
    assert "Shop" not in ask(login, "/login").text.replace("next", "")


def test_a_login_leads_back_and_holds(login):
    """The token and a name of the lists give a cookie that no script reads and no other site sends with a form."""
    answer = send(login, "/login", {"token": TOKEN, "name": "ann", "next": "/issues?state=all"})
    assert (answer.status, answer.headers["location"]) == (303, "/issues?state=all")
    told = answer.headers["set-cookie"].split("; ")
    assert told[1:] == ["Path=/", f"Max-Age={SESSION_S}", "HttpOnly", "SameSite=Lax"]
    assert TOKEN not in answer.headers["set-cookie"]
    assert ask(login, "/issues", headers=[(b"cookie", told[0].encode())]).status == 200
    out = send(login, "/logout", {}, headers={"cookie": told[0]})
    assert (out.status, "Max-Age=0" in out.headers["set-cookie"]) == (303, True)


def test_a_login_outlives_a_restart_and_not_another_token(login, tmp_path):
    """A dashboard started anew knows its logins as long as its token is the same."""
    cookie = logged_in(login)
    for token, status in ((TOKEN, 200), (TOKEN + "!", 303)):
        with board(tmp_path, access=access_of(replace(BY_TOKEN, token=token), LISTS)) as app:
            assert ask(app, "/", headers=cookie).status == status


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example/", "evil", "", "/\n/evil", "/é", "javascript:0"],
)
def test_a_login_leads_nowhere_else(login, target):
    """Whatever a link to the login says, one is led to a page of the dashboard."""
    answer = send(login, "/login", {"token": TOKEN, "name": "ann", "next": target})
    assert answer.headers["location"] == "/"
    assert "evil" not in ask(login, "/login?next=//evil.example").text


@pytest.mark.parametrize(
    ("name", "status"), [("ann", 303), ("vic", 303), ("eve", 403), ("", 403), ("ann\0", 400), ("a" * 101, 400)]
)
def test_only_names_of_the_lists_log_in(login, name, status):
    """A name of neither list is no name, whatever token comes with it; one is needed where viewers are listed."""
    assert send(login, "/login", {"token": TOKEN, "name": name}).status == status


def test_without_a_list_of_viewers_a_token_is_enough_to_read(tmp_path):
    """Where no viewers are listed the token alone lets one read, and a name of another's making is refused."""
    with board(tmp_path, fill, access=access_of(BY_TOKEN, replace(LISTS, viewers=()))) as app:
        assert ask(app, "/", headers=logged_in(app, "")).status == 200
        assert send(app, "/login", {"token": TOKEN, "name": "eve"}).status == 403


@pytest.mark.parametrize("given", ["", "correct", TOKEN.upper(), TOKEN + " ", "é" * 9999])
def test_a_wrong_token_is_refused_and_not_repeated(login, given):
    """Any other token gives no cookie, and is written nowhere."""
    answer = send(login, "/login", {"token": given, "name": "ann"})
    assert answer.status == 403
    assert "set-cookie" not in answer.headers
    assert not given or given not in answer.text


def test_tokens_cannot_be_tried_out(tmp_path):
    """Each wrong token beyond the fifth costs more time, up to a minute, from where it came and from nowhere else."""
    now = [0.0]
    access = access_of(BY_TOKEN, LISTS)
    access.login._clock = lambda: now[0]
    with board(tmp_path, access=access) as app:
        tried = 0
        while now[0] < 3600:
            answer = send(app, "/login", {"token": f"guess {now[0]}", "name": "ann"}, client=("192.0.2.1", 1))
            tried += answer.status == 403
            now[0] += float(answer.headers.get("retry-after", 0)) or 0.01
        assert tried < 75
        assert send(app, "/login", {"token": TOKEN, "name": "ann"}, client=("192.0.2.1", 1)).status in {303, 429}
        assert send(app, "/login", {"token": TOKEN, "name": "ann"}, client=("192.0.2.2", 1)).status == 303


def test_one_machine_is_one_however_many_addresses_it_has():
    """Wrong tokens from one network of IPv6 count together, and what is remembered of all is bounded."""
    throttle = Throttle()
    for number in range(6):
        throttle.failed(f"2001:db8::{number}", 0.0)
    assert throttle.wait_s("2001:db8::ffff", 0.0) > 0
    assert throttle.wait_s("2001:db8:0:1::1", 0.0) == 0
    for number in range(3000):
        throttle.failed(f"198.51.{number // 250}.{number % 250}", 0.0)
    assert len(throttle._failed) == 1000


@pytest.mark.parametrize(
    "break_it", [str.upper, lambda text: text[:-1], lambda text: "x" + text, lambda text: text + "."]
)
def test_a_cookie_that_was_altered_is_none(login, break_it):
    """A cookie counts as it was made and in no other form, and another of the same name does not hide it."""
    ((_, cookie),) = logged_in(login)
    value = cookie.decode().partition("=")[2]
    assert ask(login, "/", headers=[(b"cookie", f"{COOKIE}={break_it(value)}".encode())]).status == 303
    assert ask(login, "/", headers=[(b"cookie", f"{COOKIE}=x; a=b; {COOKIE}={value}".encode())]).status == 200


def test_a_cookie_ends():
    """A login holds for a week; one from the future is none."""
    keys = Keys(b"k")
    cookie = keys.cookie("ann", 1000.0)
    assert [keys.name_in(cookie, now) for now in (1000.0, 999.0 + SESSION_S, 1000.0 + SESSION_S, 999.0)] == [
        "ann",
        "ann",
        None,
        None,
    ]
    assert Keys(b"l").name_in(cookie, 1000.0) is None
    assert keys.form("ann") not in {keys.form("vic"), Keys(b"l").form("ann")}


@pytest.mark.parametrize(
    ("peer", "proto", "https", "secure"),
    [
        ("127.0.0.1", b"https", False, True),
        ("192.0.2.1", b"https", False, False),
        ("127.0.0.1", b"http", False, False),
        ("192.0.2.1", b"http", True, True),
    ],
)
def test_a_cookie_is_for_encrypted_connections_where_they_are(tmp_path, peer, proto, https, secure):
    """Behind a proxy that says so, or by the setting, the cookie is sent encrypted only; others are not believed."""
    with board(tmp_path, access=access_of(BY_TOKEN, replace(LISTS, https=https))) as app:
        headers = {"x-forwarded-proto": proto.decode()}
        answer = send(app, "/login", {"token": TOKEN, "name": "ann"}, headers=headers, client=(peer, 1))
    assert ("Secure" in answer.headers["set-cookie"].split("; ")) == secure


# ── by a proxy's header ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", [b"vic"], 200),
        ("::1", [b"ann"], 200),
        ("::ffff:127.0.0.1", [b"ann"], 200),
        (None, [b"ann"], 200),
        ("10.0.0.7", [b"ann"], 200),
        ("10.0.1.7", [b"ann"], 403),
        ("192.0.2.1", [b"ann"], 403),
        ("127.0.0.1", [], 403),
        ("127.0.0.1", [b""], 403),
        ("127.0.0.1", [b"eve"], 403),
        ("127.0.0.1", [b"Ann"], 403),
        ("127.0.0.1", [b"ann", b"ann"], 403),
        ("127.0.0.1", [b"ann, eve"], 403),
        ("127.0.0.1", [b"\xff" * 200], 403),
    ],
)
def test_a_header_counts_from_the_proxy_and_from_nobody_else(proxied, peer, headers, status):
    """Only this machine, its sockets and the networks that are named are believed; a header given twice is none."""
    client = (peer, 1) if peer else None
    pairs = [(b"x-remote-user", value) for value in headers]
    answer = ask(proxied, "/issues", headers=pairs, client=client)
    assert answer.status == status
    assert (status == 200) == ("orders" in answer.text)


def test_a_header_that_looks_like_it_is_another(proxied):
    """Underscores are no hyphens, and what a browser says of itself in other headers names nobody."""
    pairs = [(b"x_remote_user", b"ann"), (b"x-forwarded-user", b"ann"), (b"x-forwarded-for", b"127.0.0.1")]
    assert ask(proxied, "/", headers=pairs).status == 403


def test_the_health_of_the_service_is_told_to_everybody(login, proxied):
    """What a service manager asks for needs no name, and tells nothing."""
    for app in (login, proxied):
        assert ask(app, "/healthz").body == b'{"schema_version":1,"status":"ok"}'


# ── where forms come from ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "headers", "own"),
    [
        ("perf:8765", {"origin": "http://perf:8765", "sec-fetch-site": "same-origin"}, True),
        ("perf:8765", {"origin": "http://perf:8765"}, True),
        ("perf:8765", {}, True),
        ("perf", {"origin": "https://perf:8443"}, True),
        ("PERF:8765", {"origin": "http://perf:8765"}, True),
        ("perf:8765", {"origin": "http://perf:3000"}, False),
        ("perf:8765", {"origin": "http://perf"}, False),
        ("perf:8765", {"origin": "http://evil.example"}, False),
        ("perf:8765", {"origin": "http://perf:8765.evil.example"}, False),
        ("perf:8765", {"origin": "null"}, False),
        ("perf:8765", {"origin": ""}, False),
        ("perf:8765", {"origin": "file://perf:8765"}, False),
        ("perf:8765", {"origin": "http://perf:8765", "sec-fetch-site": "same-site"}, False),
        ("perf:8765", {"origin": "http://perf:8765", "sec-fetch-site": "cross-site"}, False),
        ("perf:8765", {"sec-fetch-site": "none"}, False),
    ],
)
def test_a_form_of_another_page_is_told_by_the_browser(host, headers, own):
    """A form counts from the host and port that were asked; where a proxy leaves the port out, from that host."""
    assert is_same_origin(Asking((("host", host), *headers.items()), "127.0.0.1")) == own


def test_an_origin_given_twice_is_none():
    """Of two origins none counts."""
    headers = (("host", "perf"), ("origin", "http://perf"), ("origin", "http://evil"))
    assert not is_same_origin(Asking(headers, ""))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"origin": "http://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({"content-length": "999999999"}, 413),
    ],
)
def test_what_is_no_form_of_ours_is_refused(login, headers, status):
    """A form of another site, in another encoding or too large is refused before it is looked at."""
    assert send(login, "/login", {"token": TOKEN, "name": "ann"}, headers=headers).status == status


def test_a_form_is_bounded(login):
    """Neither many fields nor many bytes are read."""
    assert send(login, "/login", [("a", "1")] * 2000).status == 413
    assert send(login, "/login", {"token": "x" * (1 << 19)}).status == 413


def test_a_form_that_does_not_arrive_ends(login, monkeypatch):
    """One that is sent a byte at a time is given up, and nobody waits for it meanwhile."""
    monkeypatch.setattr("perftracker_ai.dashboard.gate._FORM_S", 0.2)
    with (
        serving(login) as address,
        closing(socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))) as slow,
    ):
        slow.sendall(
            b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 100\r\n\r\ntoken="
        )
        slow.settimeout(10)
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_half_a_form_is_none(login):
    """What arrived before a connection broke is not taken for all that was said."""
    assert send(login, "/login", {"token": TOKEN, "name": "ann"}, broken=True).status == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused_here_too(login, method):
    """Where forms are taken, nothing else is."""
    assert ask(login, "/login", method=method).status == 405
    assert send(login, "/", {}, headers={"cookie": logged_in(login)[0][1].decode()}).status == 405


# ── in frames ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_whom_the_settings_name_frames_a_page(tmp_path):
    """A page may be framed where it is asked to be, by the origins of the settings; without them never."""
    lists = DashboardSettings(frame_ancestors=("https://grafana.example",))
    with board(tmp_path, fill, access=access_of(NOBODY, lists)) as app:
        framed, plain = ask(app, "/p/Shop?embed=1").headers, ask(app, "/p/Shop").headers
    assert "frame-ancestors https://grafana.example" in framed["content-security-policy"]
    assert "x-frame-options" not in framed
    assert ("frame-ancestors 'none'" in plain["content-security-policy"], plain["x-frame-options"]) == (True, "DENY")
    with board(tmp_path, access=access_of(NOBODY, DashboardSettings())) as app:
        assert "frame-ancestors 'none'" in ask(app, "/?embed=1").headers["content-security-policy"]


# ── options ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"write_as": "ann", "token_env": "T", "token": TOKEN}, "two ways to know who asks"),
        ({"token_env": "T", "token": TOKEN, "user_header": "X-User"}, "two ways to know who asks"),
        ({"token_env": "T"}, "T of --token-env is not set"),
        ({"token_env": "T", "token": "short"}, "shorter than 16 characters"),
        ({"write_as": "ann\n"}, "--write-as"),
        ({"user_header": "X User"}, "is no header"),
        ({"user_header": "X-User", "proxies": ("proxy.example",)}, "is no address or network"),
        ({"proxies": ("10.0.0.1",)}, "nobody is asked"),
        ({"prefix": "perf"}, "is no path"),
        ({"prefix": "/../perf"}, "is no path"),
        ({"prefix": "//evil"}, "is no path"),
        ({"prefix": "/a b"}, "is no path"),
    ],
)
def test_options_that_leave_it_open_are_refused(fields, said):
    """Options that contradict each other, or that would let in what nobody meant, are one sentence; no secret in it."""
    with pytest.raises(UsageError, match=said) as error:
        access_of(replace(NOBODY, **fields), LISTS)
    assert "short" not in str(error.value).replace("shorter", "")


@pytest.mark.parametrize("host", ["http://perf.example", "perf.example:80", "perf/x", "", "*"])
def test_a_host_is_a_name(host):
    """What is no host name is refused; hosts are told apart by name and not by port or case."""
    with pytest.raises(UsageError, match="--host"):
        hosts_of(replace(NOBODY, hosts=(host,)), "127.0.0.1")
    assert "perf.example" in hosts_of(replace(NOBODY, hosts=("Perf.example",)), "127.0.0.1")


def test_it_listens_elsewhere_only_where_people_are_asked(tmp_path, capsys, monkeypatch):
    """An address that others reach is refused without a login or a proxy, and writing without a name is too."""
    monkeypatch.setenv("T", TOKEN)
    assert main(["serve", "--output-dir", str(tmp_path), "--listen", "0.0.0.0:0", "--write-as", "ann"]) == 2
    assert "add --token-env or --trust-user-header" in capsys.readouterr().err
    listening("0.0.0.0:0", asks=True).close()
    assert TOKEN not in repr(BY_TOKEN)


def test_who_is_trusted_is_known_by_address_alone():
    """Names and what cannot be read are not trusted."""
    assert [is_trusted(peer, ("10.0.0.0/24",)) for peer in ("", "127.0.0.9", "10.0.0.1", "10.0.1.1", "localhost")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert cookies(Asking((("cookie", f"a=b;{COOKIE}=1; {COOKIE}x=2"), ("cookie", f"{COOKIE}=3")), "")) == ["1", "3"]


def test_the_command_asks_for_its_token(tmp_path):
    """Started with a token in its environment, the command shows nothing without it, and its list with it."""
    from urllib.parse import urlencode
    from urllib.request import HTTPCookieProcessor, Request, build_opener

    (tmp_path / "perftracker-ai.toml").write_text('[dashboard]\ntriagers = ["ann"]\n', encoding="utf-8")
    with closing(open_store(str(tmp_path / "history.sqlite3"))) as store:
        fill(store)
    options = ["--output-dir", ".", "--listen", "127.0.0.1:0", "--token-env", "T", "--prefix", "/perf"]
    command = [sys.executable, "-m", "perftracker_ai", "serve", *options]
    environment = os.environ | {"T": TOKEN}
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment) as ran:
        address = ran.stdout.readline().partition(" ")[0]
        browser = build_opener(HTTPCookieProcessor())
        with browser.open(f"{address}issues", timeout=30) as answer:
            assert answer.url == f"{address}login?next=%2Fissues"
        sent = urlencode({"token": TOKEN, "name": "ann", "next": "/issues"}).encode()
        form = Request(f"{address}login", sent, {"Origin": address.removesuffix("/perf/")})
        with browser.open(form, timeout=30) as answer:
            assert answer.url == f"{address}issues"
            assert 'type="checkbox"' in answer.read().decode()
        ran.send_signal(signal.SIGINT)
        assert ran.wait(30) == 0
