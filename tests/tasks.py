"""Tasks for the tests of executors: functions of a module, as those that travel have to be."""

import os
import signal
import time
from pathlib import Path

from perftracker_ai.errors import NothingComparable


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


def begin(given):
    """Make a worker's own as the settings file of a machine would."""
    return dict(given), {"factor": str(dict(given).get("factor"))}
