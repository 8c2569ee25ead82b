"""Many products at once: the same output as one after the other, each product's trouble its own."""

import json
import os
import pickle
import re
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from dask_cluster import until
from fake_perftracker import FakePerfTracker, answer, debug_page, delay, hang, proxy_page, truncated
from hang_guard import HANG_S
from shop import shop_job

from perftracker_ai.commands.fetch import Target, connect, listed
from perftracker_ai.commands.fleet import choices, judge_key, keys_of
from perftracker_ai.commands.history import _Key, _synchronised
from perftracker_ai.commands.workers import _begin, _travelling, asked, at_once, hired
from perftracker_ai.errors import UsageError
from perftracker_ai.executors import unpacked
from perftracker_ai.executors.cluster import Begin, _Terms
from perftracker_ai.settings import Settings

NAMES = tuple(f"Product {letter}" for letter in "ABCDEF")
LIST = r"/api/v1\.0/1/job/$"
SYNC = ("history", "sync", "--all-products", "--quiet")


def jobs(names=NAMES):
    """Two versions of each product."""
    return [
        shop_job(10 * (place + 1) + version, f"1.{version}", product_name=name)
        for place, name in enumerate(names)
        for version in (0, 1)
    ]


@pytest.fixture
def server():
    with FakePerfTracker(jobs()) as running:
        yield running


def stored(path):
    """Give what a store has of each job, in an order of its own."""
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT uuid, product_name, points FROM history_job ORDER BY uuid").fetchall()


def test_products_at_once_are_what_they_are_one_by_one(run, server, tmp_path):
    """Through processes a store holds the same bytes, and the lines come in the same order."""
    alone = run(*SYNC, "--url", server.url, "--workers", "1", "--store", "one.sqlite3")
    asked = len(server.asked(LIST))
    together = run(*SYNC, "--url", server.url, "--workers", "2", "--store", "two.sqlite3")
    assert (alone.code, together.code) == (0, 0), together.err
    assert len(server.asked(LIST)) - asked <= 1 + 2  # for the names, and once for each process
    assert together.out.replace("two.", "one.") == alone.out
    assert [line.partition(":")[0] for line in alone.out.splitlines()] == list(NAMES)
    assert stored(tmp_path / "two.sqlite3") == stored(tmp_path / "one.sqlite3")
    assert len(stored(tmp_path / "two.sqlite3")) == 2 * len(NAMES)


def test_one_product_s_trouble_is_its_own(run, server):
    """A product that the server fails for is one sentence, a broken job one warning, and all others are stored."""
    server.script(r"/job/2[01]\?as_json", debug_page(500))
    server.script(r"/job/31\?as_json", answer(200, "{}", "application/json"))
    ran = run(*SYNC, "--url", server.url, "--workers", "2")
    assert ran.code == 2
    assert ran.err.count("error: ") == 1
    assert re.search("(?m)^warning: .*[Jj]ob.31", ran.err), ran.err
    assert [line.partition(":")[0] for line in ran.out.splitlines()] == [name for name in NAMES if name[-1] != "B"]


def test_an_address_without_its_beginning_is_told_how_to_write(run, server):
    """A scheduler named by host and port alone is no address, whatever the store is."""
    ran = run(*SYNC, "--url", server.url, "--scheduler", "10.255.255.1:8786")
    assert (ran.code, ran.out) == (2, "")
    assert "'10.255.255.1:8786' is no address of a Dask scheduler; write it as tcp://host:8786." in ran.err


def test_a_store_that_workers_cannot_share_is_refused(run, server):
    """A file is no store for a cluster of other machines; nothing is asked of anybody to say so."""
    ran = run(*SYNC, "--url", server.url, "--scheduler", "tcp://10.255.255.1:8786")
    assert ran.code == 2
    assert "is a file of this machine" in ran.err
    assert "postgresql://" in ran.err


@pytest.mark.parametrize(
    ("option", "value"),
    [("store", "postgresql://perf:hunter2@host/db"), ("url", "https://perf:hunter2@host.example")],
)
def test_no_secret_is_sent_to_a_cluster(option, value):
    """What may hold a password goes into each machine's own settings, which the sentence says without quoting it."""
    said = asked({option: value, "scheduler": "tcp://127.0.0.1:1"}, None)
    nowhere = hired(said, Settings(scheduler="tcp://127.0.0.1:1"), tasks=9, usual=2)
    with pytest.raises(UsageError, match=f"The option for {option} may hold a password") as caught, nowhere:
        pass
    assert "hunter2" not in str(caught.value)


def test_a_task_is_small_and_knows_no_secret(server):
    """What goes over the network is a function's name and a key, though the settings here are full of secrets."""
    reruns = [shop_job(100 + n, f"1.{n % 2}", product_name="Product A", uuid=str(uuid4())) for n in range(12)]
    server.add(*reruns)
    secrets = {"gateway_token": "hunter3", "llm_api_key": "hunter2", "store": "postgresql://perf:hunter4@host/db"}
    settings = Settings(url=server.url.replace("//", "//perf:hunter5@"), scheduler="tcp://host:8786", **secrets)
    said = asked({"url": "https://host.example", "project": 3, "workers": 2, "scheduler": settings.scheduler}, None)
    terms = _Terms("0" * 32, "0" * 16, Begin(_begin, _travelling(said)))
    with closing(connect(settings)) as source:
        targets = [Target(name) for name in NAMES]
        keys = keys_of(choices(tuple(listed(source, settings)), targets, settings), targets, settings)
    assert len(unpacked(keys[0].chosen).pair.reruns) == 5
    for function, key in ((_synchronised, _Key("Product A", None, "0" * 32)), (judge_key, keys[0])):
        sent = pickle.dumps((terms, function, key))
        assert len(sent) < 2048
        assert function.__module__.encode() in sent
        opened = sent + b"".join(map(zlib.decompress, [key.chosen] if function is judge_key else []))
        assert not re.search(rb"hunter|8786", opened)


# ── analyze ─────────────────────────────────────────────────────────────────────────────────────────────────────────

ANALYZE = ("analyze", "--all-products", "--llm", "off", "--quiet")


def files(folder):
    """Give what is in a folder of reports, by name, without what tells when it was made."""
    found = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found
    return found


def judged(run, server, tmp_path, name, *options):
    """Analyze all products and give what was said, with the reports in a folder of this name."""
    outputs = ("--reports-dir", name, "--output-dir", f"{name}-data", "--junit", f"{name}.xml", "--csv", f"{name}.csv")
    ran = run(*ANALYZE, "--url", server.url, *outputs, *options)
    return ran, ran.out.replace(f"{name}/", "reports/").replace(f"{tmp_path}/", "")


def test_reports_of_products_at_once_are_those_of_one_by_one(run, server, tmp_path):
    """Reports, JUnit, CSV, summaries and the table at the end are the same bytes through processes."""
    alone, said = judged(run, server, tmp_path, "one", "--workers", "1")
    together, also_said = judged(run, server, tmp_path, "two", "--workers", "2")
    assert (alone.code, together.code, alone.err) == (0, 0, together.err)
    assert also_said == said
    assert files(tmp_path / "two") == files(tmp_path / "one")
    for kind in ("xml", "csv"):
        assert (tmp_path / f"two.{kind}").read_bytes() == (tmp_path / f"one.{kind}").read_bytes()


def is_late(request):
    """Tell whether a request for a job is answered rightly, and so after a while."""
    return "as_json" in request.query and not re.search(r"/job/[246][01]$", request.path)


def test_a_dozen_products_s_troubles_are_their_own(run):
    """A job that is gone, one that never comes, and one that is broken cost their products alone, told in order.

    The server is never asked for more at once than the settings allow, nor for any job twice.
    """
    names = [f"Product {letter}" for letter in "ABCDEFGHIJKL"]
    with FakePerfTracker(jobs(names)) as server:
        server.script(r"/job/2[01]\?as_json", proxy_page(404))
        server.script(r"/job/4[01]\?as_json", hang())
        server.script(r"/job/6[01]\?as_json", truncated(500))
        server.script(r"as_json", delay(0.2))
        began = []
        server.before = lambda request: began.append(time.monotonic()) if is_late(request) else None
        ran = run(*ANALYZE, "--url", server.url, "--workers", "3", "--timeout", "4", "--json")
        lists = len(server.asked(LIST))
    told = json.loads(ran.out)["products"]
    assert ran.code == 2
    assert [one["product"] for one in told] == names
    assert [one["product"][-1] for one in told if one["result"] is None] == ["B", "D", "F"]
    assert ran.err.count("error: ") == 3
    assert len(began) == 2 * (len(names) - 3)
    assert max(sum(0 <= moment - other < 0.19 for other in began) for moment in began) <= 3
    assert lists <= 1 + 2  # once more for each product that is chosen anew


@pytest.mark.parametrize(
    ("products", "settings", "waits", "together"),
    [
        (1, Settings(workers=4), False, False),
        (3, Settings(), False, False),
        (4, Settings(), False, True),
        (4, Settings(workers=1), False, False),
        (4, Settings(), True, False),
        (2, Settings(workers=2), True, True),
        (2, Settings(scheduler="tcp://host:8786"), False, True),
    ],
)
def test_processes_are_begun_where_they_are_worth_it_or_wanted(products, settings, waits, together):
    """Few products, or such as wait for one model, are done one by one unless somebody asks for more."""
    assert at_once(products, settings, waits=waits) is together


def test_an_interruption_ends_all_workers_and_names_who_was_not_judged(tmp_path):
    """After Ctrl-C no process is left, no file is half written, and every product stands in the answer."""
    with FakePerfTracker(jobs()) as server:
        server.script(r"/job/[3-6][01]\?as_json", hang())
        command = [sys.executable, "-m", "perftracker_ai", *ANALYZE, "--url", server.url, "--workers", "2", "--json"]
        started = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
        )
        until(lambda: len(server.asked(r"/job/[3-6][01]$")) >= 2)
        children = processes_of(started.pid)
        os.killpg(started.pid, signal.SIGINT)  # as the keyboard does, to all of them
        out, err = started.communicate(timeout=HANG_S)
    until(lambda: not any(map(is_running, children)))
    assert started.returncode == 130
    assert b"Traceback" not in err
    told = json.loads(out)["products"]
    assert [one["product"] for one in told] == list(NAMES)
    # What was judged is told where its answer had come: the keys were pressed when others had begun, not later.
    assert [one["product"] for one in told if one["result"] is not None] in ([], list(NAMES[:1]), list(NAMES[:2]))
    assert len(children) >= 2
    assert not [path for path in (tmp_path / "data").iterdir() if not path.name.startswith("job-")]


def processes_of(pid):
    """Give the numbers of all processes that one has started."""
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
