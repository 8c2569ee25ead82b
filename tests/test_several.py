"""Several products in one run: one after the other, the next one's jobs fetched meanwhile, no trouble shared."""

import json
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from fake_perftracker import FakePerfTracker, debug_page, hang
from hang_guard import HANG_S, ended, soon
from shop import put, shop_job, shop_jobs

from perftracker_ai.commands.batch import all_products, fetching
from perftracker_ai.commands.fetch import Target, connect
from perftracker_ai.errors import SourceError
from perftracker_ai.settings import DiscoverySettings, ProductSettings, Settings

BAZAAR = r"/job/1[123]\?as_json"


def bazaar_jobs():
    return [shop_job(n, v, product_name="Bazaar") for n, v in ((11, "1.0"), (12, "1.0"), (13, "1.1"))]


@pytest.fixture
def server():
    with FakePerfTracker([*shop_jobs(), *bazaar_jobs()]) as running:
        yield running


class Ear:
    """A watcher that keeps what it is told."""

    def __init__(self):
        self.heard = []

    def __call__(self, event):
        self.heard.append(event)


def targets(*products):
    return [Target(product) for product in products]


def both(url, *options):
    return ("analyze", "--product", "Bazaar", "--product", "Shop", "--url", url, "--llm", "off", *options)


# ── trouble ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_product_that_cannot_be_fetched_does_not_touch_the_next(run, server, tmp_path):
    """When one product's downloads fail, the next one's come over the same connection; the exit code is the worst."""
    server.script(BAZAAR, debug_page(500))
    ran = run(*both(server.url))
    assert ran.code == 2
    assert ran.err.count("error: ") == 1
    assert "Shop 1.0 → 1.1" in ran.out
    assert (tmp_path / "reports" / "Shop" / "2 vs 3" / "report.html").is_file()
    table = ran.out.splitlines()[-2:]
    assert table[0].startswith("Bazaar") and "not judged" in table[0]  # noqa: PT018 - one line of the table
    assert table[1].split()[:5] == ["Shop", "2", "->", "3", "BLOCK"]


def test_the_exit_code_is_the_worst_of_all_products(run, server):
    """A gate that one product reaches is the run's, whatever the others came to."""
    assert run(*both(server.url, "--fail-on", "moderate")).code == 1
    assert run(*both(server.url, "--fail-on", "moderate"), "--product", "Nothing").code == 2


def test_a_product_named_twice_is_judged_once(run, server):
    """Saying a product's name again changes nothing."""
    ran = run("analyze", "--product", "Shop", "--product", "Shop", "--url", server.url, "--llm", "off")
    assert ran.out.count("Verdict ") == 1


def test_every_product_has_its_own_settings(run, server, tmp_path):
    """What a product's table says holds for it and for no other."""
    (tmp_path / "perftracker-ai.toml").write_text("[product.Shop.detect]\nmoderate = 9\nsevere = 10\ncritical = 11\n")
    out = run("analyze", "--product", "Bazaar", "--product", "Shop", "--url", server.url, "--llm", "off").out
    assert out.splitlines()[-1].split()[4] == "APPROVE"


# ── all products ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_products_takes_those_with_a_pair_and_names_the_others(run, server):
    """--all-products judges what can be judged, and says in one line what cannot, reading the job list once."""
    server.add(shop_job(21, "1.0", product_name="Kiosk"), shop_job(22, "1.0", product_name="Stall"))
    ran = run("analyze", "--all-products", "--url", server.url, "--llm", "off")
    assert ran.code == 0
    assert "2 products without two jobs to compare: Kiosk, Stall" in ran.err.splitlines()
    assert [line.split()[0] for line in ran.out.splitlines()[-2:]] == ["Bazaar", "Shop"]
    assert len(server.asked(r"/api/v1\.0/1/job/$")) == 1


def test_all_products_looks_with_each_product_s_own_settings(server):
    """A product whose hardware the settings ignore has nothing to compare."""
    ignoring = ProductSettings(discovery=DiscoverySettings(ignored_hardware=("bg-f1.example",)))
    settings = Settings(url=server.url, products=(("Shop", ignoring),))
    with closing(connect(settings)) as source:
        found = all_products(source, settings)
    assert (found.usable, found.others) == (("Bazaar",), ("Shop",))


def test_all_products_without_any_is_one_sentence(run, tmp_path):
    """Where no product has two jobs to compare, nothing was judged."""
    folder = put(tmp_path / "jobs", shop_job(1, "1.0"))
    ran = run("analyze", "--all-products", "--url", folder)
    assert (ran.code, ran.out) == (2, "")
    assert "None of the 1 products in" in ran.err


@pytest.mark.parametrize("other", [["--product", "Shop"], ["1", "2"]])
def test_all_products_stands_alone(run, other):
    """All products and some are not given together."""
    ran = run("analyze", "--all-products", *other)
    assert ran.code == 2
    assert "not both" in ran.err


# ── on every hardware ───────────────────────────────────────────────────────────────────────────────────────────────


def test_each_hardware_is_compared_by_itself(run, server):
    """--all-hardware judges every machine with two jobs, each in a report of its own, and names the others."""
    server.add(*(shop_job(n, f"1.{n}", hosts=("old.example",), end=f"2026-07-0{n - 20}T00:00:00Z") for n in (21, 22)))
    server.add(shop_job(30, "2.0", hosts=("new.example",)))
    ran = run("analyze", "--product", "Shop", "--all-hardware", "--json", "--url", server.url, "--llm", "off")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)["products"]
    assert [(one["product"], one["hardware"]) for one in told] == [
        ("Shop", "bg-f1.example (API)"),
        ("Shop", "old.example (API)"),
    ]
    assert sorted(path.name for path in Path("reports/Shop").iterdir()) == ["2 vs 3", "21 vs 22"]
    assert "Without two jobs to compare: Shop on new.example (API), newest 2.0, job 30" in ran.err.splitlines()
    assert len(server.asked(r"/api/v1\.0/1/job/$")) == 1


def test_the_table_at_the_end_tells_machines_apart(run, server):
    """Rows of one product name the hardware, and without the option the newest candidate's is taken alone."""
    server.add(*(shop_job(n, f"1.{n}", hosts=("old.example",), end=f"2026-07-0{n - 20}T00:00:00Z") for n in (21, 22)))
    ran = run("analyze", "--all-products", "--all-hardware", "--url", server.url, "--llm", "off")
    assert [line.partition(")")[0] for line in ran.out.splitlines()[-3:]] == [
        "Bazaar on bg-f1.example (API",
        "Shop on bg-f1.example (API",
        "Shop on old.example (API",
    ]


def test_a_product_without_a_pair_on_any_hardware_says_why(run, server):
    """What keeps a product from being compared is told as it is without the option."""
    server.add(shop_job(40, "1.0", product_name="Kiosk"))
    ran = run("analyze", "--product", "Kiosk", "--all-hardware", "--url", server.url)
    assert ran.code == 2
    assert "'Kiosk' has only one usable job" in ran.err


# ── meanwhile ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_next_product_is_fetched_while_the_present_one_is_judged(server, tmp_path):
    """While the first product's jobs are in hand the second one's come in, and nothing is said of them yet."""
    settings, ear = Settings(url=server.url, output_dir=str(tmp_path)), Ear()
    with closing(connect(settings)) as source, fetching(source, targets("Shop", "Bazaar"), settings, ear) as each:
        first = next(each)
        assert soon((tmp_path / "job-11.json").exists)
        assert "Bazaar" not in str(ear.heard)
        second = next(each)
        assert "Looking for jobs of Bazaar" in str(ear.heard)
    assert (first.product, second.product) == ("Shop", "Bazaar")
    assert [job.info.id for job in second.jobs] == [12, 13, 11]


def test_never_more_than_one_product_is_fetched_ahead(server, tmp_path):
    """However long the first product takes, only the second one is there when its turn has come."""
    server.add(*(shop_job(n, v, product_name="Kiosk") for n, v in ((21, "1.0"), (22, "1.1"))))
    settings = Settings(url=server.url, output_dir=str(tmp_path))
    with (
        closing(connect(settings)) as source,
        fetching(source, targets("Shop", "Bazaar", "Kiosk"), settings, Ear()) as each,
    ):
        next(each)
        assert soon((tmp_path / "job-11.json").exists)
        assert not server.asked(r"/job/2[12]$")
        list(each)
        assert server.asked(r"/job/2[12]$")


def test_trouble_is_handed_out_in_its_turn(server, tmp_path):
    """What kept the second product from being fetched comes out second, not while the first is judged."""
    server.script(BAZAAR, debug_page(500))
    settings = Settings(url=server.url, output_dir=str(tmp_path))
    with closing(connect(settings)) as source, fetching(source, targets("Shop", "Bazaar"), settings, Ear()) as each:
        first, second = each
    assert first.product == "Shop"
    assert isinstance(second, SourceError)


def test_one_product_needs_no_thread(server, tmp_path):
    """A single product is fetched by the thread that asks for it."""
    settings = Settings(url=server.url, output_dir=str(tmp_path))
    before = set(threading.enumerate())
    with closing(connect(settings)) as source, fetching(source, targets("Nothing"), settings, Ear()) as each:
        next(each)
        assert not [thread for thread in set(threading.enumerate()) - before if "ThreadPool" in thread.name]


@pytest.mark.parametrize(("path", "spared"), [(r"/job/3", 0), (r"/api/v1\.0/1/job/", 1)], ids=["download", "list"])
def test_an_interruption_ends_what_is_being_fetched_ahead(server, tmp_path, path, spared):
    """Ctrl-C while the next product is fetched ends at once with 130 and leaves nothing half-written."""
    server.script(path + r"\?", hang(), skip=spared)
    command = [sys.executable, "-m", "perftracker_ai", *both(server.url)]
    with (
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        ended(process),
    ):
        assert soon((tmp_path / "reports/Bazaar/12 vs 13/result_v2.json").exists)
        assert soon(lambda: len(server.asked(path + "$")) > spared)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=HANG_S)
    assert process.returncode == 130
    assert said.decode().splitlines()[-1] == "interrupted; nothing half-written was left"
    assert not list(tmp_path.rglob("*.part"))
