"""A private PostgreSQL for tests: its own folder, a socket in it, no port, no password, gone with the test process.

The programs are looked for, and installed where the system's package manager may; tests skip when neither helps.

    url = fresh_database()   # postgresql://... of an empty database
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

INSTALL = (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql"])
_numbers = itertools.count(1)


def fresh_database():
    """Give the url of an empty database on a server that all tests share."""
    server = _server()
    name = f"test_{next(_numbers)}"
    server.run("psql", "--quiet", "--dbname=postgres", f"--command=CREATE DATABASE {name}")
    return f"postgresql://tester@/{name}?host={server.folder}"


def query(url, statement):
    """Run one statement against a database by its own client."""
    _server().run("psql", "--quiet", f"--dbname={url}", f"--command={statement}")


class Server:
    """A cluster in a temporary folder; PostgreSQL refuses to run as root, so root lends it another user."""

    def __init__(self, programs):
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # not a test's own: the path of a socket must be short
        self._user = _plain_user() if os.geteuid() == 0 else None
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        cluster = self.folder / "cluster"
        self.run("initdb", "--auth=trust", "--username=tester", "--encoding=UTF8", "--no-locale", "--no-sync", cluster)
        settings = f"-k {self.folder} -c listen_addresses= -c fsync=off -c max_connections=40"
        self.run("pg_ctl", "start", "--wait", "-D", cluster, "-l", self.folder / "log", "-o", settings)

    def run(self, program, *arguments):
        user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": ()} if self._user else {}
        done = subprocess.run(
            [self._programs / program, *arguments],
            env={"PGHOST": str(self.folder), "PGUSER": "tester", "PATH": os.environ["PATH"], "LC_ALL": "C"},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            **user,
        )
        assert done.returncode == 0, f"{program}: {done.stderr.decode(errors='replace')}"

    def stop(self):
        with suppress(AssertionError):
            self.run("pg_ctl", "stop", "-D", self.folder / "cluster", "-m", "immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def _server():
    programs = _installed() or _install()
    if programs is None:
        pytest.skip("PostgreSQL is not installed and cannot be")
    server = Server(programs)
    atexit.register(server.stop)
    return server


def _plain_user():
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _installed():
    """Find the folder of the newest version's programs."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


@functools.cache
def _install():
    """Install PostgreSQL where this process may."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    for command in INSTALL:
        with suppress(OSError, subprocess.TimeoutExpired):
            environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)
    return _installed()
