"""Dask clusters for tests: real schedulers and workers, processes of their own over TCP on loopback.

with Cluster(folder, workers=2) as cluster:
    cluster.address, cluster.kill_worker(), cluster.scheduler
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).parent
SECONDS = 60
QUIET = {
    "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "DASK_DISTRIBUTED__WORKER__PRELOAD": "[]",
}


class Cluster:
    """A scheduler and its workers, which are started in a folder and find tests' modules."""

    def __init__(self, folder, workers=2, environment=None):
        self.folder = folder
        self._environment = os.environ | QUIET | {"PYTHONPATH": str(HERE)} | (environment or {})
        self._file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        self.workers = [self.add_worker() for _ in range(workers)]

    @property
    def address(self):
        import json

        def read():
            with suppress(OSError, ValueError):
                return json.loads(self._file.read_text())["address"]
            return None

        return until(read)

    def restart_scheduler(self):
        """End the scheduler as an administrator does, and start another one at its address."""
        port = self.address.rsplit(":", 1)[1]
        self.scheduler.terminate()
        self.scheduler.wait(SECONDS)
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", port)

    def add_worker(self, **environment):
        """Start one more, without a nanny, so that one that is killed stays so."""
        options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--memory-limit", "0")
        return self._start("worker", *options, "--local-directory", str(self.folder), **environment)

    def _start(self, what, *options, **environment):
        command = [sys.executable, "-m", "dask", what, *options, "--scheduler-file", str(self._file), "--no-dashboard"]
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                command, env=self._environment | environment, cwd=self.folder, stdout=log, stderr=log
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in (*self.workers, self.scheduler):
            with suppress(OSError):
                process.send_signal(signal.SIGKILL)
            process.wait(SECONDS)


def until(found):
    """Wait until something is so, and give it."""
    deadline = time.monotonic() + SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value
