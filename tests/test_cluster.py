"""A Dask cluster as who does the work: real schedulers and workers over TCP, and what happens when they end."""

import os
import signal
import subprocess
import sys
import threading

import pasts
import postgres
import pytest
import tasks
from dask_cluster import HERE, Cluster, until
from fake_perftracker import FakePerfTracker
from hang_guard import HANG_S, must_end
from test_fleet import NAMES, SYNC, files, jobs, judged, stored

from perftracker_ai.errors import ClusterError, Defect, NothingComparable, UsageError, WorkerLost
from perftracker_ai.executors import Begin, cluster, in_order, local

FACTOR = (("factor", 3),)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A scheduler and two workers for all tests that leave them as they are."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def alone(tmp_path):
    """A scheduler and one worker that a test may end."""
    with Cluster(tmp_path, workers=1) as running:
        yield running


def hire(running, given=FACTOR):
    return cluster(running.address, Begin(tasks.begin, given))


def test_answers_are_those_of_processes(two):
    """Through a cluster comes what comes here, byte for byte, in the order of the keys, trouble in its place."""
    with local({"factor": 3}, 1) as here:
        expected = list(map(repr, in_order(here, tasks.refused, range(6))))
        doubled = list(in_order(here, tasks.doubled, range(20)))
    with hire(two) as pool:
        assert list(in_order(pool, tasks.doubled, range(20))) == doubled
        answers = list(in_order(pool, tasks.refused, range(6)))
    assert list(map(repr, answers)) == expected
    assert isinstance(answers[1], NothingComparable)
    assert isinstance(answers[2], Defect)


def test_both_workers_work(two):
    """Tasks go to all workers, which are other processes."""
    with hire(two) as pool:
        found = set(in_order(pool, tasks.where, range(12)))
    assert len(found) == 2
    assert os.getpid() not in found


def test_a_server_s_bound_holds_over_all_workers(two, tmp_path):
    """Where something is asked by all workers, no more tasks than it takes are under way."""
    with hire(two, (("folder", str(tmp_path)),)) as pool:
        assert max(in_order(pool, tasks.crowd, range(8), most=1)) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((*FACTOR, ("differs", 1)), "has another setting differs than this machine; give all the same"),
        ((*FACTOR, ("fails", 1)), "cannot begin: There is no settings file"),
        ((*FACTOR, ("version", 1)), "has perftracker-ai 0.0.1, and this machine"),
    ],
)
def test_workers_that_differ_are_refused_in_one_sentence(two, given, words, monkeypatch):
    """Another version of the tool, other settings, or none at all: nothing is done, and the sentence names it."""
    with pytest.raises(ClusterError) as caught, hire(two, (*given, ("here", os.getpid()))):
        pass
    assert words in str(caught.value)
    assert "The worker tcp://127.0.0.1:" in str(caught.value)


def test_a_worker_that_comes_later_and_differs_ends_the_run(alone):
    """Who was not there to be asked is refused by its first task."""
    given = (*FACTOR, ("by_environment", 1), ("here", os.getpid()))
    with hire(alone, given) as pool:
        answers = in_order(pool, tasks.doubled, iter(range(100_000)))
        next(answers)
        alone.workers.append(alone.add_worker(TASKS_DIFFER="1"))
        with pytest.raises(ClusterError, match="A worker that came later has another version or other settings"):
            until(lambda: next(answers) is None)


def test_a_worker_that_dies_costs_what_it_was_at(tmp_path):
    """Killed at every try, a task has no answer; all others have theirs, from who is left."""
    at_once = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with Cluster(tmp_path, workers=4, environment=at_once) as four, hire(four, (("folder", str(tmp_path)),)) as pool:
        until(lambda: pool.width >= 8)
        answers = list(in_order(pool, tasks.dies, range(12)))
    lost = [key for key, answer in enumerate(answers) if isinstance(answer, WorkerLost)]
    assert lost == [1]
    assert [answer for answer in answers if not isinstance(answer, WorkerLost)] == [0, *range(2, 12)]


def test_a_scheduler_that_goes_ends_the_run_in_one_sentence(alone, tmp_path):
    """Killed in the middle, a scheduler leaves no half answer behind, and nobody waits for it."""

    def end():
        until(lambda: list(tmp_path.glob("pid-*")))
        alone.scheduler.kill()

    threading.Thread(target=end).start()
    with pytest.raises(ClusterError, match="has gone"), hire(alone, (("folder", str(tmp_path)),)) as pool:
        list(in_order(pool, tasks.sleeps, range(4)))


def test_a_scheduler_that_is_started_anew_gives_no_wrong_answer(alone, tmp_path):
    """Another scheduler at the same address, with a worker of its own: all answers come, or one sentence does."""
    keys, told, said = range(100), [], ""

    def anew():
        until(lambda: list(tmp_path.glob("pid-*")))
        alone.restart_scheduler()
        alone.workers.append(alone.add_worker())

    other = threading.Thread(target=anew)
    other.start()
    try:
        with hire(alone, (("folder", str(tmp_path)),)) as pool:
            told = list(in_order(pool, tasks.naps, keys))
    except ClusterError as error:
        said = str(error)
    other.join()
    assert "The scheduler" in said or told == list(keys)


def test_without_a_scheduler_it_is_said_what_to_start():
    """An address where nobody answers, and one that is none, are a sentence with the command."""
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "tcp://127.0.0.1:99999"):
        with must_end(), pytest.raises((ClusterError, UsageError)), cluster(address, Begin(tasks.begin, FACTOR)):
            pass


def test_without_the_extra_it_is_said_what_to_install(monkeypatch):
    """Without Dask the sentence holds the command that brings it."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    nowhere = cluster("tcp://127.0.0.1:1", Begin(tasks.begin, FACTOR))
    with pytest.raises(UsageError, match=r"pip install 'perftracker-ai\[cluster\]'"), nowhere:
        pass


def test_an_interrupted_run_leaves_no_task_behind(two, tmp_path):
    """After Ctrl-C the scheduler has no task and no client of it."""
    script = tmp_path / "program.py"
    script.write_text(
        "import tasks\nfrom perftracker_ai.executors import Begin, cluster, in_order\n"
        f"with cluster({two.address!r}, Begin(tasks.begin, (('folder', {str(tmp_path)!r}),))) as pool:\n"
        "    list(in_order(pool, tasks.naps, range(400)))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    started = subprocess.Popen([sys.executable, script], env=environment, stderr=subprocess.PIPE)
    until(lambda: list(tmp_path.glob("pid-*")))
    assert tasks_on(two)
    started.send_signal(signal.SIGINT)
    said = started.communicate(timeout=HANG_S)[1].decode()
    assert "KeyboardInterrupt" in said
    until(lambda: not tasks_on(two))


def tasks_on(running):
    """Count the tasks that a scheduler knows of."""
    from distributed import Client

    with Client(running.address, set_as_default=False, timeout=HANG_S) as client:
        return client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))


# ── commands ────────────────────────────────────────────────────────────────────────────────────────────────────────


def sync(run, running, server, *options):
    return run("history", "sync", "--all-products", "--url", server.url, "--scheduler", running.address, *options)


def test_a_command_says_the_same_through_a_cluster(run, two, tmp_path):
    """A store that all workers of this machine reach holds what it does without a cluster."""
    with FakePerfTracker(jobs()) as server:
        alone = run(*SYNC, "--url", server.url, "--workers", "1", "--store", "one.sqlite3")
        there = sync(run, two, server, "--store", "two.sqlite3", "--quiet")
    assert (there.code, there.err) == (0, "")
    assert there.out.replace("two.sqlite3", "one.sqlite3").replace(f"{tmp_path}/", "") == alone.out
    assert stored(tmp_path / "two.sqlite3") == stored(tmp_path / "one.sqlite3")


def test_workers_that_would_use_another_store_are_refused(run, two):
    """A relative path in a settings file means another store where a worker was started elsewhere."""
    with FakePerfTracker(jobs()) as server:
        there = sync(run, two, server)
    assert (there.code, there.out) == (2, "")
    assert "has another store than this machine" in there.err


def test_two_workers_share_a_store_in_postgresql(run, two, tmp_path):
    """Each worker reaches the database by its own settings file, and no address of it is sent."""
    own = f'store = "{postgres.fresh_database()}"\n'
    for folder in (tmp_path, two.folder):
        (folder / "perftracker-ai.toml").write_text(own)
    try:
        with FakePerfTracker(jobs()) as server:
            there = sync(run, two, server, "--quiet")
            again = sync(run, two, server, "--quiet")
    finally:
        (two.folder / "perftracker-ai.toml").unlink()
    assert (there.code, there.err) == (0, "")
    assert there.out.count("2 recorded") == again.out.count("2 unchanged") == len(NAMES)


def test_reports_made_on_a_cluster_are_written_here(run, two, tmp_path):
    """Workers send what they made of each product, and the folder here holds the bytes of a run without them."""
    with FakePerfTracker(jobs()) as server:
        alone, said = judged(run, server, tmp_path, "one", "--workers", "1")
        there, also_said = judged(run, server, tmp_path, "two", "--scheduler", two.address)
    assert (alone.code, there.code, there.err) == (0, 0, alone.err)
    assert also_said == said
    assert files(tmp_path / "two") == files(tmp_path / "one")
    assert not list(tmp_path.rglob("fleet-reports"))


def test_a_past_is_judged_by_a_cluster_as_by_one_process(two, run, tmp_path):
    """A backtest through a scheduler and two workers leaves the same files, byte for byte."""
    jobs = [pasts.night_job(night, f"1.{night // 2}", endpoints=pasts.ENDPOINTS[:4]) for night in range(4)]
    url = pasts.stored(str(tmp_path / "store"), jobs)
    ask = ("backtest", "--product", "Shop", "--url", pasts.PLACE, "--store", url, "--pairs", "consecutive")
    for reports, who in (("one", ("--workers", "1")), ("two", ("--scheduler", two.address))):
        said = run(*ask, "--reports-dir", reports, *who)
        assert said.code == 0, said.err
    one, other = (
        [
            (tmp_path / reports / "Shop" / "backtest" / f"backtest.{form}").read_bytes()
            for form in ("html", "json", "md")
        ]
        for reports in ("one", "two")
    )
    assert one == other
