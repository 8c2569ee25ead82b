"""Tasks for the tests of executors: functions of a module, as those that travel have to be."""

import os
import signal
import time
from pathlib import Path

from perftracker_ai.errors import NothingComparable, UsageError


def doubled(own, key):
    """Answer late where the key is small, so that answers come out of order."""
    time.sleep(0.02 / (1 + key))
    return own["factor"] * key


def where(own, key):
    return os.getpid()


def refused(own, key):
    if key == 1:
        raise NothingComparable(f"There is nothing to compare in {key}", "give another")
    if key == 2:
        raise KeyError("a fault of ours")
    return key


def unpicklable(own, key):
    return (lambda: key) if key == 1 else key


def dies(own, key):
    """Die at every try with key 1, at the first one only with key 2."""
    mark = Path(own["folder"]) / f"mark-{key}"
    if key == 1 or (key == 2 and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return key


def sleeps(own, key):
    mark = Path(own["folder"]) / f"pid-{os.getpid()}"
    mark.touch()
    time.sleep(60)


def threads(own, key):
    """Count the threads that NumPy's library begins, and tell whether Ctrl-C is heard."""
    before = len(list(Path("/proc/self/task").iterdir()))
    import numpy as np

    np.ones((300, 300)) @ np.ones((300, 300))
    return len(list(Path("/proc/self/task").iterdir())) - before, signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def naps(own, key):
    (Path(own["folder"]) / f"pid-{os.getpid()}").touch()
    time.sleep(0.2)
    return key


def crowd(own, key):
    """Count how many are at it at the same time."""
    mark = Path(own["folder"]) / f"crowd-{key}"
    mark.touch()
    time.sleep(0.05)
    there = len(list(mark.parent.glob("crowd-*")))
    mark.unlink()
    return there


def begin(given):
    """Make a worker's own as the settings file of a machine would, and differ from `here` where that is wanted."""
    own = dict(given)
    marks = {"factor": str(own.get("factor"))}
    if own.get("here") == os.getpid():
        return own, marks
    if "fails" in own:
        raise UsageError("There is no settings file", "make one")
    if "differs" in own or ("by_environment" in own and "TASKS_DIFFER" in os.environ):
        marks["setting differs"] = "1"
    if "version" in own:
        marks["perftracker-ai"] = "0.0.1"
    return own, marks
