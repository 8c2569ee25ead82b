"""Workers, a database, a network and a scheduler as queues: what a fleet of any size takes, from measured times.

    python benchmarks/queues.py [--workers 50] [--judge S] [--read S] [--write S] [--megabytes MB] …

A task goes from the scheduler to a worker, reads from the database, takes its bytes over the network, calculates,
writes, and goes back. Every station serves in the order of arrival, with as many servers as it has; a worker is with
its task from beginning to end. Nothing is drawn: with the same times the answer is the same. What is printed is how
long all tasks take and how busy each station is; the busiest one is the bottleneck.
"""

from __future__ import annotations

import argparse
import heapq
from typing import NamedTuple

from tables import show


class Station(NamedTuple):
    """Something that serves tasks: so many at a time, each for so long."""

    name: str
    servers: int
    service_s: float


class Outcome(NamedTuple):
    """How long all tasks took, and the share of that time each station's servers were busy."""

    seconds: float
    busy: dict[str, float]

    @property
    def bottleneck(self) -> str:
        """The busiest station."""
        return max(self.busy, key=self.busy.__getitem__)


def simulate(tasks: int, workers: int, stations: list[Station]) -> Outcome:
    """Send tasks through the stations, in their order, as workers become free.

    A station without servers of its own (0) is the worker itself: nobody waits for it.
    """
    free = [[0.0] * station.servers for station in stations]  # when each server is free again, a heap for each station
    events = [(0.0, worker, 0) for worker in range(min(workers, tasks))]  # when, who, at which station
    left, end = tasks - len(events), 0.0
    while events:
        now, worker, at = heapq.heappop(events)
        if at == len(stations):
            end = max(end, now)
            if left:
                left -= 1
                heapq.heappush(events, (now, worker, 0))
            continue
        done = now + stations[at].service_s
        if free[at]:
            done = max(now, heapq.heappop(free[at])) + stations[at].service_s
            heapq.heappush(free[at], done)
        heapq.heappush(events, (done, worker, at + 1))
    work = {one.name: tasks * one.service_s / (one.servers or workers) for one in stations}
    return Outcome(end, {name: seconds / end for name, seconds in work.items()})


def fleet(given: argparse.Namespace) -> list[Station]:
    """Return the stations that a task goes through, in their order."""
    return [
        Station("scheduler", 1, given.dispatch),
        Station("database", given.database, given.read),
        Station("network", 1, given.megabytes / given.network),
        Station("workers", 0, given.unpack + given.together * given.judge),
        Station("command", 1, given.together * given.keep),
    ]


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=100)
    parser.add_argument("--nights", type=int, default=5 * 365, help="of each product (%(default)s)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10, 50, 200, 1000], help="(%(default)s)")
    parser.add_argument("--together", type=int, default=8, help="nights in a task (%(default)s)")
    parser.add_argument("--judge", type=float, default=20.4, help="seconds of a core for a pair (%(default)s)")
    parser.add_argument("--unpack", type=float, default=2.8, help="of a core for what a task reads (%(default)s)")
    parser.add_argument("--read", type=float, default=0.64, help="of the database for a task (%(default)s)")
    parser.add_argument("--database", type=int, default=8, help="reads served at the same time (%(default)s)")
    parser.add_argument("--megabytes", type=float, default=35.0, help="that a task reads (%(default)s)")
    parser.add_argument("--network", type=float, default=110.0, help="MB/s out of the database (%(default)s)")
    parser.add_argument("--dispatch", type=float, default=0.002, help="seconds of the scheduler (%(default)s)")
    parser.add_argument("--keep", type=float, default=0.005, help="to keep a pair's answer (%(default)s)")
    parser.add_argument("--markdown", action="store_true")
    return parser


def main() -> None:
    given = options().parse_args()
    stations = fleet(given)
    tasks = given.products * -(-(given.nights - 1) // given.together)
    rows = []
    for workers in given.workers:
        found = simulate(tasks, workers, stations)
        busy = [f"{100 * found.busy[station.name]:.0f} %" for station in stations]
        rows.append([workers, f"{found.seconds / 3600:.1f}", *busy, found.bottleneck])
    heads = ["workers", "hours", *(station.name for station in stations), "busiest"]
    show(f"{tasks:,} tasks of {given.together} nights, {given.products} products", heads, rows, markdown=given.markdown)


if __name__ == "__main__":
    main()
