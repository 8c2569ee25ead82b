"""The stand-in server says what the contract says; where captured answers of the real one are at hand, as they do."""

import bz2
import json
import uuid as uuids
from pathlib import Path

import httpx2
import pytest
from fake_perftracker import FakePerfTracker, delay, die_after, drop, light_jobs, make_job, proxy_page
from hang_guard import HANG_S

CAPTURED = Path(__file__).parents[2] / "shared" / "perftracker"
JOB_UUID = str(uuids.UUID(int=1))
needs_captured = pytest.mark.skipif(not CAPTURED.is_dir(), reason="captured answers are not at hand")


@pytest.fixture
def server():
    with FakePerfTracker([make_job(1), make_job(2), make_job(3, project=2)]) as running:
        yield running


@pytest.fixture
def client(server):
    # Loading the system's authorities is slow.
    with httpx2.Client(base_url=server.url, verify=False, timeout=HANG_S) as opened:
        yield opened


def job_list(client, pid=1, **query):
    return client.get(f"/api/v1.0/{pid}/job/", params=query).json()


def ordered(column, direction="desc"):
    return {"order[0][column]": column, "order[0][dir]": direction}


# ── lists and jobs ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_list_has_ten_rows_by_default_and_five_thousand_at_most(server, client):
    """The default length is 10, the cap 5000, and -1 lifts it."""
    server.jobs = {job["id"]: job for job in light_jobs(5200)}
    sizes = [len(job_list(client, **query)["data"]) for query in ({}, {"length": 9999}, {"length": -1}, {"length": 0})]
    assert sizes == [10, 5000, 5200, 0]


def test_list_without_order_has_none(server, client):
    """Two unordered requests differ, as do ties of an ordered one, so that no client gets away with relying on it."""
    server.jobs = {job["id"]: job for job in light_jobs(60, per_end=60)}
    unordered = [[row["id"] for row in job_list(client, length=60)["data"]] for _ in range(2)]
    ties = [[row["id"] for row in job_list(client, length=60, **ordered(2))["data"]] for _ in range(2)]
    assert unordered[0] != unordered[1]
    assert ties[0] != ties[1]


@pytest.mark.parametrize(("direction", "expected"), [("desc", [3, 2, 1]), ("DESC", [1, 2, 3]), ("asc", [1, 2, 3])])
def test_descending_is_spelt_exactly(client, direction, expected):
    """Only ``desc`` is descending; anything else is ascending."""
    assert [row["id"] for row in job_list(client, 0, **ordered(1, direction))["data"]] == expected


@pytest.mark.parametrize("column", [0, 4, 15, "end"])
def test_columns_without_order_are_500(client, column):
    """Ordering by what has no order ends in a debug page."""
    answered = client.get("/api/v1.0/1/job/", params=ordered(column))
    assert answered.status_code == 500
    assert len(answered.content) > 60_000


@pytest.mark.parametrize("query", [{"start": -1}, {"start": "x"}, {"length": -2}, {"length": ""}, {"draw": "x"}])
def test_bad_numbers_are_500(client, query):
    """Offsets, lengths and draws that are no numbers or out of range end in 500."""
    assert client.get("/api/v1.0/1/job/", params=query).status_code == 500


def test_counters_of_the_list(server, client):
    """``recordsTotal`` counts everything, ``recordsFiltered`` what the project shows; deleted jobs have no row."""
    server.jobs[2]["deleted"] = True
    page = job_list(client, 1, draw=7)
    assert (page["draw"], page["recordsTotal"], page["recordsFiltered"]) == (7, 3, 1)
    assert [row["id"] for row in page["data"]] == [1]
    assert job_list(client, 0)["recordsFiltered"] == 2


def test_search_sees_title_and_suite_version_only(server, client):
    """A search finds titles and suite versions without regard to case, never products."""
    server.add(
        make_job(10, title="Nightly API"), make_job(11, suite_ver="nightly-7"), make_job(12, product_name="Nightly")
    )
    found = job_list(client, 1, **{"search[value]": "NIGHTLY"})
    assert {row["id"] for row in found["data"]} == {10, 11}


def test_missing_job_has_three_faces(client):
    """Job detail answers 404 with an empty list, as_json 404 with a web page, a trailing slash always a web page."""
    detail, document, slash = (client.get(path) for path in ("/api/v1.0/1/job/9", "/1/job/9?as_json=1", "/1/job/1/"))
    assert (detail.status_code, detail.json()) == (404, [])
    for page in (document, slash):
        assert page.status_code == 404
        assert page.headers["content-type"].startswith("text/html")


def test_project_id_is_decoration_for_single_jobs(client):
    """Detail and document answer whatever the project in the address."""
    assert client.get("/api/v1.0/77/job/3").json()["id"] == 3
    assert client.get("/77/job/3", params={"as_json": "0"}).json()["id"] == 3


def test_deleted_job_is_served(server, client):
    """A deleted job's detail does not tell, its document does."""
    server.jobs[2]["deleted"] = True
    assert "deleted" not in client.get("/api/v1.0/1/job/2").json()
    assert client.get("/1/job/2?as_json=1").json()["deleted"] is True


def test_web_page_without_as_json(client):
    """An empty or absent ``as_json`` gives the web page."""
    assert client.get("/1/job/2?as_json=").headers["content-type"].startswith("text/html")


def test_missing_slash(client):
    """A GET without the slash is sent on with its query, a POST crashes."""
    answered = client.get("/api/v1.0/1/job?length=1&start=2")
    assert (answered.status_code, answered.headers["location"]) == (301, "/api/v1.0/1/job/?length=1&start=2")
    assert client.post("/api/v1.0/1/comparison").status_code == 500


def test_debug_off_makes_pages_short(server, client):
    """Without DEBUG a crash is 145 bytes."""
    server.debug = False
    assert len(client.get("/api/v1.0/1/job/?start=x").content) == 145


@needs_captured
@pytest.mark.parametrize(
    ("path", "captured"),
    [("/api/v1.0/1/job/5", "job_detail.json"), ("/1/job/5?as_json=1", "as_json_small.json")],
    ids=["detail", "document"],
)
def test_keys_as_captured(server, client, path, captured):
    """A job's detail and document have the real server's keys."""
    document = json.loads((CAPTURED / "as_json_small.json").read_text())
    server.add(document)
    real = json.loads((CAPTURED / captured).read_text())
    assert client.get(path).json().keys() == real.keys()


@needs_captured
def test_list_row_keys_as_captured(server, client):
    """A list row has the real server's keys, and no uuid."""
    real = json.loads((CAPTURED / "job_list_default.json").read_text())
    made = job_list(client)
    assert made.keys() == real.keys()
    assert made["data"][0].keys() == real["data"][0].keys()
    assert made["data"][0]["env_node"][0].keys() == {"name", "display_name", "id"}


@needs_captured
def test_made_up_documents_have_the_keys_of_real_ones():
    """A document made for tests has the real top-level keys in the real order, and tests no key that is not real."""
    real = json.loads((CAPTURED / "as_json_small.json").read_text())
    made = make_job(1)
    assert list(made) == list(real)
    assert made["env_nodes"][0].keys() == real["env_nodes"][0].keys()
    assert made["tests"][0].keys() <= real["tests"][0].keys()


# ── artifacts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def new_uuid():
    return str(uuids.uuid4())


def store(client, uuid, content=b"<html>", **fields):
    return client.post(f"/api/v1.0/1/artifact/{uuid}", files={"file": ("x", content)}, data=fields)


def meta(client, uuid):
    return client.get(f"/api/v1.0/0/artifact/{uuid}")


def test_artifact_is_created_updated_and_linked(client):
    """The first POST creates, the second updates, ``linked_uuids`` links, and the job's detail lists it."""
    uuid = new_uuid()
    fields = {"filename": "report.html", "inline": "true", "linked_uuids": json.dumps([JOB_UUID])}
    first, second = store(client, uuid.upper(), **fields), store(client, uuid, b"second", **fields)
    assert first.json() == {"message": f"Artifact has been created, uuid: {uuid}", "uuid": uuid}
    assert second.json()["message"].startswith("Artifact has been updated")
    record = meta(client, uuid).json()
    assert (record["links"], record["size"], record["inline"], record["mime"]) == ([JOB_UUID], 6, True, "text/html")
    assert client.get("/api/v1.0/1/job/1").json()["artifacts"] == [record]


def test_links_field_is_ignored(client):
    """The field called ``links`` links nothing, and nobody says so."""
    uuid = new_uuid()
    assert store(client, uuid, links=json.dumps([JOB_UUID])).status_code == 200
    assert meta(client, uuid).json()["links"] == []


@pytest.mark.parametrize(
    ("word", "expected"), [("true", True), ("Yes", True), ("TRUE", False), ("1", False), ("on", False)]
)
def test_booleans_by_exact_word(client, word, expected):
    """Only the exact words mean true."""
    uuid = new_uuid()
    store(client, uuid, inline=word)
    assert meta(client, uuid).json()["inline"] is expected


@pytest.mark.parametrize(
    ("fields", "status", "burns"),
    [
        ({"linked_uuids": JOB_UUID}, 400, False),
        ({"linked_uuids": ""}, 400, False),
        ({"ttl_days": "x"}, 400, False),
        ({"linked_uuids": '["zz"]'}, 400, True),
        ({"linked_uuids": f'"{JOB_UUID}"'}, 400, True),
        ({"mime": "m" * 33}, 500, True),
        ({"filename": "f" * 129}, 500, True),
        ({"description": "d" * 257}, 500, True),
    ],
)
def test_refused_artifact_may_burn_its_uuid(client, fields, status, burns):
    """What fails after the file was written makes the uuid unusable, what fails before does not."""
    uuid = new_uuid()
    assert store(client, uuid, **fields).status_code == status
    assert meta(client, uuid).status_code == 404
    again = store(client, uuid)
    assert again.status_code == (500 if burns else 200)
    assert ("[Errno 17]" in again.text) is burns


def test_longest_texts_that_fit(client):
    """Texts of exactly the allowed lengths are taken."""
    assert store(client, new_uuid(), mime="m" * 32, filename="f" * 128, description="d" * 256).status_code == 200


def test_file_part_must_have_its_name(client):
    """Another part name is 400, no file at all for a new artifact is 500."""
    url = f"/api/v1.0/1/artifact/{new_uuid()}"
    wrong = client.post(url, files={"data": ("x", b"x")})
    assert (wrong.status_code, wrong.json()) == (400, {"message": "can't get file data"})
    assert client.post(url, data={"filename": "x"}).status_code == 500
    assert client.post(url, json={"filename": "x"}).status_code == 500


def test_deleted_artifact(client):
    """A deleted artifact keeps its record and links, answers 410 for its content, and cannot be stored again."""
    uuid = new_uuid()
    store(client, uuid, linked_uuids=json.dumps([JOB_UUID]))
    for _ in range(2):
        assert client.delete(f"/api/v1.0/1/artifact/{uuid}").status_code == 200
    assert meta(client, uuid).json()["deleted"] is True
    assert [item["uuid"] for item in client.get("/api/v1.0/1/job/1").json()["artifacts"]] == [uuid]
    assert client.get(f"/1/artifact_content/{uuid}").status_code == 410
    assert "[Errno 2]" in store(client, uuid).text


def test_artifact_can_be_patched(client):
    """PATCH takes JSON with real lists, crashes on anything else, and unlinks."""
    uuid = new_uuid()
    store(client, uuid, linked_uuids=json.dumps([JOB_UUID]))
    url = f"/api/v1.0/1/artifact/{uuid}"
    assert client.patch(url, json={"description": "new", "unlinked_uuids": [JOB_UUID]}).status_code == 200
    assert (meta(client, uuid).json()["description"], meta(client, uuid).json()["links"]) == ("new", [])
    assert client.patch(url, content=b"a=b").status_code == 500
    assert client.patch(f"/api/v1.0/1/artifact/{new_uuid()}", json={}).status_code == 404
    assert client.put(url).status_code == 405


def test_artifact_content(client):
    """Content comes back as it was sent, packed content is unpacked, unknown content is 500."""
    plain, packed, broken = new_uuid(), new_uuid(), new_uuid()
    content = bytes(range(256)) * 3 + b"\r\n--not the boundary\r\n"
    store(client, plain, content, filename="a.bin")
    store(client, packed, bz2.compress(b"hello"), compression="true", inline="true", mime="text/html; charset=utf-8")
    store(client, broken, b"no bz2", compression="true")
    assert client.get(f"/1/artifact_content/{plain}").content == content
    shown = client.get(f"/api/v1.0/1/artifact_content/{packed}")
    assert (shown.text, shown.headers["content-type"]) == ("hello", "text/html; charset=utf-8")
    assert client.get(f"/1/artifact_content/{broken}").status_code == 500
    assert client.get(f"/1/artifact_content/{new_uuid()}").status_code == 500


@pytest.mark.parametrize(("text", "status"), [("123", 400), ("a947bdc946314c289836d81da3b73d7c", 400), ("zzz", 404)])
def test_malformed_artifact_uuid(client, text, status):
    """Hex digits that are no dashed uuid are 400, other letters have no route."""
    assert meta(client, text).status_code == status


def test_artifact_list(client):
    """The list is newest first, without deleted ones, and crashes for any project but 0."""
    kept, gone = [new_uuid() for _ in range(3)], new_uuid()
    for uuid in (*kept, gone):
        store(client, uuid)
    client.delete(f"/api/v1.0/1/artifact/{gone}")
    listed = client.get("/api/v1.0/0/artifact/", params={"start": 0, "length": 10}).json()
    assert [item["uuid"] for item in listed] == kept[::-1]
    assert client.get("/api/v1.0/1/artifact/").status_code == 500
    assert client.get("/api/v1.0/0/artifact/", params={"length": "x"}).status_code == 400


def test_large_body_is_413(client):
    """A body over 1 MiB meets the proxy's page, one below does not."""
    answered = store(client, new_uuid(), b"x" * 1_100_000)
    assert (answered.status_code, len(answered.content)) == (413, 183)
    assert store(client, new_uuid(), b"x" * 900_000).status_code == 200


def test_artifacts_not_configured(server, client):
    """Without a storage directory every artifact address answers 501."""
    server.artifacts_configured = False
    statuses = [meta(client, new_uuid()), store(client, new_uuid()), client.get("/api/v1.0/0/artifact/")]
    assert {answered.status_code for answered in statuses} == {501}


@needs_captured
def test_artifact_keys_as_captured(client):
    """An artifact's metadata has the real server's keys in order."""
    uuid = new_uuid()
    store(client, uuid)
    assert list(meta(client, uuid).json()) == list(json.loads((CAPTURED / "artifacts" / "get_meta.json").read_text()))


# ── comparisons ─────────────────────────────────────────────────────────────────────────────────────────────────────


def compare(client, body, pid=1):
    return client.post(f"/api/v1.0/{pid}/comparison/", json=body)


def test_comparison_keeps_the_order_of_jobs(client):
    """Each POST makes a new comparison; the first job is the reference; ids may be digit strings."""
    numbers = [compare(client, {"title": "t", "jobs": [2, "1"]}).json()["id"] for _ in range(2)]
    assert numbers[0] != numbers[1]
    detail = client.get(f"/api/v1.0/1/comparison/{numbers[0]}").json()
    assert [job["id"] for job in detail["jobs"]] == [2, 1]
    assert [row["jobs"] for row in client.get("/api/v1.0/1/comparison/").json()["data"]] == [[2, 1], [2, 1]]
    assert client.get(f"/1/comparison/{numbers[0]}").status_code == 200


@pytest.mark.parametrize(
    ("body", "pid", "status"),
    [
        ({"jobs": [1]}, 1, 400),
        ({"title": "t"}, 1, 400),
        ({"title": "t", "jobs": 1}, 1, 400),
        ({"title": "t", "jobs": [999]}, 1, 400),
        ({"title": "t", "jobs": [1], "charts_type": "pie"}, 1, 400),
        ({"title": "t", "jobs": ["x"]}, 1, 500),
        ({"title": "t", "jobs": [1]}, 0, 500),
        ({"title": "t", "jobs": [1]}, 99, 500),
    ],
)
def test_refused_comparisons(client, body, pid, status):
    """Missing parts are 400 with a sentence; a bad id or project crashes."""
    assert compare(client, body, pid).status_code == status


def test_missing_and_deleted_comparison(client):
    """A missing comparison is 404 with an empty list, a deleted one is still served."""
    missing = client.get("/api/v1.0/1/comparison/9")
    assert (missing.status_code, missing.json()) == (404, [])
    number = compare(client, {"title": "t", "jobs": [1, 2]}).json()["id"]
    client.delete(f"/api/v1.0/1/comparison/{number}")
    assert client.get(f"/api/v1.0/1/comparison/{number}").json()["deleted"] is True


@needs_captured
def test_comparison_keys_as_captured(client):
    """A comparison has the real server's keys."""
    number = compare(client, {"title": "t", "jobs": [1, 2]}).json()["id"]
    real = json.loads((CAPTURED / "comparison_detail.json").read_text())
    assert client.get(f"/api/v1.0/1/comparison/{number}").json().keys() == real.keys()


# ── the stand-in's own ways ─────────────────────────────────────────────────────────────────────────────────────────


def test_requests_are_recorded(server, client):
    """Every request is kept with method, path, query, headers and body."""
    client.post("/api/v1.0/1/comparison/?a=1&a=2", content=b"body", headers={"X-Mark": "m"})
    [request] = server.requests
    assert (request.method, request.path, request.query) == ("POST", "/api/v1.0/1/comparison/", {"a": "2"})
    assert (request.headers["x-mark"], request.body) == ("m", b"body")


def test_faults_hit_only_what_they_name(server, client):
    """A scripted fault spares other paths and methods, waits for its turn, and ends after its times."""
    server.script("/job/1$", proxy_page(502), skip=1, times=2, method="GET")
    assert [client.get("/api/v1.0/1/job/1").status_code for _ in range(4)] == [200, 502, 502, 200]
    assert client.get("/api/v1.0/1/job/2").status_code == 200


def test_connections_break_as_scripted(server, client):
    """Dropped and dying connections are seen as such by a client, and later requests work."""
    server.script("/job/1$", drop(), times=1)
    server.script("/job/1$", die_after(10), times=1)
    for _ in range(2):
        with pytest.raises(httpx2.RemoteProtocolError):
            client.get("/api/v1.0/1/job/1")
    assert client.get("/api/v1.0/1/job/1").status_code == 200


def test_late_answer_is_right(server, client):
    """A delayed answer is the answer."""
    server.script("/job/1$", delay(0.05))
    answered = client.get("/api/v1.0/1/job/1")
    assert answered.json()["id"] == 1
    assert answered.elapsed.total_seconds() >= 0.05


def test_stopped_server_refuses(server, client):
    """After `stop` the address refuses connections."""
    url = server.url
    server.stop()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url + "/api/v1.0/0/project/")


def test_own_mistakes_come_to_light(client):
    """An exception inside the stand-in fails the test that caused it instead of looking like a broken connection."""
    crashing = FakePerfTracker()
    crashing.__enter__()
    crashing.before = lambda request: 1 / 0
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(crashing.url)
    with pytest.raises(ZeroDivisionError):
        crashing.stop()
