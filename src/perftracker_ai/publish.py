"""Reports on a PerfTracker server: artifacts linked to the candidate job, and a comparison of the two jobs.

In go two jobs and finished documents; out come addresses, of what was stored, linked and read back. Publishing twice
leaves what publishing once does, wherever the first time was cut short: the uuid of an artifact follows from the two
jobs and the document, so a later run finds and replaces it.

The server makes that harder in one way: a create that fails uses its uuid up, and so does deleting the artifact. So
there is a row of uuids for every document. What is linked to the job already goes first, then the others in order,
and any second copy that a lost answer left behind is taken away at the end. A report on another run of the same
baseline version is superseded: it is taken off the job's page and stays where it is.
"""

from __future__ import annotations

import bz2
import re
import unicodedata
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

import msgspec

from perftracker_ai.decoding import decoded
from perftracker_ai.errors import BadAnswer, NotFound, PublishError, SourceError, Unreachable
from perftracker_ai.http.perftracker import PassingTrouble
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from perftracker_ai.http.perftracker import Connection, Reply
    from perftracker_ai.model import JobInfo

T = TypeVar("T")

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
"""Types the server shows in the browser tab; it takes at most 32 characters, and without the charset umlauts break."""

_API = "/api/v1.0/0"
_UUIDS = 50
"""Uuids a document may have: each failed create uses one up, and a run fails at most as often as it tries again."""
_NAMESPACE = uuid5(NAMESPACE_URL, "perftracker-ai/artifact")
_UUID_USED_UP = re.compile(rb"Can't store artifact.*\[Errno (2|17)\]")
"""The server cannot make the file because it exists (17, a create that failed) or was deleted (2); a full disk (28) is
another matter, for it would use up one uuid after the other."""
_PRODUCT_LENGTH, _VERSION_LENGTH, _KIND_LENGTH = 28, 20, 24
"""Characters of the file name's parts: with the numbers of two jobs and what joins them 127, the server takes 128."""
_TITLE_LENGTH = 60
_NOT_FOUND, _TOO_LARGE, _BAD_REQUEST, _SERVER_ERROR, _NOT_IMPLEMENTED = 404, 413, 400, 500, 501


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One finished report.

    Attributes
    ----------
    name : str
        What it is, with its ending: ``report.html``. The same name of the same pair is the same artifact.
    mime : str
        `HTML` or `TEXT`.
    description : str
        Stored with the artifact, not shown by PerfTracker; cut at 200 characters.
    """

    name: str
    mime: str
    content: bytes
    description: str


class PublishedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it is on the server: stored, linked and read back.

    Attributes
    ----------
    name : str
        As in its `Document`.
    filename : str
        What the job's page calls it.
    address : str
        Where a browser opens it.
    packed : bool
        Whether it is stored as bz2, because plain it was too large for the way there.
    """

    name: str
    filename: str
    uuid: str
    address: str
    packed: bool


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What one publication left on the server.

    Attributes
    ----------
    job_address : str
        Page of the candidate job, in its own project.
    comparison_address : str
        Page of the comparison; empty when none was asked for.
    """

    job_address: str
    documents: tuple[PublishedDocument, ...]
    comparison_address: str


class _Artifact(msgspec.Struct):
    uuid: str
    filename: str
    mime: str
    size: int
    inline: bool
    compression: bool
    deleted: bool
    links: list[str]


class _Linked(msgspec.Struct):
    """What matters of an artifact in a job's list, where those of other tools are as well."""

    uuid: str
    deleted: bool
    filename: str | None = None


class _Project(msgspec.Struct):
    id: int


class _Job(msgspec.Struct):
    id: int
    uuid: str
    project: _Project
    artifacts: list[_Linked]


class _Comparison(msgspec.Struct):
    id: int
    title: str | None
    jobs: list[int]


class _Comparisons(msgspec.Struct):
    data: list[_Comparison]


class _Created(msgspec.Struct):
    id: int


class _Upload(msgspec.Struct):
    """One document on its way; it learns from refusals what to try next."""

    document: Document
    filename: str
    uuids: list[str]  # still to be tried, the next one first
    content: bytes
    packed: bool = False

    def pack(self) -> None:
        """Send it as bz2 from here on; the server unpacks it for whoever views it."""
        self.content, self.packed = bz2.compress(self.document.content), True

    def fields(self, linked_uuid: str) -> dict[str, str]:
        """Give every field of the form: one that is not sent would keep what an earlier run stored."""
        return {
            "filename": self.filename,
            "description": clean(self.document.description),
            "mime": self.document.mime,
            "inline": "true",
            "compression": "true" if self.packed else "false",
            "linked_uuids": msgspec.json.encode([linked_uuid]).decode(),
        }


def publish(
    connection: Connection,
    baseline: JobInfo,
    candidate: JobInfo,
    documents: Sequence[Document],
    *,
    comparison: bool,
    report: Callable[[str], None],
) -> Published:
    """Store documents, link them to the candidate job, and read all of it back.

    Parameters
    ----------
    connection : Connection
        To the server that has both jobs.
    baseline, candidate : JobInfo
        As compared, with their uuids.
    documents : sequence of Document
        Each name once.
    comparison : bool
        Whether PerfTracker's own comparison of the two jobs is to exist as well; it is made once.
    report : callable
        Told what happens next, in words.

    Returns
    -------
    Published

    Raises
    ------
    PublishError
        When the server does not take, keep or link a document.
    NotFound
        When the server does not have the job.
    Unreachable, BadAnswer
        When the server does not answer, or not as its contract says.
    """
    for job in (baseline, candidate):
        _require_uuid(job)
    return _Publication(connection, baseline, candidate).run(documents, comparison=comparison, report=report)


def require_storage(connection: Connection) -> None:
    """Find out, storing nothing, whether a server keeps artifacts.

    Raises
    ------
    PublishError
        When it is not set up to.
    Unreachable
        When the server does not answer.
    """
    reply = connection.read(f"{_API}/artifact/{_NAMESPACE}")
    if reply.status == _NOT_IMPLEMENTED:
        raise _no_storage(connection.address, reply)
    if not reply.stored and reply.status != _NOT_FOUND:
        raise reply.refusal()


def _no_storage(address: str, reply: Reply) -> PublishError:
    return PublishError(
        f"{address} keeps no artifacts ({clean(reply.gist)})", "ask its administrator to set ARTIFACTS_STORAGE_DIR"
    )


class _Publication:
    """One publication: the connection and the two jobs that every step needs."""

    def __init__(self, connection: Connection, baseline: JobInfo, candidate: JobInfo) -> None:
        self._connection = connection
        self._address = connection.address
        self._baseline = baseline
        self._candidate = candidate

    def run(self, documents: Sequence[Document], *, comparison: bool, report: Callable[[str], None]) -> Published:
        """Take the steps in order."""
        report(f"Publishing to {self._address}")
        job = self._job(self._candidate)
        uploads = [self._upload(document, job) for document in documents]
        stored: list[str] = []
        with _telling(lambda: [self._shown(upload, uuid) for upload, uuid in zip(uploads, stored, strict=False)]):
            for upload in uploads:
                stored.append(self._stored(upload, report))  # noqa: PERF401 - what is stored counts when the next fails
            self._tidy([(upload.document, uuid) for upload, uuid in zip(uploads, stored, strict=True)])
            compared = self._comparison(job.project.id, report) if comparison else ""
        shown = [self._shown(upload, uuid) for upload, uuid in zip(uploads, stored, strict=True)]
        page = f"{self._address}/{job.project.id}/job/{job.id}"
        return Published(job_address=page, documents=tuple(shown), comparison_address=compared)

    def _shown(self, upload: _Upload, uuid: str) -> PublishedDocument:
        return PublishedDocument(
            name=upload.document.name,
            filename=upload.filename,
            uuid=uuid,
            address=f"{self._address}/0/artifact_content/{uuid}",
            packed=upload.packed,
        )

    # jobs

    def _job(self, info: JobInfo) -> _Job:
        """Read a job as the server has it now, and see that it is the one that was compared."""
        reply = self._connection.read(f"{_API}/job/{info.id}")
        if reply.status == _NOT_FOUND and not reply.html:
            raise NotFound(f"There is no job {info.id} on {self._address}", "publish to the server the jobs came from")
        job = _decoded(reply, _Job, "job")
        if job.uuid.lower() != info.uuid.lower():
            raise PublishError(
                f"Job {info.id} on {self._address} is not the one compared (uuid {clean(job.uuid)} instead of "
                f"{clean(info.uuid)})",
                "publish to the server the jobs came from",
            )
        return job

    # storing

    def _upload(self, document: Document, job: _Job) -> _Upload:
        """Make ready to send a document: the uuid it has already goes before all others."""
        present = {artifact.uuid for artifact in job.artifacts if not artifact.deleted}
        return _Upload(
            document=document,
            filename=self._filename(document),
            uuids=sorted(self._uuids(document), key=lambda uuid: uuid not in present),
            content=document.content,
        )

    def _uuids(self, document: Document) -> list[str]:
        """Derive a document's row of uuids."""
        pair = f"{self._baseline.uuid.lower()} {self._candidate.uuid.lower()}"
        return [str(uuid5(_NAMESPACE, f"{pair} {document.name} {number}")) for number in range(_UUIDS)]

    def _filename(self, document: Document) -> str:
        """Name product, versions, jobs and kind: PerfTracker's page shows nothing else of an artifact."""
        jobs = f"job-{self._baseline.id}-vs-{self._candidate.id}"
        return f"{self._versions()}_{jobs}_{_plain(document.name, _KIND_LENGTH)}"

    def _versions(self) -> str:
        """Name the product and both versions, with which begin the names of all reports on them."""
        versions = [_plain(job.product_ver, _VERSION_LENGTH) for job in (self._baseline, self._candidate)]
        return f"{_plain(self._candidate.product_name, _PRODUCT_LENGTH)}_{versions[0]}_vs_{versions[1]}"

    def _stored(self, upload: _Upload, report: Callable[[str], None]) -> str:
        """Store a document, see that all of it is there, and give its uuid."""
        report(f"Uploading {upload.filename} ({len(upload.content):,} bytes)")
        uuid = self._connection.trying(lambda: self._posted(upload))
        self._verify(upload, uuid)
        return uuid

    def _posted(self, upload: _Upload) -> str:
        """Post until the server takes it; what may be over after a pause is raised as `PassingTrouble`."""
        while upload.uuids:
            reply = self._post(upload)
            if reply.stored:
                return upload.uuids[0]
            self._learn(upload, reply)
        raise PublishError(
            f"{self._address} has no free place for {upload.filename} ({_UUIDS} failed or were deleted)",
            "ask its administrator to look into the artifact storage",
        )

    def _post(self, upload: _Upload) -> Reply:
        path = f"{_API}/artifact/{upload.uuids[0]}"
        try:
            return self._connection.post_file(path, upload.fields(self._candidate.uuid), upload.content)
        except Unreachable as error:
            self._leave_unless_stored(upload)
            raise PassingTrouble(str(error)) from error

    def _learn(self, upload: _Upload, reply: Reply) -> None:
        """Draw the conclusion from a refusal: another uuid, packed, later, or never."""
        if reply.status == _NOT_IMPLEMENTED:
            raise _no_storage(self._address, reply)
        if reply.status == _TOO_LARGE or (reply.status == _BAD_REQUEST and reply.html):
            self._pack(upload, reply)
        elif reply.status != _SERVER_ERROR:
            raise reply.refusal()
        elif _UUID_USED_UP.search(reply.body):
            upload.uuids.pop(0)
        else:
            self._leave_unless_stored(upload)
            raise PassingTrouble(str(reply.refusal()))

    def _pack(self, upload: _Upload, reply: Reply) -> None:
        if not upload.packed:
            upload.pack()
            return
        plain, packed = len(upload.document.content), len(upload.content)
        raise PublishError(
            f"{upload.filename} is too large for {self._address} ({plain:,} bytes, packed {packed:,}: {reply.gist})",
            "ask its administrator to raise the limit of the proxy or the server",
        )

    def _leave_unless_stored(self, upload: _Upload) -> None:
        """Decide by the metadata what a create without a clear answer did: without a record its uuid is used up."""
        found = self._metadata(upload.uuids[0])
        if found is None or found.deleted:
            upload.uuids.pop(0)

    def _metadata(self, uuid: str) -> _Artifact | None:
        reply = self._connection.read(f"{_API}/artifact/{uuid}")
        return None if reply.status == _NOT_FOUND else _decoded(reply, _Artifact, "artifact")

    # reading back

    def _verify(self, upload: _Upload, uuid: str) -> None:
        """See that the server has what was sent, where it was sent to: a 200 proves nothing about links."""
        found = self._metadata(uuid)
        wrong = ["no record of it"] if found is None else self._differences(upload, found)
        if not wrong and self._read_back(uuid) != upload.document.content:
            wrong = ["its content"]
        if wrong:
            raise PublishError(
                f"{self._address} stored {upload.filename} otherwise than it was sent ({', '.join(wrong)})",
                "publish again, and look at the proxy in front of the server if that does not help",
            )

    def _differences(self, upload: _Upload, found: _Artifact) -> list[str]:
        sizes = f"{found.size:,} bytes instead of {len(upload.content):,}"
        checks = (
            (found.filename == upload.filename, f"file name {clean(found.filename)!r}"),
            (found.mime == upload.document.mime, f"type {clean(found.mime)!r}"),
            (found.size == len(upload.content), sizes),
            (found.inline, "not shown in the browser"),
            (found.compression == upload.packed, "packing"),
            (not found.deleted, "deleted"),
            (self._candidate.uuid.lower() in map(str.lower, found.links), f"no link to job {self._candidate.id}"),
        )
        return [problem for right, problem in checks if not right]

    def _read_back(self, uuid: str) -> bytes:
        reply = self._connection.read(f"/0/artifact_content/{uuid}")
        if not reply.stored:
            raise reply.refusal()
        return reply.body

    def _tidy(self, stored: Sequence[tuple[Document, str]]) -> None:
        """See that the job lists every document, take away second copies and unlink those on earlier reruns."""
        artifacts = [artifact for artifact in self._job(self._candidate).artifacts if not artifact.deleted]
        listed = {artifact.uuid for artifact in artifacts}
        missing = [document.name for document, uuid in stored if uuid not in listed]
        if missing:
            raise PublishError(
                f"{self._address} does not list {', '.join(missing)} with job {self._candidate.id}", "publish again"
            )
        for document, uuid in stored:
            for copy in self._uuids(document):
                if copy != uuid and copy in listed:
                    self._unlink(copy)
                    self._change("DELETE", copy, None)
            for artifact in artifacts:
                if artifact.uuid not in self._uuids(document) and self._superseded(document, artifact):
                    self._unlink(artifact.uuid)

    def _superseded(self, document: Document, artifact: _Linked) -> bool:
        """Tell whether an artifact is the same document on another run of the baseline's version."""
        kind = re.escape(_plain(document.name, _KIND_LENGTH))
        of_these = rf"{re.escape(self._versions())}_(job-\d+-vs-{self._candidate.id}_)?{kind}"
        return (
            artifact.filename == self._former(document) or re.fullmatch(of_these, artifact.filename or "") is not None
        )

    def _former(self, document: Document) -> str:
        """Name a document as earlier versions did, which lost all letters but Latin ones and cut without a mark."""
        names = (
            (self._candidate.product_name, 36),
            (self._baseline.product_ver, 24),
            (self._candidate.product_ver, 24),
        )
        product, *versions = (_cut(text, length) for text, length in names)
        return f"{product}_{versions[0]}_vs_{versions[1]}_{_cut(document.name, 36)}"

    def _unlink(self, uuid: str) -> None:
        """Take an artifact off the job's page, which shows even what is deleted; its own address goes on working."""
        self._change("PATCH", uuid, {"unlinked_uuids": [self._candidate.uuid]})

    def _change(self, method: str, uuid: str, value: object) -> None:
        reply = self._connection.send_json(method, f"{_API}/artifact/{uuid}", value)
        if not reply.stored:
            raise reply.refusal()

    # the comparison

    def _comparison(self, project: int, report: Callable[[str], None]) -> str:
        """Give the address of the server's comparison of the two jobs, making it unless it is there."""
        report("Comparing the two jobs on the server")
        self._job(self._baseline)
        number = self._connection.trying(lambda: self._compared(project))
        return f"{self._address}/{project}/comparison/{number}"

    def _compared(self, project: int) -> int:
        """Look before posting: every post makes another comparison, and an earlier one's answer may have been lost."""
        path = f"/api/v1.0/{project}/comparison/"
        asked: dict[str, Any] = {"title": self._title(), "jobs": [self._baseline.id, self._candidate.id]}
        for row in _decoded(self._connection.read(path), _Comparisons, "list of comparisons").data:
            if (row.title, row.jobs) == (asked["title"], asked["jobs"]):
                return row.id
        try:
            reply = self._connection.send_json("POST", path, asked)
        except Unreachable as error:
            raise PassingTrouble(str(error)) from error
        return _decoded(reply, _Created, "new comparison").id

    def _title(self) -> str:
        before, after = self._baseline, self._candidate
        product, *versions = map(_lettered, (after.product_name, before.product_ver, after.product_ver))
        return f"{product} {versions[0]} (job {before.id}) vs {versions[1]} (job {after.id}), perftracker-ai"


@contextmanager
def _telling(published: Callable[[], list[PublishedDocument]]) -> Iterator[None]:
    """Say in the sentence of what goes wrong what was published before."""
    try:
        yield
    except (SourceError, PublishError) as error:
        there = [f"{document.name} ({document.address})" for document in published()]
        if not there:
            raise
        raise type(error)(f"Published before this, and read back: {', '.join(there)}. {error}") from error


def _require_uuid(job: JobInfo) -> None:
    if not re.fullmatch(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", job.uuid):
        raise PublishError(
            f"Job {job.id} has no usable uuid ({clean(job.uuid)!r}), so nothing can be linked to it",
            "compare jobs downloaded from the server",
        )


def _plain(text: str, length: int) -> str:
    """Keep what means nothing to a web page or a shell: PerfTracker shows file names unescaped.

    Where letters are lost, as those of other scripts, or the end, a few characters of a hash tell names apart.
    """
    latin = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", latin).strip("-._")
    if len(kept) <= length and not any(letter.isalnum() and not letter.isascii() for letter in latin):
        return kept or "unnamed"
    mark = sha256(text.encode(errors="surrogatepass")).hexdigest()[:6]
    return f"{kept[: length - 7].rstrip('-._') or 'name'}-{mark}"


def _cut(text: str, length: int) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:length].strip("-._") or "unnamed"


def _lettered(text: str) -> str:
    """Keep the letters and digits of every script, and nothing that means something to a web page."""
    return re.sub(r"[^\w .()+-]+", "-", text)[:_TITLE_LENGTH].strip(" -") or "unnamed"


def _decoded(reply: Reply, kind: type[T], what: str) -> T:
    """Decode JSON of the expected shape; anything else is told as what it is."""
    if not reply.stored or reply.html:
        raise reply.refusal()
    try:
        return decoded(reply.body, kind)
    except (ValueError, RecursionError) as error:
        problem = clean(str(error))
        raise BadAnswer(
            f"{reply.where} answered something that is no {what} ({problem})", "is it a PerfTracker server?"
        ) from error
