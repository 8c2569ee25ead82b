"""The examples of docs/dashboard.md for a server: nginx and systemd take them, and together they do what is said."""

import os
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
import trustme
from dashboards import fill, regressed
from hang_guard import HANG_S
from test_store_comparisons import put, tracked

from perftracker_ai.results.write import result_json
from perftracker_ai.store import open_store

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "dashboard.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## On a server of the team")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
SYSTEM = f"{os.environ['PATH']}:/usr/sbin:/sbin"
NGINX, ANALYZE = shutil.which("nginx", path=SYSTEM), shutil.which("systemd-analyze")
NAMES = ("perftracker-ai.service", "perftracker-ai-nightly.service", "perftracker-ai-nightly.timer")
PROGRAM = str(Path(sys.executable).parent / "perftracker-ai")
SLASHED = "a/b c"
AROUND = """
daemon off;
pid {folder}/pid;
error_log stderr;
{user}
events {{}}
http {{
    access_log off;
    {paths}
    {server}
}}
"""


def blocks(language):
    return [text for name, text in BLOCKS if name == language]


def commands():
    """Return what the services run, by their own words."""
    joined = "\n".join(blocks("ini")).replace("\\\n", " ")
    return [line.split()[1:] for line in re.findall(r"^ExecStart=-?(.*)$", joined, re.MULTILINE)]


class Sso(BaseHTTPRequestHandler):
    """As much of a single sign-on as nginx asks: who the cookie is of, or 401."""

    def do_GET(self):
        _, _, who = (self.headers["Cookie"] or "").partition("who=")
        self.send_response(202 if who else 401)
        self.send_header("X-Auth-Request-Email", who)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Keep the terminal to the tests."""


def free_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        return door.getsockname()[1]


@contextmanager
def running(command, folder, port, **environment):
    """Run a program until the block ends, from when it answers on a port."""
    with (folder / f"{port}.log").open("w") as log:
        child = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log)
    try:
        for _ in range(300):
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert child.poll() is None, (folder / f"{port}.log").read_text()
            time.sleep(0.1)
        yield
    finally:
        child.terminate()
        child.wait(20)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Run the dashboard and nginx as the examples say, with other ports and files, and give a client of nginx."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("deployed")
    with closing(open_store(str(folder / "history.sqlite3"))) as store:
        fill(store, result_json(regressed()))
        put(store, 1, tracked("a"), product=SLASHED)
    (folder / "perftracker-ai.toml").write_text(f'{blocks("toml")[0]}viewers = ["vic@example.com"]\n')
    dashboard, front, sso = free_port(), free_port(), ThreadingHTTPServer(("127.0.0.1", 0), Sso)
    threading.Thread(target=sso.serve_forever, args=(0.05,), daemon=True).start()
    served = [
        part.replace(":8765", f":{dashboard}").replace("/etc/perftracker-ai", str(folder)) for part in commands()[0]
    ]
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    config = folder / "nginx.conf"
    config.write_text(nginx_config(folder, authority, {"8765": dashboard, "4180": sso.server_port, "443": front}))
    with (
        running([PROGRAM, *served], folder, dashboard, PERFTRACKER_AI_STORE=str(folder / "history.sqlite3")),
        running([NGINX, "-p", folder, "-c", config], folder, front),
        httpx2.Client(
            base_url=f"https://127.0.0.1:{front}", verify=context, headers={"Host": "perf.example"}, timeout=HANG_S
        ) as client,
    ):
        yield client
    sso.shutdown()
    sso.server_close()


def nginx_config(folder, authority, ports):
    """Return the example within what nginx needs around it, with ports and files of this test."""
    issued = authority.issue_cert("perf.example", "127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "perf.example.pem")
    issued.private_key_pem.write_to_path(folder / "perf.example.key")
    (server,) = blocks("nginx")
    server = re.sub(r"/etc/ssl/(certs|private)", str(folder), server)
    server = server.replace("listen 443", f"listen 127.0.0.1:{ports['443']}")
    for port in ("8765", "4180"):
        server = server.replace(f"127.0.0.1:{port}", f"127.0.0.1:{ports[port]}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n    ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    return AROUND.format(folder=folder, user="user root;" if os.geteuid() == 0 else "", paths=paths, server=server)


def ask(client, path, who="", **headers):
    cookie = {"Cookie": f"who={who}"} if who else {}
    return client.get(path, headers=cookie | headers)


def test_behind_nginx_everything_is_under_the_prefix(site):
    """Whom the sign-on knows sees the dashboard, and every link of it is under the prefix and leads to a page."""
    home = ask(site, "/perf/", "vic@example.com")
    assert home.status_code == 200
    links = set(re.findall(r'href="(/[^"#]*)', home.text)) - {"/perf/c/11..12", "/perf/c/0..1"}  # kept without results
    assert len(links) > 3
    for link in links:
        assert link.startswith("/perf/")
        assert ask(site, link.replace("&amp;", "&"), "vic@example.com").status_code == 200, link


def test_whom_the_sign_on_does_not_know_is_led_to_it(site):
    """Without a login nothing is shown, whatever header a browser sends: the way leads to the login and back."""
    led = ask(site, "/perf/p/Shop", **{"X-Forwarded-User": "maria@example.com"})
    assert led.status_code == 302
    assert led.headers["Location"].endswith("/oauth2/start?rd=https://perf.example/perf/p/Shop")
    assert "Shop 1.4" not in led.text


def test_a_header_of_the_browser_names_nobody(site):
    """The name that counts is the sign-on's, over one that the browser sent: who is on no list sees nothing."""
    forged = {"X-Forwarded-User": "vic@example.com"}
    assert ask(site, "/perf/", "maria@example.com").status_code == 200
    assert ask(site, "/perf/", "eve@example.com").status_code == 403
    assert ask(site, "/perf/", "eve@example.com", **forged).status_code == 403


def test_names_with_slashes_arrive_as_they_were_sent(site):
    """A product whose name holds a slash has a page behind nginx, which hands the address on as it is."""
    assert ask(site, "/perf/p/a%2Fb%20c", "vic@example.com").status_code == 200


def test_health_is_asked_without_a_name(site):
    """Who watches the service asks it directly, under its host name, and needs no login."""
    log = next(line for line in SECTION.splitlines() if "healthz" in line)
    assert "http://127.0.0.1:8765/perf/healthz" in log
    assert ask(site, "/perf/healthz", "vic@example.com").json()["status"] == "ok"


@pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path):
    """No unit of the page has a setting that systemd does not know, or a command that is not there."""
    units = [tmp_path / name for name in NAMES]
    for unit, text in zip(units, blocks("ini"), strict=True):
        unit.write_text(text.replace("/opt/perftracker-ai/bin/perftracker-ai", PROGRAM))
    ran = subprocess.run([ANALYZE, "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in ran.stderr.splitlines() if "perftracker-ai" in line]
    assert (ran.returncode, ours) == (0, [])


def test_the_commands_of_the_units_are_taken(run, tmp_path):
    """Every command that a unit runs is one of ours, with options that it has and settings that it takes."""
    (tmp_path / "perftracker-ai.toml").write_text(blocks("toml")[0])
    shown = run("config", "show", "--config", tmp_path / "perftracker-ai.toml")
    assert shown.code == 0
    nightly = [command for command in commands() if command[0] != "serve"]  # which is run for the tests above
    assert len(nightly) == 2
    for command in nightly:
        ran = run(*(part.replace("/etc/perftracker-ai", str(tmp_path)) for part in command), "--url", tmp_path / "none")
        assert "There is no folder" in ran.err


def test_a_backup_is_whole_while_the_store_is_in_use(tmp_path):
    """The command of the page copies a store that is open, and the copy has what the store has."""
    (command,) = re.findall(r'`sqlite3 data/history.sqlite3 "(.*?)"`', SECTION)
    with closing(open_store(str(tmp_path / "history.sqlite3"))) as store:
        fill(store)
        with closing(sqlite3.connect(tmp_path / "history.sqlite3")) as connection:
            connection.execute(command.replace("backup.sqlite3", str(tmp_path / "backup.sqlite3")))
        with closing(open_store(str(tmp_path / "backup.sqlite3"))) as copy:
            assert copy.comparisons.newest(9) == store.comparisons.newest(9) != ()


def test_what_is_deleted_by_age_is_never_the_store(tmp_path):
    """The command of the page takes old jobs and reports, and leaves the store and what is young."""
    (command,) = re.findall("`(find .*?)`", SECTION)
    old, young = tmp_path / "data" / "job-1.json.gz", tmp_path / "reports" / "Shop" / "report.html"
    store = tmp_path / "data" / "history.sqlite3-wal"
    for file in (old, young, store):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (0, 0) if file is not young else None)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert [file.exists() for file in (old, young, store)] == [False, True, True]
