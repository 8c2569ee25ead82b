"""The dashboard over PostgreSQL shows what it shows over SQLite."""

import json

import postgres
import pytest
from dashboards import HOST, NOW, ask, fill

from perftracker_ai.commands.records import FolderRecords, StoreRecords
from perftracker_ai.dashboard.app import application
from perftracker_ai.store import open_store

PATHS = (
    "/",
    "/issues?state=all&sort=newest",
    "/p/Shop",
    "/p/Blog?jobs=360",
    "/p/Shop/e/GET/orders?a=0&b=4",
    "/p/Shop/noise",
    "/j/4",
    "/c/3..4",
)


@pytest.fixture(scope="module")
def apps(tmp_path_factory):
    """Give the same nights over both databases."""
    folder = tmp_path_factory.mktemp("both")
    urls = (str(folder / "history.sqlite3"), postgres.fresh_database())
    stores = [open_store(url) for url in urls]
    for store in stores:
        fill(store)
    yield [application(StoreRecords(store, FolderRecords(folder / "none")), {HOST}, lambda: NOW) for store in stores]
    for store in stores:
        store.close()


@pytest.mark.parametrize("path", PATHS)
def test_both_databases_give_every_page_the_same_values(apps, path):
    """Order, ties, numbers and texts of every page are those of the other database to the last digit."""
    told = [ask(app, f"/api/v1{path}") for app in apps]
    assert [one.status for one in told] == [200, 200]
    first, second = (json.loads(one.body) for one in told)
    assert first == second
    assert [ask(app, path).status for app in apps] in ([200, 200], [503, 503])
