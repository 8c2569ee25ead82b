"""Publication against the stand-in: what a good server is left with, and what each bad one is told as."""

import bz2
import os
import re
import signal
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from analyses import job
from fake_perftracker import (
    MIB,
    FakePerfTracker,
    Reply,
    answer,
    debug_page,
    delay,
    die_after,
    drop,
    hang,
    login_page,
    make_job,
    proxy_page,
    redirect,
    refused_url,
)
from hang_guard import HANG_S
from msgspec.structs import replace

from perftracker_ai.errors import (
    BadAnswer,
    NotFound,
    PerfTrackerAIError,
    PublishError,
    SourceError,
    Unreachable,
    UsageError,
)
from perftracker_ai.http.perftracker import Patience, open_connection
from perftracker_ai.publish import HTML, TEXT, Document, publish
from perftracker_ai.settings import Settings

HASTY = Patience(pauses_s=(0.0, 0.0, 0.0))
BRIEF = Patience(connect_s=0.5, read_s=0.3, answer_s=0.5, pauses_s=(0.0,))
"""For servers that would keep a test waiting."""

PAGE = Document(name="report.html", mime=HTML, content="<p>Größe</p>".encode(), description="Report of 1 and 2")
SUMMARY = Document(name="summary.md", mime=TEXT, content="# Größe\n".encode(), description="Summary of 1 and 2")
BOTH = (PAGE, SUMMARY)
POST = re.compile(r"/artifact/[0-9a-f-]{36}$")


def known(document):
    """The `JobInfo` of a stand-in's job."""
    names = ("product_name", "product_ver")
    return job(document["id"], "", uuid=document["uuid"], **{name: document[name] for name in names})


@pytest.fixture
def server():
    with FakePerfTracker([make_job(1), make_job(2, project=2)]) as running:
        yield running


@pytest.fixture
def send(server):
    """Publish the two jobs' documents, as a run of its own."""

    def run(documents=BOTH, *, patience=HASTY, comparison=False, jobs=None, told=None, url=None):
        baseline, candidate = jobs or (known(server.jobs[1]), known(server.jobs[2]))
        report = (told if told is not None else []).append
        connection = open_connection(Settings(url=url or server.url), patience=patience)
        with closing(connection):
            return publish(connection, baseline, candidate, documents, comparison=comparison, report=report)

    return run


def live(server):
    """What the candidate's page offers: file name and content as a browser gets it, of all that is not deleted."""
    offered = []
    for record in server.artifacts.values():
        if server.jobs[2]["uuid"] in record["links"] and not record["deleted"]:
            stored = server.contents[record["uuid"]]
            offered.append((record["filename"], bz2.decompress(stored) if record["compression"] else stored))
    return sorted(offered)


def posts(server):
    return [request for request in server.requests if request.method == "POST" and POST.search(request.path)]


WHOLE = [
    ("Product_1.0-1_vs_1.0-2_job-1-vs-2_report.html", PAGE.content),
    ("Product_1.0-1_vs_1.0-2_job-1-vs-2_summary.md", SUMMARY.content),
]


def refused(error):
    """The sentence somebody reads: one line, one sentence, nothing of the server's settings."""
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 600
    assert text[-1] in ".?"
    assert "SECRET_KEY" not in text
    return text


# ── what is left on a good server ───────────────────────────────────────────────────────────────────────────────────


def test_both_documents_are_linked_to_the_candidate(server, send):
    """The candidate's page offers both documents, shown in the browser with their charset."""
    published = send()
    assert live(server) == WHOLE
    assert [(record["inline"], record["mime"]) for record in server.artifacts.values()] == [(True, HTML), (True, TEXT)]
    assert {record["description"] for record in server.artifacts.values()} == {PAGE.description, SUMMARY.description}
    assert [document.name for document in published.documents] == ["report.html", "summary.md"]
    assert not any(document.packed for document in published.documents)
    assert published.comparison_address == ""


def test_addresses_lead_to_what_was_stored(server, send):
    """The job's address holds the project the server says it is in, and a document's address gives the document."""
    import httpx2

    published = send(jobs=(known(server.jobs[1]), replace(known(server.jobs[2]), project_id=7)))
    assert published.job_address == f"{server.url}/2/job/2"
    for document, sent in zip(published.documents, BOTH, strict=True):
        got = httpx2.get(document.address, timeout=HANG_S)
        assert (got.content, got.headers["Content-Type"]) == (sent.content, sent.mime)


def test_a_proxy_may_mount_the_server_below_a_path(send):
    """Documents are stored, and addresses printed, below the path of the address given."""
    with FakePerfTracker([make_job(1), make_job(2)], prefix="/pt") as server:
        published = send(jobs=(known(server.jobs[1]), known(server.jobs[2])), url=server.url)
        assert live(server) == WHOLE
    assert "/pt/1/job/2" in published.job_address
    assert all("/pt/0/artifact_content/" in document.address for document in published.documents)


def test_credentials_in_the_address_are_not_printed(server, send):
    """A password given in the server's address is sent and never in a published address or a message."""
    told = []
    published = send(url=server.url.replace("://", "://me:secret@"), told=told)
    assert all("authorization" in request.headers for request in server.requests)
    assert "secret" not in f"{published} {told}"


def test_twenty_uploads_leave_two_artifacts(server, send):
    """Publishing again and again changes dates and nothing else."""
    first = send()
    before = {key: dict(record, uploaded_dt="") for key, record in server.artifacts.items()}
    for _ in range(19):
        assert send() == first
    assert {key: dict(record, uploaded_dt="") for key, record in server.artifacts.items()} == before
    assert len(before) == 2


def test_newer_content_replaces_older(server, send):
    """A rerun with another report leaves the new one under the old address."""
    first = send()
    again = replace(PAGE, content=b"<p>new</p>")
    assert send((again, SUMMARY)) == first
    assert live(server) == [(WHOLE[0][0], again.content), WHOLE[1]]


def test_other_pairs_have_artifacts_of_their_own(server, send):
    """The same candidate against another baseline is another report, and both stay."""
    server.add(make_job(3))
    send()
    send(jobs=(known(server.jobs[3]), known(server.jobs[2])))
    assert len(live(server)) == 4


def test_progress_is_told_in_words(send):
    """Whoever waits hears where to, and the name and size of each document."""
    told = []
    send(told=told)
    assert told[0].startswith("Publishing to http://127.0.0.1")
    assert told[1:] == [f"Uploading {name} ({len(content)} bytes)" for name, content in WHOLE]


def test_artifacts_of_other_tools_stay(server, send):
    """What others linked to the job, of whatever form, is neither read closely nor touched."""
    send()
    (mine, record), *_ = server.artifacts.items()
    other = str(uuid.UUID(int=99))
    server.artifacts[other] = record | {"uuid": other, "filename": None, "mime": None}
    server.contents[other] = b"theirs"
    send()
    assert not server.artifacts[other]["deleted"]
    assert server.artifacts[other]["links"] == server.artifacts[mine]["links"]


# ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("product", "version", "start"),
    [
        ("<b>GR PM</b>", '1.0"; rm -rf', "b-GR-PM-b_1.0-rm--rf_vs_"),
        ("Größe\u202e\n", "../../etc", "Gro-e-"),
        ("", "", "unnamed_unnamed_vs_"),
        ("P" * 500, "1" * 500, "P" * 21 + "-"),
    ],
)
def test_file_names_are_plain_and_short(server, send, product, version, start):
    """Whatever product and version are called, the file name is plain ASCII of at most 128 characters and an ending."""
    jobs = [replace(known(server.jobs[at]), product_name=product, product_ver=version) for at in (1, 2)]
    names = [document.filename for document in send(jobs=jobs).documents]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,128}", name) for name in names)
    assert all(name.startswith(start) for name in names)
    assert [name.rpartition("_")[2] for name in names] == ["report.html", "summary.md"]


def test_products_of_any_script_are_told_apart(server, send):
    """Names without a Latin letter differ in the file's name, and stand as they are in the comparison's title."""
    names = set()
    for product in ("Магазин", "Корзина", "商店", "Café"):
        jobs = [replace(known(server.jobs[at]), product_name=product) for at in (1, 2)]
        published = send(jobs=jobs, comparison=True)
        names |= {document.filename.partition("_")[0] for document in published.documents}
        made = server.comparisons[int(published.comparison_address.rpartition("/")[2])]
        assert made["title"].startswith(f"{product} 1.0-1 (job 1) vs")
    assert len(names) == 4
    assert all(re.fullmatch(r"name-[0-9a-f]{6}|Cafe", name) for name in names)


def test_reports_on_an_earlier_rerun_leave_the_job_s_page(server, send):
    """Another run of the baseline's version takes the place of the one before; other versions and old links stay."""
    server.add(make_job(3))
    first, third = known(server.jobs[1]), known(server.jobs[3])
    candidate = known(server.jobs[2])
    before = send(jobs=(first, candidate)).documents
    other = send(jobs=(replace(third, product_ver="0.9"), candidate)).documents
    now = send(jobs=(replace(third, product_ver=first.product_ver, uuid=str(uuid.UUID(int=7))), candidate)).documents
    on_page = {uuid for uuid, each in server.artifacts.items() if candidate.uuid in each["links"]}
    assert on_page == {document.uuid for document in (*other, *now)}
    assert not any(server.artifacts[document.uuid]["deleted"] for document in before)
    assert all("_job-3-vs-2_" in document.filename for document in now)


@pytest.mark.parametrize(
    ("product", "version", "former"),
    [
        ("Магазин", "1", "unnamed_1_vs_1_report.html"),
        ("Shop " * 12, "1", "Shop-Shop-Shop-Shop-Shop-Shop-Shop-S_1_vs_1_report.html"),
        ("Shop", "1." * 20, f"Shop_{'1.' * 11}1_vs_{'1.' * 11}1_report.html"),
    ],
)
def test_a_report_under_an_earlier_kind_of_name_leaves_the_job_s_page(server, send, product, version, former):
    """What an earlier version of the tool published as "unnamed", or cut, does not stand beside the report of today."""
    jobs = [replace(known(server.jobs[number]), product_name=product, product_ver=version) for number in (1, 2)]
    rerun = (replace(jobs[0], uuid=str(uuid.UUID(int=7))), jobs[1])
    (before,) = send([replace(PAGE, name="report.html")], jobs=rerun).documents
    server.artifacts[before.uuid]["filename"] = former
    (now,) = send([replace(PAGE, name="report.html")], jobs=jobs).documents
    candidate = jobs[1].uuid
    assert {each for each, found in server.artifacts.items() if candidate in found["links"]} == {now.uuid}


def test_long_descriptions_are_cut(server, send):
    """A description longer than the server's 256 characters, or with control characters, is made to fit."""
    send([replace(PAGE, description="x\x00\n" * 300)])
    (record,) = server.artifacts.values()
    assert len(record["description"]) <= 256
    assert record["description"].isprintable()


# ── uuids that cannot be used ───────────────────────────────────────────────────────────────────────────────────────


def first_uuid(server, send):
    """The uuid the page takes on an untouched server."""
    uuid_of_page = send([PAGE]).documents[0].uuid
    server.artifacts.clear()
    server.contents.clear()
    server.requests.clear()
    return uuid_of_page


def test_burnt_uuid_gets_the_next(server, send):
    """A uuid that an earlier failed create used up is passed over, and reruns stay with its successor."""
    burnt = first_uuid(server, send)
    server.burnt.add(burnt)
    first = send()
    assert first.documents[0].uuid != burnt
    assert live(server) == WHOLE
    server.burnt.discard(burnt)  # even if the server lets go of it
    assert send() == first
    assert live(server) == WHOLE


def test_deleted_artifact_gets_the_next_uuid(server, send):
    """After somebody deleted a report, publishing again stores it again and leaves their deletion alone."""
    deleted = send().documents[0].uuid
    server.artifacts[deleted] |= {"deleted": True, "deleted_dt": "2026-11-23T10:10:53Z"}
    again = send(patience=Patience(pauses_s=())).documents[0].uuid  # which is no trouble that takes a second try
    assert again != deleted
    assert live(server) == WHOLE
    assert server.artifacts[deleted]["deleted"]
    server.requests.clear()
    assert send().documents[0].uuid == again
    assert len(posts(server)) == 2  # nothing is sent to where it cannot stay


def test_deleted_and_unlinked_artifact_gets_the_next_uuid(server, send):
    """The server's refusal alone, without the job naming the artifact, is enough to pass a deleted uuid over."""
    deleted = send().documents[0].uuid
    server.artifacts[deleted] |= {"deleted": True, "links": []}
    assert send().documents[0].uuid != deleted
    assert live(server) == WHOLE


def test_deleted_artifact_on_a_server_that_words_it_differently(server, send):
    """A crash instead of the refusal we know does not keep a deleted uuid from being passed over."""
    deleted = send().documents[0].uuid
    server.artifacts[deleted] |= {"deleted": True, "links": []}
    server.script(deleted, debug_page(), method="POST")
    assert send().documents[0].uuid != deleted
    assert live(server) == WHOLE


def test_unlinked_artifact_is_linked_again(server, send):
    """An artifact that somebody unlinked is updated and linked again under its uuid."""
    first = send()
    for record in server.artifacts.values():
        record["links"].clear()
    assert send() == first
    assert live(server) == WHOLE


def test_all_uuids_burnt(server, send):
    """A storage that refuses every place ends in one sentence after a bounded number of tries."""
    burnt = re.compile(r"^/api.*/artifact/")
    text = '{"message": "Can\'t store artifact to file /srv/x, [Errno 17] File exists: \'/srv/x\'"}'
    server.script(burnt.pattern, answer(500, text, "application/json"), method="POST")
    with pytest.raises(PublishError) as error:
        send()
    assert "no free place for Product_1.0-1_vs_1.0-2_job-1-vs-2_report.html" in refused(error)
    assert len(posts(server)) == 50


def test_full_disk_uses_up_few_uuids(server, send):
    """A fault of the storage that no other uuid cures is given up after four tries, for each may use up its uuid."""
    text = '{"message": "Can\'t store artifact to file /srv/x, [Errno 28] No space left on device"}'
    server.script("/artifact/", answer(500, text, "application/json"), method="POST")
    with pytest.raises(SourceError, match="No space left on device"):
        send()
    assert len(posts(server)) == 4


def test_second_copy_is_taken_away(server, send):
    """A copy that a lost answer left behind is unlinked and deleted by the next run, and one set stays."""
    burnt = first_uuid(server, send)
    server.burnt.add(burnt)
    later = send().documents[0].uuid
    server.artifacts[burnt] = server.artifacts[later] | {"uuid": burnt}
    server.contents[burnt] = b"<p>late</p>"
    server.burnt.discard(burnt)
    assert send().documents[0].uuid == burnt
    assert live(server) == WHOLE
    assert server.artifacts[later] | {"deleted": True, "links": []} == server.artifacts[later]


def test_refused_tidying_is_told(server, send):
    """A server that does not let a second copy be taken away is told as such."""
    burnt = first_uuid(server, send)
    server.burnt.add(burnt)
    later = send().documents[0].uuid
    server.artifacts[burnt] = server.artifacts[later] | {"uuid": burnt}
    server.contents[burnt] = b""
    server.burnt.discard(burnt)
    server.script("/artifact/", answer(403, "no"), method="PATCH")
    with pytest.raises(BadAnswer, match="answered 403"):
        send()


# ── answers that get lost ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [drop(), proxy_page(502), proxy_page(504), die_after(10)])
def test_lost_answer_of_a_stored_document(server, send, fault):
    """When the document was stored and only the answer got lost, it is posted again under its uuid."""
    server.script("/artifact/", fault, times=1, method="POST")
    send()
    assert live(server) == WHOLE
    assert len(server.artifacts) == 2
    assert len(posts(server)) == 3


def test_slow_answer_of_a_stored_document(server, send):
    """An answer that does not come in time counts as lost, and what was stored is not stored twice."""
    server.script("/artifact/", delay(1.0), times=1, method="POST")
    send(patience=BRIEF)
    assert live(server) == WHOLE
    assert len(server.artifacts) == 2


def lose_before_storing(server, *, burning):
    """Answer the first upload with a proxy's error without storing anything, as when the server died on it."""

    def before(request):
        if request.method == "POST" and POST.search(request.path) and len(posts(server)) == 1:
            server.burnt.add(request.path[-36:])

    def forget(reply):
        if not burning:
            server.burnt.clear()
        return proxy_page(502)(reply)

    server.before = before
    server.script("/artifact/", forget, times=1, method="POST")


@pytest.mark.parametrize("burning", [True, False])
def test_lost_answer_of_a_document_that_was_not_stored(server, send, burning):
    """When nothing was stored the next uuid is taken at once, whether or not the first is used up; reruns keep it."""
    lose_before_storing(server, burning=burning)
    first = send()
    assert len({request.path for request in posts(server)}) == 3
    assert live(server) == WHOLE
    assert send() == first
    assert live(server) == WHOLE


def test_crashed_update_keeps_its_uuid(server, send):
    """A crash while an existing artifact is updated does not make a second one."""
    first = send()
    server.script("/artifact/", debug_page(), times=1, method="POST")
    assert send() == first
    assert live(server) == WHOLE


def test_server_that_keeps_crashing(server, send):
    """A server that crashes on every upload is given up after four tries, without quoting its debug page."""
    server.script("/artifact/", debug_page(), method="POST")
    with pytest.raises(SourceError) as error:
        send()
    assert "answered 500 (OperationalError at /somewhere)" in refused(error)
    assert len(posts(server)) == 4


def test_server_that_goes_down_meanwhile(server, send):
    """When the server cannot even be asked what became of an upload, the run ends in one sentence."""
    server.script("/artifact/", drop())
    with pytest.raises(Unreachable) as error:
        send()
    assert "cannot be reached" in refused(error)


def test_what_is_published_already_is_said(server, send):
    """When the second document fails, the first is named with its address, and the next run completes both."""
    server.script("/artifact/", proxy_page(413), skip=1, method="POST")
    with pytest.raises(PublishError) as error:
        send()
    uuid = next(iter(server.artifacts))
    assert f"report.html ({server.url}/0/artifact_content/{uuid})" in str(error.value)
    assert "is too large" in str(error.value)
    server._scripts.clear()
    send()
    assert live(server) == WHOLE


def test_hanging_server(server, send):
    """A server that accepts an upload and never answers is given up in time."""
    server.script("/artifact/", hang())
    with pytest.raises(Unreachable) as error:
        send(patience=BRIEF)
    assert "gave nothing useful within 0.3 s" in refused(error)


def test_nothing_listens(server, send):
    """An address where nothing listens is told in one sentence."""
    with pytest.raises(Unreachable) as error:
        send(url=refused_url())
    assert "cannot be reached" in refused(error)


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def large(compressible=True):
    size = 2 * MIB
    return replace(PAGE, content=b"<p>x</p>" * (size // 8) if compressible else os.urandom(size))


def django_limit(reply):
    """The server's own limit: status 400 and a web page."""
    title = "<html><head><title>RequestDataTooBig at /api</title></head></html>"
    return Reply(400, title.encode(), "text/html") if reply.status == 413 else reply


@pytest.mark.parametrize("limit", [None, django_limit], ids=["proxy", "server"])
def test_large_document_is_sent_packed(server, send, limit):
    """A document that is too large for the proxy or the server is stored as bz2 and viewed as it was."""
    if limit:
        server.script("/artifact/", limit)
    published = send((large(), SUMMARY))
    assert live(server) == [(WHOLE[0][0], large().content), WHOLE[1]]
    assert [document.packed for document in published.documents] == [True, False]
    assert len(posts(server)) == 3


def test_packed_document_becomes_plain_again(server, send):
    """When a later report fits as it is, it is stored so under the same uuid."""
    first = send([large()])
    again = send([PAGE])
    assert (again.documents[0].uuid, again.documents[0].packed) == (first.documents[0].uuid, False)
    assert live(server) == WHOLE[:1]


def test_document_too_large_even_packed(server, send):
    """What does not fit packed either is told with both sizes and who can help, and nothing is left behind."""
    with pytest.raises(PublishError) as error:
        send([large(compressible=False)])
    assert re.search(r"too large .*\(2,097,152 bytes, packed 2,1\d\d,\d{3}: 413 ", refused(error))
    assert server.artifacts == {}


def test_server_without_artifact_storage(server, send):
    """A server that is not set up for artifacts is told with the setting that is missing."""
    server.artifacts_configured = False
    with pytest.raises(PublishError) as error:
        send()
    assert "keeps no artifacts" in refused(error)
    assert "ARTIFACTS_STORAGE_DIR" in refused(error)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (answer(403, "Forbidden"), "answered 403 (Forbidden); PerfTracker asks for no login"),
        (answer(400, '{"message": "can\'t get file data"}', "application/json"), "answered 400"),
        (answer(404, "<title>Page not found</title>"), "answered 404 (Page not found)"),
        (redirect("https://login.example/"), "sends every request on to https://login.example/"),
        (redirect("/login"), "sends every request on to "),
        (
            login_page(),
            "stored Product_1.0-1_vs_1.0-2_job-1-vs-2_report.html otherwise than it was sent (no record of it)",
        ),
    ],
)
def test_refusals_are_sentences(server, send, fault, words):
    """Whatever refuses an upload is told in one sentence, and the upload is not repeated."""
    server.before = lambda request: server.artifacts.clear()
    server.script("/artifact/", fault, method="POST")
    with pytest.raises(PerfTrackerAIError) as error:
        send()
    assert words in refused(error)
    assert error.value.exit_code == 2
    assert len(posts(server)) == 1


def test_a_redirect_that_keeps_the_upload_is_followed(server, send):
    """A proxy that moves an upload within the server with 307 gets it again at the new place."""

    def moved(reply):
        return redirect(server.requests[-1].path, 307)(reply)

    server.script("/artifact/", moved, times=1, method="POST")
    send()
    assert live(server) == WHOLE


def test_login_page_before_anything_is_sent(server, send):
    """A login in front of the server is told before any document is sent."""
    server.script("/job/", login_page())
    with pytest.raises(BadAnswer) as error:
        send()
    assert "answered a web page (Sign in)" in refused(error)
    assert posts(server) == []


def test_job_that_is_something_else(server, send):
    """JSON that is no job is told as such."""
    server.script("/job/", answer(200, "[]", "application/json"))
    with pytest.raises(BadAnswer) as error:
        send()
    assert "is no job" in refused(error)


def test_job_of_another_server(server, send):
    """A job whose number means another one on this server gets no report."""
    server.jobs[2]["uuid"] = str(uuid.UUID(int=77))
    with pytest.raises(PublishError) as error:
        send(jobs=(known(server.jobs[1]), known(make_job(2))))
    assert "is not the one compared" in refused(error)
    assert posts(server) == []


def test_job_that_is_not_there(server, send):
    """A candidate that the server does not have is told before anything is sent."""
    del server.jobs[2]
    with pytest.raises(NotFound) as error:
        send(jobs=(known(server.jobs[1]), known(make_job(2))))
    assert "no job 2" in refused(error)
    assert posts(server) == []


def test_address_of_something_else(server, send):
    """A web server that has no such page is not told as a missing job."""
    server.script("/job/", answer(404, "<title>Page not found</title>"))
    with pytest.raises(BadAnswer) as error:
        send()
    assert "answered 404 (Page not found); check the address" in refused(error)


@pytest.mark.parametrize("unusable", ["", "zzz", "0" * 32, "{00000000-0000-0000-0000-000000000002}"])
@pytest.mark.parametrize("which", [0, 1])
def test_job_without_usable_uuid(server, send, unusable, which):
    """Without the uuids of both jobs nothing can be linked or found again, which is said before anything is sent."""
    jobs = [known(server.jobs[1]), known(server.jobs[2])]
    jobs[which] = replace(jobs[which], uuid=unusable)
    with pytest.raises(PublishError) as error:
        send(jobs=jobs)
    assert f"Job {which + 1} has no usable uuid" in refused(error)
    assert server.requests == []


def test_folder_of_jobs_is_no_server(send):
    """Publishing to a folder is refused as what it is."""
    with pytest.raises(UsageError, match="is no server address"):
        send(url="data")


# ── reading back ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"filename": "artifact"}, "file name 'artifact'"),
        ({"mime": "text/html"}, "type 'text/html'"),
        ({"size": 3}, "3 bytes instead of 13"),
        ({"inline": False}, "not shown in the browser"),
        ({"compression": True}, "packing"),
        ({"deleted": True}, "deleted"),
        ({"links": []}, "no link to job 2"),
        ({"inline": False, "links": []}, "not shown in the browser, no link to job 2"),
    ],
)
def test_what_is_stored_otherwise_is_told(server, send, change, words):
    """Nothing counts as published whose record is not what was sent: a 200 proves nothing."""

    def spoil(request):
        if request.method == "GET":
            for record in server.artifacts.values():
                record.update(change)

    server.before = spoil
    with pytest.raises(PublishError) as error:
        send([replace(PAGE, content=b"<p>thirteen</p>"[:13])])
    assert f"({words})" in refused(error)


def test_content_is_read_back(server, send):
    """A proxy or a disk that alters the content is noticed."""
    server.script("/artifact_content/", answer(200, "<p>other</p>"))
    with pytest.raises(PublishError) as error:
        send()
    assert "(its content)" in refused(error)


def test_content_that_cannot_be_read(server, send):
    """Content that the server does not give back is told with its answer."""
    server.script("/artifact_content/", debug_page())
    with pytest.raises(BadAnswer, match=r"answered 500 \(OperationalError"):
        send()


def test_job_that_does_not_list_the_document(server, send):
    """Nothing counts as published that the job's own detail does not list."""
    server.details[2] = {"artifacts": []}
    with pytest.raises(PublishError) as error:
        send()
    assert "does not list report.html, summary.md with job 2" in refused(error)


# ── the comparison ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_comparison_is_made_once(server, send):
    """However often it is asked for there is one comparison, baseline first, in the candidate's project."""
    addresses = {send(comparison=True).comparison_address for _ in range(3)}
    assert addresses == {f"{server.url}/2/comparison/1"}
    (made,) = server.comparisons.values()
    assert [row["id"] for row in made["jobs"]] == [1, 2]
    assert made["title"] == "Product 1.0-1 (job 1) vs 1.0-2 (job 2), perftracker-ai"
    assert made["project"]["id"] == 2


def test_no_comparison_without_asking(server, send):
    """Without being asked no comparison is made."""
    send()
    assert server.comparisons == {}


@pytest.mark.parametrize("difference", [{"title": "theirs"}, {"jobs": [2, 1]}, {"deleted": True}])
def test_other_comparisons_do_not_count(server, send, difference):
    """A comparison by somebody else, of the jobs the other way round, or deleted, is not taken for ours."""
    send(comparison=True)
    jobs = difference.get("jobs")
    change = {"jobs": [{"id": job_id} for job_id in jobs]} if jobs else difference
    server.comparisons[1] |= change
    assert send(comparison=True).comparison_address.endswith("/comparison/2")


def test_lost_answer_of_a_comparison(server, send):
    """When only the answer got lost, the comparison is found and not made twice."""
    server.script("/comparison/", drop(), times=1, method="POST")
    send(comparison=True)
    assert len(server.comparisons) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (answer(400, "Job with id = '1' doesn't exist"), "answered 400 (Job with id = '1' doesn't exist)"),
        (debug_page(), "answered 500"),
        (answer(200, "{}", "application/json"), "is no new comparison"),
    ],
)
def test_refused_comparison(server, send, fault, words):
    """A comparison that is refused is told in one sentence, and the documents stay whole."""
    server.script("/comparison/", fault, method="POST")
    with pytest.raises(BadAnswer) as error:
        send(comparison=True)
    assert words in refused(error)
    assert live(server) == WHOLE


def test_comparison_with_a_baseline_of_another_server(server, send):
    """A baseline whose number means another job on this server is not compared with."""
    with pytest.raises(PublishError) as error:
        send(
            comparison=True, jobs=(replace(known(server.jobs[1]), uuid=known(make_job(5)).uuid), known(server.jobs[2]))
        )
    assert "Job 1 on" in refused(error)
    assert server.comparisons == {}


# ── ends in the middle ──────────────────────────────────────────────────────────────────────────────────────────────

REQUESTS = 11
"""Of a whole publication with comparison: job; post, record, content of each document; job, baseline, list, post."""


def test_number_of_requests(server, send):
    """A publication makes as many requests as the tests of interruptions go through."""
    send(comparison=True)
    assert len(server.requests) == REQUESTS


@pytest.mark.parametrize("answered", range(REQUESTS))
@pytest.mark.parametrize("cut", ["before", "after"])
def test_run_after_one_that_ended_in_the_middle(server, send, answered, cut):
    """Wherever the connection went for good, before or after the server acted, the next run completes one set."""

    def before(request):
        if cut == "before" and len(server.requests) > answered:
            server.burnt.add(request.path[-36:])

    server.before = before
    server.script("", drop(), skip=answered)
    with pytest.raises(Unreachable):
        send(comparison=True, patience=Patience(pauses_s=()))
    server.before = None
    server._scripts.clear()
    send(comparison=True)
    assert live(server) == WHOLE
    assert len(server.comparisons) == 1


CHILD = """
import sys
from pathlib import Path
from perftracker_ai.publish import HTML, TEXT, Document, publish
from perftracker_ai.settings import Settings
from perftracker_ai.sources.server import ServerSource
from perftracker_ai.http.perftracker import open_connection

connection = open_connection(Settings(url=sys.argv[1]))
source = ServerSource(connection, output_dir=Path("unused"))
jobs = source.describe(1), source.describe(2)
documents = [
    Document(name="report.html", mime=HTML, content="<p>Größe</p>".encode(), description=""),
    Document(name="summary.md", mime=TEXT, content="# Größe\\n".encode(), description=""),
]
publish(connection, *jobs, documents, comparison=True, report=lambda text: None)
"""


@pytest.mark.parametrize(
    ("post", "acts"),
    [(0, True), (0, False), (1, True), (1, False), (2, True)],
    ids=["page", "page-burnt", "summary", "summary-burnt", "comparison"],
)
def test_run_after_one_that_was_killed(server, send, tmp_path, post, acts):
    """A process killed while an upload is under way leaves nothing that the next run does not complete."""
    running = []

    def before(request):
        sent = [asked for asked in server.requests if asked.method == "POST"]
        if request.method == "POST" and len(sent) == post + 1:
            os.kill(running[0].pid, signal.SIGKILL)
            running[0].wait()
            if not acts:
                server.burnt.add(request.path[-36:])

    server.before = before
    with subprocess.Popen([sys.executable, "-c", CHILD, server.url], cwd=tmp_path) as child:
        running.append(child)
    assert child.returncode == -signal.SIGKILL
    server.before = None
    send(comparison=True)
    assert live(server) == WHOLE
    assert len(server.comparisons) == 1


def test_interrupted_run_leaves_no_file(tmp_path, monkeypatch, send):
    """Publishing writes nothing on this machine."""
    monkeypatch.chdir(tmp_path)
    send(comparison=True)
    assert list(Path().iterdir()) == []
