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
    """Return the stations that a pair of nights goes through, in their order."""
    return [
        Station("scheduler", 1, given.dispatch),
        Station("database, reads", given.database, given.read),
        Station("network of the database", 1, given.megabytes / given.network),
        Station("workers", 0, given.judge),
        Station("database, writes", 1, given.write),
    ]


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=100)
    parser.add_argument("--nights", type=int, default=5 * 365, help="of each product")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10, 50, 100, 200])
    parser.add_argument("--judge", type=float, default=24.0, help="seconds of a core for a pair of nights")
    parser.add_argument("--read", type=float, default=0.55, help="seconds of the database for what a pair needs")
    parser.add_argument("--database", type=int, default=8, help="reads that the database serves at the same time")
    parser.add_argument("--megabytes", type=float, default=55.0, help="of what a pair needs, as it travels")
    parser.add_argument("--network", type=float, default=1000.0, help="megabytes a second out of the database")
    parser.add_argument("--write", type=float, default=0.005, help="seconds of the only writer for what is kept")
    parser.add_argument("--dispatch", type=float, default=0.001, help="seconds of the scheduler for a task")
    parser.add_argument("--markdown", action="store_true")
    return parser


def main() -> None:
    given = options().parse_args()
    stations = fleet(given)
    pairs = given.products * (given.nights - 1)
    rows = []
    for workers in given.workers:
        found = simulate(pairs, workers, stations)
        busy = [f"{100 * found.busy[station.name]:.0f} %" for station in stations]
        rows.append([workers, f"{found.seconds / 3600:.1f}", f"{pairs / found.seconds:.2f}", *busy, found.bottleneck])
    heads = ["workers", "hours", "pairs/s", *(station.name for station in stations), "bottleneck"]
    show(f"{pairs:,} pairs of {given.products} products", heads, rows, markdown=given.markdown)


if __name__ == "__main__":
    main()
