"""The one bound on time that a test may have: what must end ends at all, however slow the machine is."""

import time
from contextlib import contextmanager

HANG_S = 60.0
"""Far above every bound that tests set for the product, far below the servers' patience in never answering."""


@contextmanager
def must_end():
    """Fail when the block took so long that what should have ended it cannot have done so; no measure of speed."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < HANG_S


@contextmanager
def ended(process):
    """See that a process does not outlive its test."""
    try:
        yield
    finally:
        process.kill()


def soon(holds):
    """Wait until something holds, for a bounded time."""
    until = time.monotonic() + HANG_S
    while not holds() and time.monotonic() < until:
        time.sleep(0.005)
    return holds()
