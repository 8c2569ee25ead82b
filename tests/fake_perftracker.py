"""A stand-in PerfTracker: a real HTTP server on loopback that answers as the contract says, faults included.

State is a dict of job documents in the shape of ``as_json``; list rows and job details are derived from them. It is
deliberately as awkward as the real server: the job list has no order unless one is asked for (and ties stay without
one), ``recordsTotal`` counts what is not shown, the project id is mostly decoration, error bodies come in four formats.

    with FakePerfTracker([make_job(1), make_job(2)]) as server:
        server.script(r"as_json", die_after(1000), times=1)
        ...server.url, server.requests
"""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import mimetypes
import random
import re
import socket
import ssl
import threading
import uuid as uuids
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024
LIST_DEFAULT, LIST_CAP = 10, 5000
ORDER_KEYS = (
    None, "id", "end", "project", None, "product_name", "product_ver", "title", "suite_ver", "duration",
    "tests_total", "tests_completed", "tests_errors", "testcases_total", "testcases_errors",
)  # fmt: skip
COUNTERS = ("tests_total", "tests_completed", "tests_failed", "tests_errors", "tests_warnings")
CASES = ("testcases_total", "testcases_errors")
TRUE_WORDS = ("true", "True", "yes", "Yes", "y")
COMPARISON_TYPES = {
    "charts_type": ("Auto", "No charts", "XY-line", "XY-line + trend", "Bar charts", "Bar + trend"),
    "tables_type": ("Auto", "Hide all tables", "Show all tables"),
    "tests_type": ("Auto", "Tests w/o warnings", "Tests w/o errors", "All tests"),
    "values_type": ("Auto", "Average values", "Min values", "Max values"),
}


# ── job documents ───────────────────────────────────────────────────────────────────────────────────────────────────


def make_job(job_id, *, tests=3, hosts=("bg-f1.example",), end="2026-09-06T10:53:38Z", project=1, **fields):
    """Make a small, consistent job document; ``fields`` replace top-level keys, ``tests`` is a number or a list."""
    records = [_test(job_id, number) for number in range(1, tests + 1)] if isinstance(tests, int) else tests
    failed = sum(record["status"] == "FAILED" for record in records)
    document = {
        "env_nodes": [_node(job_id, position, name) for position, name in enumerate(hosts)],
        "id": job_id,
        "title": f"job {job_id}",
        "cmdline": "",
        "uuid": str(uuids.UUID(int=job_id)),
        "suite_name": "suite",
        "suite_ver": "1.0",
        "author": "",
        "product_name": "Product",
        "product_ver": f"1.0-{job_id}",
        "begin": "2026-09-06T01:12:31Z",
        "end": end,
        "duration": 60,
        "upload": "2026-11-23T09:50:01.123456Z",
        "links": "{}",
        "tests_total": len(records),
        "tests_completed": len(records),
        "tests_failed": failed,
        "tests_errors": failed,
        "tests_warnings": 0,
        "testcases_total": 1,
        "testcases_errors": min(failed, 1),
        "project": {"id": project, "name": f"Project {project}", "description": "", "nav_prio": 0, "nav_visible": True},
        "regression_original": None,
        "regression_linked": None,
        "deleted": False,
        "tests": records,
    }
    return document | fields


def light_jobs(count, *, first_id=1, per_end=7, **fields):
    """Make thousands of jobs without tests, meant for the list only; ``per_end`` of them share each end time."""
    pattern = make_job(0, tests=0) | {"tests_total": 3, "tests_completed": 3} | fields
    start = datetime(2026, 1, 1, tzinfo=UTC)
    ends = [f"{start + timedelta(minutes=step):%Y-%m-%dT%H:%M:%SZ}" for step in range(count // per_end + 1)]
    return [
        pattern | {"id": first_id + n, "uuid": str(uuids.UUID(int=first_id + n)), "end": ends[n // per_end]}
        for n in range(count)
    ]


def _test(job_id, number):
    return {
        "id": job_id * 100_000 + number,
        "seq_num": number,
        "uuid": str(uuids.UUID(int=job_id * 100_000 + number)),
        "tag": "latency: GET /api/items",
        "group": "",
        "category": f"{number * 1000} items",
        "scores": "[0.512, 0.498]",
        "deviations": "[0, 0]",
        "samples": 2,
        "metrics": "ms",
        "less_better": True,
        "errors": 0,
        "warnings": 0,
        "duration": "00:00:30",
        "status": "SUCCESS",
        "avg_score": 0.505,
        "job": job_id,
    }


def _node(job_id, position, name):
    number = job_id * 10 + position
    return {
        "id": number, "name": name, "uuid": str(uuids.UUID(int=number)), "version": "RHEL 9.4", "ip": "",
        "hostname": name, "params": None, "cpus": 32, "cpus_topology": None, "ram_mb": 131072, "disk_gb": None,
        "links": "", "node_type": 1, "parent": None, "hw_chassis": None, "job": job_id,
    }  # fmt: skip


# ── answers and faults ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Request:
    """One request as it came in; ``query`` keeps the last value of a repeated name, as Django does."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """One answer and how it travels."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple = ()
    delay_s: float = 0.0
    hang: bool = False  # accept, never answer
    drop: bool = False  # close the connection without a byte
    cut_after: int | None = None  # close after so many bytes of the body
    drip: tuple | None = None  # (bytes per piece, seconds between pieces)


def answer(status, body, content_type="text/html; charset=utf-8"):
    """Answer something else altogether."""
    return lambda reply: Reply(status, body.encode() if isinstance(body, str) else body, content_type)


def debug_page(status=500, size=200_000):
    """Answer Django's traceback page with the server's settings in it."""
    return lambda reply: _html(status, "OperationalError at /somewhere", size, filler="SECRET_KEY = 'hunter2' ")


def login_page():
    """Answer a sign-in form with status 200, as single-sign-on proxies do."""
    return answer(200, "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form></form></body></html>")


def proxy_page(status):
    """Answer what an nginx in front of the server says by itself."""
    return lambda reply: _nginx(status)


def hang():
    """Accept the request and never answer it."""
    return lambda reply: replace(reply, hang=True)


def drop():
    """Close the connection without an answer."""
    return lambda reply: replace(reply, drop=True)


def drip(piece=1, pause_s=0.02):
    """Send the body in small pieces with pauses."""
    return lambda reply: replace(reply, drip=(piece, pause_s))


def die_after(size):
    """Promise the whole body, send a part, close the connection."""
    return lambda reply: replace(reply, cut_after=size)


def delay(seconds):
    """Answer late, but rightly."""
    return lambda reply: replace(reply, delay_s=seconds)


def truncated(size):
    """Send a part of the body and promise no more than that."""
    return lambda reply: replace(reply, body=reply.body[:size])


def false_gzip():
    """Claim a gzip encoding that the body does not have."""
    return lambda reply: replace(reply, headers=(*reply.headers, ("Content-Encoding", "gzip")))


def packed():
    """Send the body with gzip encoding, as a proxy may."""
    encoding = (("Content-Encoding", "gzip"),)
    return lambda reply: replace(reply, body=gzip.compress(reply.body), headers=reply.headers + encoding)


def redirect(target, status=302):
    """Send the client elsewhere."""
    return lambda reply: Reply(status, b"", "text/html; charset=utf-8", (("Location", target),))


def _json(value, status=200, *, indent=None):
    return Reply(status, json.dumps(value, indent=indent).encode())


def _message(status, text, **more):
    return _json({"message": text} | more, status)


def _sentence(status, text):
    return Reply(status, text.encode(), "text/html; charset=utf-8")


def _html(status, title, size=12_000, filler="<pre>Traceback</pre> "):
    head = f"<!DOCTYPE html>\n<html>\n<head>\n  <title>{title}</title>\n</head>\n<body>\n"
    return Reply(status, (head + filler * (size // len(filler) + 1))[:size].encode(), "text/html; charset=utf-8")


def _nginx(status):
    names = {413: "Request Entity Too Large", 502: "Bad Gateway", 503: "Service Temporarily Unavailable"}
    title = f"{status} {names.get(status, 'Gateway Time-out')}"
    head = f"<html>\r\n<head><title>{title}</title></head>\r\n"
    body = f"<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n"
    page = f"{head}{body}</html>\r\n"
    return Reply(status, page.encode(), "text/html")


def _page_not_found(path):
    return _html(404, f"Page not found at {path}")


# ── job list and detail ─────────────────────────────────────────────────────────────────────────────────────────────


def _shown_name(name, pattern):
    return re.sub(pattern, "", name) if pattern else name


def _row(document, pattern):
    tops = [node for node in document["env_nodes"] if node["parent"] is None]
    nodes = [
        {"name": node["name"], "display_name": _shown_name(node["name"], pattern), "id": node["id"]} for node in tops
    ]
    keys = ("id", "title", "suite_name", "suite_ver", "end", "duration", "upload", *COUNTERS, *CASES)
    row = {key: document[key] for key in keys}
    row |= {"env_node": nodes, "project": _project(document), "is_linked": True}
    return row | {key: document[key] for key in ("product_name", "product_ver")}


def _detail(document, artifacts, pattern):
    keys = ("id", "title", "cmdline", "uuid", "suite_name", "suite_ver", "product_name", "product_ver", "links")
    rest = ("begin", "end", "duration", "upload", *COUNTERS, *CASES)
    detail = {key: document[key] for key in (*keys, *rest)}
    detail["env_node"] = _node_tree(document["env_nodes"], None, pattern)
    detail["artifacts"] = [record for record in artifacts if document["uuid"] in record["links"]]
    return detail | {"project": _project(document)}


def _node_tree(nodes, parent, pattern):
    return [
        node
        | {"display_name": _shown_name(node["name"], pattern), "node_type": {"name": "Host"}}
        | {"children": _node_tree(nodes, node["id"], pattern)}
        for node in nodes
        if node["parent"] == parent
    ]


def _project(document):
    return {"id": document["project"]["id"], "name": document["project"]["name"]}


def _sorted_rows(rows, query):
    """Order as asked; a column that cannot be ordered by raises, and the caller answers 500."""
    keys = []
    while (column := query.get(f"order[{len(keys)}][column]")) is not None:
        keys.append((_order_key(column), query.get(f"order[{len(keys)}][dir]") == "desc"))
    for key, descending in reversed(keys):
        rows = sorted(rows, key=lambda row, key=key: _sort_value(row, key), reverse=descending)
    return rows


def _order_key(column):
    number = int(column) if re.fullmatch(r"-?\d+", column) else 0
    key = ORDER_KEYS[number]
    if key is None:
        raise ValueError(column)
    return key


def _sort_value(row, key):
    if key == "end":
        return datetime.fromisoformat(row["end"])
    return row["project"]["id"] if key == "project" else row[key]


def _window(rows, query):
    start, length = int(query.get("start", 0)), int(query.get("length", LIST_DEFAULT))
    if start < 0 or length < -1:
        raise ValueError(start, length)
    stop = len(rows) if length == -1 else start + min(length, LIST_CAP)
    return rows[start:stop]


# ── multipart ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _parse_form(content_type, body):
    """Split multipart/form-data into fields (last value wins) and files; other bodies have neither."""
    found = re.search(r'boundary="?([^";]+)"?', content_type or "")
    if not found:
        return {}, {}
    fields, files = {}, {}
    for part in body.split(b"--" + found[1].encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)[1].decode()
        content = content.removesuffix(b"\r\n")
        (files if b"filename=" in head else fields)[name] = content if b"filename=" in head else content.decode()
    return fields, files


# ── the server ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Scripted:
    pattern: re.Pattern
    fault: object
    times: int | None
    skip: int
    method: str | None

    def applies(self, method, target):
        if (self.method and self.method != method) or self.times == 0 or not self.pattern.search(target):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times = None if self.times is None else self.times - 1
        return True


class FakePerfTracker:
    """The server and its state; every attribute may be changed while it runs."""

    def __init__(self, jobs=(), *, seed=0, tls=False, debug=True, artifacts_configured=True, prefix=""):
        self.jobs = {job["id"]: job for job in jobs}
        self.rows = {}  # job id -> what its list row says differently
        self.details = {}  # job id -> what its detail says differently
        self.projects = [{"id": 1, "name": "Default project"}, {"id": 2, "name": "Storage"}]
        self.display_name_re = ""
        self.artifacts = {}  # uuid -> metadata, without its content
        self.contents = {}  # uuid -> stored bytes
        self.burnt = set()
        self.comparisons = {}
        self.debug = debug
        self.prefix = prefix  # where a proxy mounts the server
        self.artifacts_configured = artifacts_configured
        self.enforces_lengths = True  # PostgreSQL does, SQLite does not
        self.body_limit = MIB
        self.requests = []
        self.before = None  # called with each Request before it is answered; may change the state
        self.broken = []  # exceptions of the stand-in itself; `stop` raises the first
        self._random = random.Random(seed)
        self._scripts = []
        self._lock = threading.RLock()
        self._tls = _TLS() if tls else None
        self._started = None

    # life

    def __enter__(self):
        self._started = _Listener(self, self._tls)
        return self

    def __exit__(self, *exc_info):
        self.stop()

    def stop(self):
        """Close every connection; from here on the address refuses."""
        if self._started:
            self._started.stop()
            self._started = None
        if self.broken:
            raise self.broken.pop()

    @property
    def url(self):
        return self._started.url + self.prefix

    def write_ca(self, path: Path) -> Path:
        """Write the certificate that signed this server's, for a client that is to trust it."""
        path.write_bytes(self._tls.ca_pem)
        return path

    # scripting and looking back

    def script(self, pattern, fault, *, times=None, skip=0, method=None):
        """Apply a fault to requests whose ``path?query`` matches: ``skip`` are spared, then ``times`` are hit."""
        self._scripts.append(_Scripted(re.compile(pattern), fault, times, skip, method))

    def add(self, *jobs):
        self.jobs |= {job["id"]: job for job in jobs}

    def asked(self, pattern):
        """Give the recorded requests whose path matches."""
        return [request for request in self.requests if re.search(pattern, request.path)]

    # answering

    def respond(self, request: Request, target: str) -> Reply:
        with self._lock:
            self.requests.append(request)
            if self.before:
                self.before(request)
            reply = self._too_large(request) or self._routed(request)
            for scripted in self._scripts:
                if scripted.applies(request.method, target):
                    return scripted.fault(reply)
        return reply

    def _too_large(self, request):
        return _nginx(413) if len(request.body) > self.body_limit else None

    def _routed(self, request):
        for pattern, name in ROUTES:
            if found := pattern.fullmatch(request.path):
                return getattr(self, name)(request, *found.groups())
        if request.method == "GET" and any(p.fullmatch(request.path + "/") for p, _ in ROUTES[:4]):
            location = self.prefix + request.path + "/" + ("?" + urlencode(request.query) if request.query else "")
            return Reply(301, b"", "text/html; charset=utf-8", (("Location", location),))
        if request.method == "POST" and any(p.fullmatch(request.path + "/") for p, _ in ROUTES[:4]):
            return self._crash(request, "RuntimeError")
        return self._missing_page(request)

    def _crash(self, request, title):
        if not self.debug:
            return _html(500, "Server Error (500)", 145, filler=" ")
        page = _html(500, f"{title} at {request.path}", 66_000)
        wants_json = "application/json" in request.headers.get("accept", "")
        return replace(page, content_type="text/plain; charset=utf-8") if wants_json else page

    def _missing_page(self, request):
        return _page_not_found(request.path) if self.debug else _html(404, "404, Page not found", 5331)

    def on_projects(self, request):
        return _json(self.projects)

    def on_jobs(self, request, pid):
        if request.method != "GET":
            return Reply(405, b"", "text/html; charset=utf-8", (("Allow", "GET, POST, HEAD, OPTIONS"),))
        listed = [self._listed_row(job) for job in self.jobs.values() if not job["deleted"] and _in_project(job, pid)]
        word = request.query.get("search[value]", "").lower()
        listed = [row for row in listed if word in row["title"].lower() or word in row["suite_ver"].lower()]
        return self._table(request, listed, len(self.jobs))

    def _listed_row(self, job):
        return _row(job, self.display_name_re) | self.rows.get(job["id"], {})

    def _table(self, request, rows, total):
        self._random.shuffle(rows)  # what is not asked for has no order
        try:
            data = _window(_sorted_rows(rows, request.query), request.query)
            draw = int(request.query.get("draw", 0))
        except (ValueError, IndexError) as error:
            return self._crash(request, type(error).__name__)
        envelope = {"draw": draw, "recordsTotal": total, "recordsFiltered": len(rows), "data": data, "result": "ok"}
        return replace(_json(envelope), headers=(("Cache-Control", "max-age=0, no-cache, no-store"),))

    def on_job(self, request, job_id):
        job = self.jobs.get(int(job_id))
        if request.method != "GET":
            return _json([], 501)
        if job is None:
            return _json([], 404)
        detail = _detail(job, self.artifacts.values(), self.display_name_re)
        return _json(detail | self.details.get(job["id"], {}))

    def on_job_page(self, request, pid, job_id):
        job = self.jobs.get(int(job_id))
        if job is None:
            return self._missing_page(request)
        if not request.query.get("as_json"):
            return _html(200, "PerfTracker job")
        name = re.sub(r"[^A-Za-z0-9_-]", "_", job["title"])
        disposition = ("Content-Disposition", f"attachment; filename=job-{job_id}-{name}.json")
        return replace(_json(job, indent=2), headers=(disposition,))

    # comparisons

    def on_comparisons(self, request, pid):
        if request.method == "POST":
            return self._create_comparison(request, int(pid))
        kept = [item for item in self.comparisons.values() if not item["deleted"] and _in_project(item, pid)]
        rows = [item | {"jobs": [job["id"] for job in item["jobs"]]} for item in kept]
        envelope = {"draw": 0, "recordsTotal": len(rows), "recordsFiltered": len(rows), "data": rows, "result": "ok"}
        return _json(envelope)

    def _create_comparison(self, request, pid):
        try:
            asked = json.loads(request.body)
            refusal = self._comparison_refusal(asked)
            jobs = [] if refusal else [self._listed_row(self.jobs[int(job_id)]) for job_id in asked["jobs"]]
            project = {item["id"]: item for item in self.projects}[pid]
        except (ValueError, KeyError, TypeError) as error:
            return self._crash(request, type(error).__name__)
        if refusal:
            return _sentence(400, refusal)
        number = len(self.comparisons) + 1
        self.comparisons[number] = _comparison(number, asked, jobs, project)
        return _json({"id": number})

    def _comparison_refusal(self, asked):
        if "title" not in asked:
            return "Comparison title is not specified: it must be 'title': '...'"
        if "jobs" not in asked:
            return "Comparison jobs are not specified: it must be 'jobs': [1, 3, ...] "
        if not isinstance(asked["jobs"], list):
            return "Comparison jobs must be a list: 'jobs': [1, 3, ...] "
        for job_id in asked["jobs"]:
            if int(job_id) not in self.jobs:
                return f"Job with id = '{job_id}' doesn't exist"
        return self._unknown_type(asked)

    def _unknown_type(self, asked):
        for key, labels in COMPARISON_TYPES.items():
            if asked.get(key, "Auto") not in labels:
                return f"Unknown type: {asked[key]}, acceptable types are: {','.join(labels)}"
        return ""

    def on_comparison(self, request, number):
        found = self.comparisons.get(int(number))
        if found is None:
            return _json([], 404)
        if request.method == "DELETE":
            found["deleted"] = True
            return _json([])
        return _json(found) if request.method == "GET" else _json([], 501)

    def on_comparison_page(self, request, pid, number):
        found = int(number) in self.comparisons
        return _html(200, "PerfTracker comparison") if found else self._missing_page(request)

    # artifacts

    def on_artifacts(self, request, pid):
        if not self.artifacts_configured:
            return _not_configured()
        if request.method == "POST" or int(pid) != 0:
            return self._crash(request, "FieldError")
        kept = sorted(
            (item for item in self.artifacts.values() if not item["deleted"]), key=lambda item: item["uploaded_dt"]
        )
        try:
            start, length = int(request.query.get("start", 0)), int(request.query.get("length", LIST_DEFAULT))
        except ValueError:
            return _html(400, "SuspiciousOperation", 73_000)
        if start < 0 or length < 0:
            return self._crash(request, "ValueError")
        return _json(kept[::-1][start : start + length])

    def on_artifact(self, request, text):
        if not self.artifacts_configured:
            return _not_configured()
        if not _dashed_uuid(text):
            return _message(400, f"Invalid artifact UUID {text}")
        actions = {
            "GET": self._artifact_meta,
            "POST": self._store_artifact,
            "PATCH": self._patch_artifact,
            "DELETE": self._delete_artifact,
        }
        action = actions.get(request.method)
        return action(request, text.lower()) if action else _message(405, f"Method {request.method} is not allowed")

    def _artifact_meta(self, request, uuid):
        return _json(self.artifacts[uuid]) if uuid in self.artifacts else _no_artifact(uuid)

    def _store_artifact(self, request, uuid):
        fields, files = _parse_form(request.headers.get("content-type"), request.body)
        known = self.artifacts.get(uuid)
        if known is None and not files:
            return self._crash(request, "IntegrityError")
        if "file" not in files and files:
            return _message(400, "can't get file data")
        try:
            changes = _artifact_changes(fields)
        except ValueError as error:
            return _message(400, str(error))
        if refused := self._write_content(uuid, files, known):
            return refused
        return self._store_record(request, uuid, changes, known)

    def _write_content(self, uuid, files, known):
        place = f"/srv/perftracker/artifacts/{uuid}"
        if "file" in files and known and known["deleted"]:
            return _message(
                500, f"Can't store artifact to file {place}, [Errno 2] No such file or directory: '{place}'"
            )
        if uuid in self.burnt:
            return _message(500, f"Can't store artifact to file {place}, [Errno 17] File exists: '{place}'")
        if known is None:
            self.burnt.add(uuid)  # until the record is stored as well
        if "file" in files:
            self.contents[uuid] = files["file"]
        return None

    def _store_record(self, request, uuid, changes, known):
        links, unlinks = changes.pop("linked_uuids"), changes.pop("unlinked_uuids")
        for link in [*links, *unlinks]:
            if not _dashed_uuid(str(link)):
                return _message(400, f"trying to link resource with invalid UUID format: {link}")
        record = (known or _new_artifact(uuid, len(self.artifacts) + 1, changes)) | changes
        if self.enforces_lengths and _too_long(record):
            return self._crash(request, "DataError")
        kept = [link for link in record["links"] if link not in unlinks]
        record["links"] = kept + [link for link in dict.fromkeys(links) if link not in kept]
        record |= {"size": len(self.contents[uuid]), "uploaded_dt": _now()}
        self.artifacts[uuid] = record
        self.burnt.discard(uuid)
        done = "updated" if known else "created"
        return _message(200, f"Artifact has been {done}, uuid: {uuid}", uuid=uuid)

    def _patch_artifact(self, request, uuid):
        try:
            asked = json.loads(request.body)
        except ValueError:
            return self._crash(request, "JSONDecodeError")
        if uuid not in self.artifacts:
            return _no_artifact(uuid)
        as_text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in asked.items()}
        return self._store_record(request, uuid, _artifact_changes(as_text), self.artifacts[uuid])

    def _delete_artifact(self, request, uuid):
        if uuid not in self.artifacts:
            return _no_artifact(uuid)
        self.artifacts[uuid] |= {"deleted": True, "deleted_dt": _now()}
        return _message(200, f"Artifact has been deleted, uuid: {uuid}")

    def on_content(self, request, api, text):
        if not self.artifacts_configured:
            return _not_configured()
        if not _dashed_uuid(text):
            return _message(400, f"Invalid artifact content UUID {text}") if api else self._missing_page(request)
        record = self.artifacts.get(text.lower())
        if record is None or re.search(r"[\r\n]", record["mime"] + record["filename"]):
            return self._crash(request, "AttributeError")
        if record["deleted"]:
            return _message(410, f"Data with UUID {text} was deleted @ {record['deleted_dt']}")
        return self._content(record)

    def _content(self, record):
        stored = self.contents[record["uuid"]]
        try:
            shown = bz2.decompress(stored) if record["compression"] else stored
        except (OSError, ValueError):
            return _message(500, f"Internal error, can't read artifact for UUID {record['uuid']}")
        disposition = "inline" if record["inline"] else f"attachment; filename={record['filename']}"
        return Reply(200, shown, record["mime"], (("Content-Disposition", _header_text(disposition)),))


_API = r"/api/v\d+\.\d+/(\d+)"
_ANY = r"/api/v\d+\.\d+/\d+"
ROUTES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (_ANY + "/project/", "on_projects"),  # the first four are collections: a GET without the slash is sent there
        (_API + "/job/", "on_jobs"),
        (_API + "/comparison/", "on_comparisons"),
        (_API + "/artifact/", "on_artifacts"),
        (_ANY + r"/job/(\d+)", "on_job"),
        (_ANY + r"/comparison/(\d+)", "on_comparison"),
        (_ANY + r"/artifact/([0-9a-fA-F-]+)", "on_artifact"),
        (r"(/api/v\d+\.\d+)?/\d+/artifact_content/([0-9a-fA-F-]+)", "on_content"),
        (r"/(\d+)/job/(\d+)", "on_job_page"),
        (r"/(\d+)/comparison/(\d+)", "on_comparison_page"),
    )
)


def _in_project(item, pid):
    return int(pid) in (0, item["project"]["id"])


def _comparison(number, asked, jobs, project):
    types = {key: labels.index(asked.get(key, "Auto")) for key, labels in COMPARISON_TYPES.items()}
    lists = {key: [job[key] for job in jobs] for key in ("tests_total", "tests_errors", *CASES)}
    joined = {key: ", ".join(job[key] for job in jobs) for key in ("suite_name", "suite_ver")}
    nodes = jobs[0]["env_node"] if jobs else []
    head = {"id": number, "title": asked["title"], "env_node": nodes, "updated": _now(), "project": project}
    return head | joined | lists | {"jobs": jobs} | types | {"deleted": False}


def _now():
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _dashed_uuid(text):
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None


def _not_configured():
    text = "Artifacts management is not configured, set the ARTIFACTS_STORAGE_DIR setting"
    return _message(501, text)


def _no_artifact(uuid):
    return _message(404, f"Artifact with UUID {uuid} is not found")


def _artifact_changes(fields):
    """Read the fields that were sent; unknown ones, ``links`` among them, are silently ignored."""
    changes = {key: fields[key] for key in ("filename", "description", "mime") if key in fields}
    changes |= {key: fields[key] in TRUE_WORDS for key in ("inline", "compression") if key in fields}
    if "ttl_days" in fields:
        changes["ttl_days"] = _typed(fields, "ttl_days", "integer", int)
    for key in ("linked_uuids", "unlinked_uuids"):
        changes[key] = list(_typed(fields, key, "json", json.loads)) if key in fields else []
    if changes.get("filename") == "":
        raise ValueError("artifact json: key 'filename' is not found")
    return changes


def _typed(fields, key, kind, convert):
    try:
        return convert(fields[key])
    except ValueError as error:
        text = f"artifact json: fetching '{key}' key of type '{kind}', got unexpected: {fields[key]}"
        raise ValueError(f"{text} (of type '<class 'str'>')") from error


def _new_artifact(uuid, number, changes):
    name = changes.get("filename", "artifact")
    mime = "text/markdown" if name.endswith(".md") else mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {
        "id": number, "links": [], "uuid": uuid, "filename": "artifact", "description": "", "mime": mime,
        "deleted": False, "uploaded_dt": _now(), "ttl_days": 180, "deleted_dt": None,
        "expires_dt": "2027-05-22T10:10:53.144400Z", "size": 0, "inline": False, "compression": False,
    }  # fmt: skip


def _too_long(record):
    return len(record["mime"]) > 32 or len(record["filename"]) > 128 or len(record["description"]) > 256


def _header_text(text):
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="
    return text


# ── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class _TLS:
    """A certificate for loopback, signed by an authority that nobody trusts."""

    def __init__(self):
        import trustme

        authority = trustme.CA()
        self.ca_pem = authority.cert_pem.bytes()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(self.context)


class _Listener(ThreadingHTTPServer):
    """The listening socket, its threads, and the connections they hold."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, owner, tls):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner, self.tls = owner, tls
        self.stopping = threading.Event()
        self.connections = set()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def get_request(self):
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self.connections.add(connection)
        return connection, address

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def stop(self):
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()  # joins the connections' threads

    def handle_error(self, request, client_address):
        import sys

        error = sys.exc_info()[1]
        if not isinstance(error, OSError):  # a client that goes away is no fault of ours
            self.owner.broken.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # otherwise every answer waits 40 ms for the client's acknowledgement

    def log_message(self, *args):
        pass

    def handle_one_request(self):
        with suppress(ConnectionError, ssl.SSLError):
            super().handle_one_request()
            return
        self.close_connection = True

    def do_GET(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        prefix = self.server.owner.prefix
        path = parts.path.removeprefix(prefix) if parts.path.startswith(prefix) else "/outside" + parts.path
        request = Request(self.command, path, query, headers, body)
        self._send(self.server.owner.respond(request, self.path))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 -- the base class names them

    def _send(self, reply):
        self.server.stopping.wait(reply.delay_s)
        if reply.hang:
            self.server.stopping.wait(600)
        if reply.hang or reply.drop:
            self.close_connection = True
            return
        self._send_head(reply)
        self._send_body(reply)

    def _send_head(self, reply):
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, reply):
        body = reply.body if reply.cut_after is None else reply.body[: reply.cut_after]
        piece, pause_s = reply.drip or (MIB, 0)
        for start in range(0, len(body), piece):
            self.wfile.write(body[start : start + piece])
            if pause_s and self.server.stopping.wait(pause_s):
                break
        self.close_connection = self.close_connection or len(body) < len(reply.body) or self.server.stopping.is_set()


def refused_url():
    """Give an address on loopback where nothing listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
