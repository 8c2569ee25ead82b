"""Work that is done elsewhere: in order, whatever happens to who does it, and nothing left of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tasks
from hang_guard import HANG_S, soon

from perftracker_ai.errors import ClusterError, Defect, NothingComparable, WorkerLost
from perftracker_ai.executors import in_order, local

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def processes():
    with local({"factor": 3}, 2) as given:
        yield given


@pytest.fixture(params=["here", "processes"])
def pool(request):
    if request.param == "processes":
        yield request.getfixturevalue("processes")
        return
    with local({"factor": 3}, 1) as given:
        yield given


def test_answers_come_in_the_order_of_the_keys(pool):
    """Whoever does the work, and whatever is done first, the answers are those of the keys in their order."""
    heard = []
    assert list(in_order(pool, tasks.doubled, range(9), finished=heard.append)) == [3 * key for key in range(9)]
    assert heard == sorted(heard)
    assert heard[-1] == 9


def test_no_keys_are_no_answers(pool):
    """Nothing to do is done at once."""
    assert list(in_order(pool, tasks.doubled, [])) == []


def test_few_tasks_are_under_way(processes):
    """Keys are taken as they are needed, so that a long list of them costs nothing."""
    taken = []
    answers = in_order(processes, tasks.doubled, (taken.append(key) or key for key in range(1000)))
    next(answers)
    assert len(taken) <= 2 * processes.width + 1


def test_trouble_stands_in_its_place(pool):
    """A sentence of ours, or a fault of ours, that a task ends with is its answer; the others have theirs."""
    zero, one, two, three = in_order(pool, tasks.refused, range(4))
    assert (zero, three) == (0, 3)
    assert isinstance(one, NothingComparable)
    assert str(one) == "There is nothing to compare in 1; give another."
    assert isinstance(two, Defect)
    assert "KeyError" in str(two)


def test_an_answer_that_cannot_travel_is_a_fault_in_its_place(processes):
    """What does not pickle costs only itself."""
    zero, one, two = in_order(processes, tasks.unpicklable, range(3))
    assert (zero, two) == (0, 2)
    assert isinstance(one, Defect)


def test_a_process_that_dies_costs_what_it_was_at(tmp_path):
    """Killed once, a task is done again; killed twice, it alone has no answer, though others were under way with it."""
    with local({"folder": str(tmp_path)}, 2) as two:
        answers = list(in_order(two, tasks.dies, range(8)))
    assert [answer for answer in answers if not isinstance(answer, WorkerLost)] == [0, 2, 3, 4, 5, 6, 7]
    assert isinstance(answers[1], WorkerLost)


def test_nobody_is_waited_for_without_end(tmp_path):
    """Where nothing comes for longer than anybody would wait, that is said."""
    with local({"folder": str(tmp_path)}, 2) as two, pytest.raises(ClusterError, match="No worker answered"):
        list(in_order(two, tasks.sleeps, range(2), patience_s=0.5))


def test_processes_are_others_and_calculate_in_one_thread(processes):
    """A worker is a process of its own that hears no Ctrl-C and does not take the cores of the others."""
    assert os.getpid() not in set(in_order(processes, tasks.where, range(8)))
    assert set(in_order(processes, tasks.threads, range(2))) == {(0, False)}


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_who_started_it(tmp_path, kill):
    """Interrupted, ended or killed: workers end with who started them, in the middle of whatever they are at."""
    program = (
        "import tasks\nfrom perftracker_ai.executors import in_order, local\n"
        "if __name__ == '__main__':\n"
        f"    with local({{'folder': {str(tmp_path)!r}}}, 2) as pool:\n"
        "        list(in_order(pool, tasks.sleeps, range(4)))\n"
    )
    script = tmp_path / "program.py"
    script.write_text(program)
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    started = subprocess.Popen([sys.executable, script], env=environment, stderr=subprocess.PIPE, process_group=0)
    assert soon(lambda: len(list(tmp_path.glob("pid-*"))) == 2)
    workers = [int(path.name[4:]) for path in tmp_path.glob("pid-*")]
    # The keyboard speaks to all processes that were started together.
    os.killpg(started.pid, kill) if kill is signal.SIGINT else started.send_signal(kill)
    said = started.communicate(timeout=HANG_S)[1].decode()
    assert soon(lambda: not any(map(_is_running, workers)))
    assert said.count("Traceback") <= 1, said  # that of the program itself, and none of a worker


def _is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
