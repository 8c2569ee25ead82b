"""The dashboard's demo: made-up nights of three products, put through the whole pipeline into a store of their own."""

from __future__ import annotations

import multiprocessing
import sys
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.commands.analyze import judge
from perftracker_ai.commands.issues import keep_comparison
from perftracker_ai.commands.lookup import STORE_FILE, look_up
from perftracker_ai.dashboard.nights import ACCEPTED, NIGHTS, PRODUCTS, SEED, nights
from perftracker_ai.errors import Defect
from perftracker_ai.events import Judging
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import Accept, Settings
from perftracker_ai.sources.document import parse_job
from perftracker_ai.store import open_store, origin_of, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from multiprocessing.sharedctypes import Synchronized
    from pathlib import Path

    from perftracker_ai.events import Event, Watch
    from perftracker_ai.model import Job

COMPARED = 30
"""Nights that are compared, the newest ones, each with the one before; of the others the jobs alone are there."""
_LOOK_S = 0.2
_SERVER = "http://perftracker.example"
_ACCEPTED_DAYS = 30


def fill_demo(
    folder: Path, now: datetime, kept: int = NIGHTS, compared: int = COMPARED, watch: Watch = lambda _: None
) -> Settings:
    """Make a store of made-up nights in a folder, each product by a process of its own, and return its settings.

    Parameters
    ----------
    watch : callable
        Told how many of the nights are compared.

    Raises
    ------
    Defect
        When a product could not be made.
    """
    settings = demo_settings(folder, now)
    open_store(settings.store).close()  # made once, before several write to it
    context = multiprocessing.get_context("spawn")
    places, done, told = range(len(PRODUCTS)), context.Value("i"), -1
    order = (folder, now, kept, compared, done)
    children = [context.Process(target=_child, args=(at, *order), daemon=True) for at in places]
    for child in children:
        child.start()
    for child, product in zip(children, PRODUCTS, strict=True):
        while child.exitcode is None:
            if done.value != told:
                told = done.value
                watch(Judging(told, len(PRODUCTS) * compared))
            child.join(_LOOK_S)
        if child.exitcode:
            raise Defect(f"The nights of {product.name} could not be made up; is there room in {folder.parent}?")
    return settings


def _child(at: int, folder: Path, now: datetime, kept: int, compared: int, done: Synchronized[int]) -> None:
    """Fill in one product, and say by the exit code alone whether that was done."""
    try:
        for _ in _fill(at, folder, now, kept, compared):
            with done:
                done.value += 1
    except (Exception, KeyboardInterrupt):  # noqa: BLE001 - told by the process that waits for this one
        sys.exit(1)


def demo_settings(folder: Path, now: datetime) -> Settings:
    """Return the settings of the demo; one slowdown is accepted in them."""
    accepted = Accept(
        product=PRODUCTS[-1].name,
        endpoint=ACCEPTED,
        reason="statements are archived first since 4.2.6",
        until=(now + timedelta(days=_ACCEPTED_DAYS)).date(),
    )
    store, reports = str(folder / STORE_FILE), str(folder / "reports")
    return Settings(store=store, output_dir=str(folder), reports_dir=reports, seed=SEED, accept=(accepted,))


def _fill(at: int, folder: Path, now: datetime, kept: int, compared: int) -> Iterator[None]:
    """Record a product's jobs and compare the newest of them, as every night does; yield after each of these."""
    settings, product = demo_settings(folder, now), PRODUCTS[at]
    made = list(nights(product, _last_night(now)))[-kept:]
    jobs = [parse_job(msgspec.json.encode(one), "a made-up night") for one in made]
    old, own = len(jobs) - compared, settings.of_product(product.name)
    with closing(open_store(settings.store)) as store:
        for job in jobs[:old]:
            record(store, origin_of(_SERVER), job, own.curves)
    for pair in zip(jobs[old - 1 :], jobs[old:], strict=False):
        _compare(pair, settings, now.date())
        yield


def _last_night(now: datetime) -> datetime:
    """Return when the last night ended: at four in the morning."""
    last = now.replace(hour=4, minute=0, second=0, microsecond=0)
    return last if last < now else last - timedelta(days=1)


def _compare(pair: tuple[Job, Job], settings: Settings, today: date) -> None:
    earlier, problems = look_up(pair, _SERVER, settings, _silent)
    own = settings.of_product(pair[1].info.product_name)
    found = judge(pair, own, seed=SEED, notices=problems, today=today, earlier=earlier)
    keep_comparison(found.analysis, found.issues, result_json(found.analysis), _SERVER, settings, _silent)


def _silent(event: Event) -> None:
    """Say nothing on the way: what is not kept is missed on the page."""
