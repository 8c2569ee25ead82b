"""The one HTTP client against servers that never end, through proxies and gateways: bounded, named, and discreet."""

import gzip
import json
import ssl
import subprocess
import sys
import threading
import zlib
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from fake_perftracker import FakePerfTracker, delay, hang, make_job
from hang_guard import must_end
from raw_server import RawServer, once, repeat

from perftracker_ai.errors import BadAnswer, LanguageModelError, SourceError, Unreachable, UsageError
from perftracker_ai.http.perftracker import Patience, open_connection, patience_of, pauses
from perftracker_ai.llm import Prompt, open_backend
from perftracker_ai.settings import Settings

BRIEF = Patience(connect_s=0.5, read_s=0.5, document_s=0.5, answer_s=0.8, download_s=0.8, pauses_s=())
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED, GZIP = b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n"


def chunk(content):
    return b"%x\r\n%s\r\n" % (len(content), content)


def whole(body=b"[]", more=b"", status=b"200 OK"):
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n"
    return once(head % (status, len(body), more) + body)


def empty_blocks():
    """Give what begins a gzip stream, and what goes on with it for ever and holds nothing."""
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(b"[") + packer.flush(zlib.Z_SYNC_FLUSH)
    return start, packer.flush(zlib.Z_FULL_FLUSH) or b"\x00\x00\x00\xff\xff"


ENDLESS = {
    "dripping head": repeat(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "dripping header lines": repeat(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "dripping status line": repeat(b"HTTP/1.1 200 ", b"O"),
    "endless 1xx": repeat(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.01),
    "chunk extensions": repeat(HEAD + CHUNKED + b"\r\n1;", b"x"),
    "dripping chunk size": repeat(HEAD + CHUNKED + b"\r\n", b"0"),
    "empty gzip blocks": repeat(
        HEAD + CHUNKED + GZIP + b"\r\n" + chunk(empty_blocks()[0]), chunk(b"\x00\x00\x00\xff\xff"), 0.01
    ),
    "dripping trailers": repeat(HEAD + CHUNKED + b"\r\n2\r\n[]\r\n0\r\n", b"A: b\r\n"),
    "dripping body": repeat(HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "no answer": once(b"", then_wait=True),
    "half a body": once(HEAD + b"Content-Length: 100\r\n\r\n[", then_wait=True),
}


def failed(url, kind=SourceError, *, patience=BRIEF, **settings):
    """Ask once, and give the sentence of the failure."""
    connection = open_connection(Settings(url=url, **settings), patience=patience, sleep=lambda seconds: None)
    with closing(connection), pytest.raises(kind) as error:
        connection.get("/api")
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith((".", "?"))
    return text


def asked(url, *, patience=BRIEF, **settings):
    with closing(open_connection(Settings(url=url, **settings), patience=patience)) as connection:
        return connection.get("/api")


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("act", ENDLESS.values(), ids=ENDLESS)
def test_no_wait_for_the_server_is_without_end(act):
    """Whatever a server drips, repeats or packs, the wait for it ends at its bound, and no thread stays behind."""
    before = set(threading.enumerate())
    with RawServer(act) as server, must_end():
        said = failed(server.url)
    assert any(words in said for words in ("within 0.5 s", "in 0.8 s", "larger", "HTTP"))
    assert not [thread for thread in threading.enumerate() if thread not in before and "watch" in thread.name]


@pytest.mark.parametrize("act", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("path", ["", "/v1"], ids=["Ollama", "OpenAI"])
def test_no_wait_for_a_model_is_without_end(act, path):
    """The deadline of the language model bounds all that a run waits for it, whatever its server does."""
    with (
        RawServer(act) as server,
        must_end(),
        closing(open_backend(server.url + path, "m", deadline_s=0.6, seed=1)) as backend,
        pytest.raises(LanguageModelError),
    ):
        backend.ask(Prompt(system="s", user="u"), {}, answer_tokens=10, progress=lambda *_: None)


def test_a_drip_over_tls_ends_too():
    """Encryption does not hide a drip, in the handshake or behind it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with RawServer(ENDLESS["dripping head"], context=context) as server:
        assert "within 0.5 s" in failed(server.url, Unreachable, insecure=True)
    with RawServer(once(b"", then_wait=True)) as server, must_end():  # it says nothing where a handshake is expected
        failed(server.url.replace("http:", "https:"), Unreachable, insecure=True)


@pytest.mark.parametrize("times", [1, 2], ids=["gzip", "gzip of gzip"])
def test_a_small_body_that_unpacks_to_gigabytes_is_stopped(times):
    """A packed answer costs no more memory than its bound; what is packed twice is not unpacked at all."""
    bomb = gzip.compress(bytes(70 << 20), 1)
    packing = b", ".join([b"gzip"] * times)
    more = b"Content-Encoding: " + packing + b"\r\n"
    with RawServer(whole(bomb, more)) as server:
        said = failed(server.url, BadAnswer, patience=Patience(pauses_s=()))
    assert "more than 64 MiB" in said if times == 1 else "cannot be decoded" in said


def test_a_packed_answer_is_unpacked():
    """Gzip as a proxy may use it is read."""
    with RawServer(whole(gzip.compress(b"[1]"), b"Content-Encoding: gzip\r\n")) as server:
        assert json.loads(asked(server.url)) == [1]


def test_a_server_that_takes_nothing_of_an_upload_is_left():
    """An upload that the server does not read ends at the bound on a whole answer."""
    with RawServer(once(b"", then_wait=True)) as server:
        connection = open_connection(Settings(url=server.url), patience=BRIEF)
        with must_end(), closing(connection), pytest.raises(Unreachable):
            connection.post_file("/upload", {}, bytes(32 << 20))


def test_patience_follows_the_settings():
    """A job may take its ten minutes to begin, another answer one; what is set moves both, and tries last a minute."""
    usual, short, long = (patience_of(Settings(timeout_s=seconds)) for seconds in (600, 5, 3600))
    assert (usual.document_s, usual.read_s, sum(usual.pauses_s)) == (600, 60, 60)
    assert (short.document_s, short.read_s, short.connect_s) == (5, 5, 5)
    assert (long.document_s, long.read_s, long.connect_s) == (3600, 360, 10)
    assert pauses(0) == ()


def test_a_restart_of_the_server_is_outlasted(monkeypatch):
    """A server that is away for a while is asked again until it is back, and the waiting is told."""
    told, slept = [], []
    with RawServer(whole()) as server:
        url, port = server.url, server.port
    back = []

    def sleep(seconds):
        slept.append(seconds)
        if sum(slept) > 30:
            back.append(_at(port).__enter__())

    try:
        connection = open_connection(Settings(url=url), told.append, sleep=sleep)
        with closing(connection):
            assert connection.get("/api") == b"[]"
    finally:
        for server in back:
            server.__exit__()
    assert 30 < sum(slept) <= 60
    assert any("trying again in 15 s" in text for text in told)


def _at(port):
    import socket

    server = RawServer(whole())
    server._listener.close()
    server._listener = socket.create_server(("127.0.0.1", port))
    return server


def test_two_files_are_compared_without_an_http_client(tmp_path):
    """A comparison of files with no model to ask pays for no HTTP client."""
    program = (
        "import sys; from importlib.resources import files; from perftracker_ai.cli import main;"
        "jobs = sorted(map(str, (files('perftracker_ai') / 'examples').glob('job-*.json.gz')))[:2];"
        "code = main(['analyze', *jobs, '--llm', 'off', '--quiet']);"
        "print(code, {'httpx2', 'apprise', 'ssl'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "0 set()"


def test_it_is_shown_that_the_server_is_waited_for(run):
    """A server that takes its time to build a job is seen to be waited for, and --timeout says how long."""
    with FakePerfTracker([make_job(1)]) as server:
        server.script("as_json", delay(0.3), times=1)
        waited = run("analyze", "1", "1", "--url", server.url)
        server.script("as_json", hang())
        Path("data/job-1.json").unlink()
        with must_end():
            given_up = run("analyze", "1", "1", "--url", server.url, "--timeout", "0.5")
    assert "job 1: waiting for the server" in waited.err
    assert given_up.code == 2
    assert "within 0.5 s" in given_up.err
    assert "--timeout" in given_up.err


# ── what is named ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "greeting", [b"220 mail ready\r\n", b"SSH-2.0-OpenSSH\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"\x00\x01\x02", b"{}"]
)
@pytest.mark.parametrize("waits", [True, False])
def test_another_protocol_is_named_as_that(greeting, waits):
    """What is no HTTP is said to be that at once, whether the connection stays open or not; no VPN is blamed."""
    with RawServer(once(greeting, then_wait=waits)) as server:
        said = failed(server.url, BadAnswer)
    assert "what is no HTTP" in said
    assert "VPN" not in said


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture
def proxy(monkeypatch):
    """Set the proxy of the environment."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)

    def set_to(url):
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, url)

    return set_to


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dead_proxy_is_named_as_the_proxy(proxy, scheme):
    """Nobody at the proxy's address is told as the proxy's fault, without its password."""
    with RawServer(whole()) as server:
        port = server.port
    proxy(f"http://joe:s3cret@127.0.0.1:{port}")
    said = failed(f"{scheme}://perftracker.example", Unreachable)
    assert said.startswith(f"The proxy http://127.0.0.1:{port} that the environment names")
    assert "HTTPS_PROXY" in said
    assert "s3cret" not in said
    assert "VPN" not in said


def test_a_proxy_that_refuses_is_named_as_the_proxy(proxy):
    """A tunnel that the proxy does not open is its refusal, not the server's."""
    with RawServer(whole(b"no", status=b"403 Forbidden")) as server:
        proxy(server.url)
        assert "403 Forbidden" in (said := failed("https://perftracker.example", Unreachable))
    assert said.startswith(f"The proxy {server.url} ")


def test_a_proxy_that_drips_is_left(proxy):
    """The bounds hold for the proxy's own answers as well."""
    with RawServer(ENDLESS["dripping head"]) as server:
        proxy(server.url)
        with must_end():
            failed("https://perftracker.example", Unreachable)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8"])
def test_no_proxy_lies_between_this_machine_and_itself(proxy, host):
    """A server on this machine is asked directly, whatever the environment says."""
    proxy("http://127.0.0.1:1")
    with RawServer(whole()) as server:
        try:
            assert asked(server.url.replace("127.0.0.1", host)) == b"[]"
        except Unreachable as error:  # 127.8.8.8 is not listened at, which is fine: it was not the proxy
            assert host == "127.8.8.8" and "proxy" not in str(error)  # noqa: PT017, PT018 - either is right


def test_a_proxy_is_used_for_other_machines(proxy):
    """Another machine's answer comes through the proxy."""
    with RawServer(whole()) as server:
        proxy(server.url)
        assert asked("http://perftracker.example") == b"[]"
        assert server.heads[0].startswith(b"GET http://perftracker.example/api ")


# ── gateways ────────────────────────────────────────────────────────────────────────────────────────────────────────

GATEWAYS = {
    "user": ({"gateway_user": "joe", "gateway_password": "s3cret"}, b"Authorization: Basic am9lOnMzY3JldA=="),
    "token": ({"gateway_token": "s3cret"}, b"Authorization: Bearer s3cret"),
    "header": ({"gateway_headers": ("X-Id: s3cret", "X-B: b")}, b"X-Id: s3cret"),
    "cookie": ({"gateway_cookie": "session=s3cret; a=b"}, b"Cookie: session=s3cret; a=b"),
}


@pytest.mark.parametrize(("settings", "header"), GATEWAYS.values(), ids=GATEWAYS)
def test_what_a_gateway_wants_is_sent_and_never_shown(settings, header):
    """Each kind of login arrives as it should, and its refusal names the setting, even if the server quotes it."""
    body = b"refused: s3cret, " + header.partition(b": ")[2]
    with RawServer(whole(body, status=b"401 Unauthorized")) as server:
        said = failed(server.url, BadAnswer, **settings)
        assert header in server.heads[0]
    assert next(iter(settings)) in said
    assert "s3cret" not in said
    assert "am9lOnMzY3JldA" not in said
    assert "s3cret" not in repr(Settings(**settings)) + repr(Settings(**settings).gateway)


def test_a_gateway_without_a_login_names_every_way_to_give_one():
    """The sentence of a 401 names the settings."""
    with RawServer(whole(b"", status=b"401 Unauthorized")) as server:
        said = failed(server.url, BadAnswer)
    for key in (
        "gateway_user",
        "gateway_password",
        "gateway_token",
        "gateway_headers",
        "gateway_cookie",
        "client_cert",
    ):
        assert key in said


def test_a_login_is_not_taken_elsewhere():
    """A redirect to another server is not followed, so that no login and no report gets there."""
    with RawServer(whole()) as other:
        more = f"Location: {other.url}/api\r\n".encode()
        with RawServer(whole(b"", more, status=b"302 Found")) as server:
            failed(server.url, BadAnswer, gateway_token="s3cret")
        assert other.heads == []


def test_a_netrc_file_is_honoured(tmp_path, monkeypatch):
    """A login by host is taken from the named file, and from the home's, unless the settings have one."""
    file = tmp_path / ".netrc"
    file.write_text("machine 127.0.0.1 login joe password s3cret\n")
    file.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with RawServer(whole()) as server:
        asked(server.url, netrc=str(file))
        asked(server.url)
        asked(server.url, gateway_token="own")
    assert [b"Basic am9lOnMzY3JldA==" in head for head in server.heads] == [True, True, False]


def test_a_netrc_file_that_is_none_is_named(tmp_path):
    """A broken file of logins is named with its line, and nothing of it is quoted."""
    (tmp_path / "logins").write_text("machine a login b password c\nnonsense s3cret\n")
    with pytest.raises(UsageError, match="no netrc file") as error:
        open_connection(Settings(url="http://127.0.0.1:1", netrc=str(tmp_path / "logins")))
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"gateway_token": "s3cret", "gateway_user": "joe"},
        {"gateway_token": "s3cret\r\nX: y"},
        {"gateway_headers": ("s3cret",)},
        {"gateway_headers": ("X: s3cretü",)},
        {"client_cert": "missing.pem", "client_key_password": "s3cret"},
    ],
)
def test_a_login_that_cannot_be_sent_is_refused_unseen(settings):
    """What no header can carry, or what contradicts itself, ends before anything is sent, and is not quoted."""
    with pytest.raises(UsageError) as error:
        open_connection(Settings(url="http://127.0.0.1:1", **settings))
    assert "s3cret" not in str(error.value)


def test_a_client_certificate_is_shown_to_the_gateway(tmp_path):
    """A gateway that wants a certificate gets ours; without one its settings are named."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    ours = authority.issue_cert("us@shop.example")
    ours.private_key_and_cert_chain_pem.write_to_path(tmp_path / "us.pem")
    with RawServer(whole(), context=context) as server:
        assert asked(server.url, insecure=True, client_cert=str(tmp_path / "us.pem")) == b"[]"
        assert "client_cert" in failed(server.url, Unreachable, insecure=True)
