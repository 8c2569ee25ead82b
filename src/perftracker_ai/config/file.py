"""The settings file as text: entries of accepted regressions read and appended, and the file a beginner starts from.

In: what TOML gave for ``accept``, entries to be written, a path. Out: entries, text, a changed file. An entry that is
not usable is refused with its place; whatever else stands in the file stays as it is, to the byte.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import fields

from perftracker_ai.config import LONGEST_FILE
from perftracker_ai.decoding import converted
from perftracker_ai.errors import UsageError
from perftracker_ai.files import read_bounded, reason, replacing
from perftracker_ai.files.pipes import is_irregular
from perftracker_ai.settings import Accept
from perftracker_ai.words.numbers import format_load
from perftracker_ai.words.text import without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


_TICKET = re.compile(r"(https?://[^\s?#@]*)[?#](?!\S*(?:token|key|secret|pass|pwd|auth|sig)\S*=)[^\s@]*", re.IGNORECASE)


# ── entries ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_accepts(tables: object, origin: str) -> tuple[Accept, ...]:
    """Read the ``[[accept]]`` entries of a settings file.

    Parameters
    ----------
    tables : object
        What TOML gave for the key.
    origin : str
        The file, for messages.

    Raises
    ------
    UsageError
        When an entry is not usable; its place and what is wrong are named.
    """
    if not isinstance(tables, list):
        raise UsageError(f"The setting accept in {origin} must be entries that begin with [[accept]].")
    return tuple(_entry(table, f"[[accept]] entry {at} of {origin}") for at, table in enumerate(tables, 1))


def _entry(table: object, where: str) -> Accept:
    known = [field.name for field in fields(Accept)]
    if not isinstance(table, dict):
        raise UsageError(f"The {where} must be a table with the keys {', '.join(known)}.")
    unknown = next((key for key in table if key not in known), None)
    if unknown is not None:
        named = f" {unknown}" if unknown.isidentifier() else " of that kind"
        raise UsageError(f"There is no key{named} for the {where}", f"known keys are {', '.join(known)}")
    try:
        entry = converted(table, Accept)
    except msgspec.ValidationError as error:
        raise UsageError(f"The {where} is not usable: {entry_problem(error)}", "correct it there") from error
    if wants := _wants(entry):
        problem, cure = wants
        raise UsageError(f"The {where} {problem}", cure)
    return entry


def _wants(entry: Accept) -> tuple[str, str] | None:
    """Say what an entry lacks whose values are of the right types; None when it is usable."""
    if not entry.product or not entry.reason.strip():
        return f"has an empty {'reason' if entry.product else 'product'}", "say what is accepted, and why"
    if not (entry.endpoint or entry.tag):
        return "names no test", 'give it an endpoint or a tag, "*" for every one'
    if any(map(_holds_secret, (entry.product, entry.endpoint, entry.tag, entry.metric, entry.reason))):
        return (
            "holds an address with a password or token, and the report shows what is accepted, and why",
            "take it out",
        )
    if entry.loads and entry.loads[0] > entry.loads[1]:
        loads = f"from {format_load(entry.loads[0])} to {format_load(entry.loads[1])}"
        return f"has loads {loads}", "give the lower one first"
    return None


def _holds_secret(text: str) -> bool:
    """Tell whether an address in `text` hides something; the query of a ticket's page does not."""
    plain = _TICKET.sub(r"\1", text)
    return without_secrets(plain) != plain


def entry_problem(error: msgspec.ValidationError) -> str:
    """Say what is wrong with an entry without the value that is; it may be a secret in the wrong place."""
    return re.sub(r"(?<=^Invalid enum value) .*(?= - at )", "", str(error), flags=re.DOTALL)


def toml_problem(error: Exception) -> str:
    """Say where a file is no TOML without the names in it; one may be a secret in the wrong place."""
    return re.sub(r"(^Cannot declare|namespace|table key) .+?(?= twice| \(at |$)", r"\1 …", str(error), flags=re.DOTALL)


def entry_text(entry: Accept) -> str:
    """Return an entry as it stands in the file, what it leaves open left out."""
    lines = ["[[accept]]", f"product = {_quoted(entry.product)}"]
    patterns = (("endpoint", entry.endpoint), ("tag", entry.tag), ("metric", entry.metric))
    lines += [f"{key} = {_quoted(text)}" for key, text in patterns if text]
    if entry.loads is not None:
        lines.append(f"loads = [{', '.join(map(format_load, entry.loads))}]")
    if entry.slowdown is not None:
        lines.append(f"slowdown = {entry.slowdown!r}")
    return "\n".join([*lines, f"reason = {_quoted(entry.reason)}", f"until = {entry.until.isoformat()}", ""])


def _quoted(text: str) -> str:
    """Return any text as a basic string of TOML, whatever is in it."""
    return '"' + "".join(_ESCAPES.get(char) or _shown(char) for char in text) + '"'


def _shown(char: str) -> str:
    """Return a character, escaped where an editor would not show it; half a surrogate pair is none to TOML."""
    if char.isprintable():
        return char
    return "?" if "\ud800" <= char <= "\udfff" else f"\\U{ord(char):08X}"


# ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def append_entries(path: Path, entries: Sequence[Accept]) -> None:
    """Write entries behind what stands in a settings file, which is made when it is not there.

    Its other text, its ends of line and its permissions stay as they are; where it is a link, the file it leads to
    is written.

    Raises
    ------
    UsageError
        When the file cannot be read, or would not be valid any more, or an entry would be refused when it is read.
    OutputError
        When it cannot be written.
    """
    for problem, cure in filter(None, map(_wants, entries)):
        raise UsageError(f"The entry for {path} {problem}", cure)
    target = path.resolve()
    before = _content(path)
    ending = b"\r\n" if b"\r\n" in before else b"\n"
    gap = b"" if not before else ending if before.endswith(b"\n") else ending * 2
    added = "\n".join(map(entry_text, entries)).encode().replace(b"\n", ending)
    after = before + gap + added
    _require_toml(after, path)
    with replacing(target) as stream:
        if before:
            Path(stream.name).chmod(target.stat().st_mode)
        stream.write(after)


def _content(path: Path) -> bytes:
    """Read the file to which entries are to be added; only a file of UTF-8 can take them."""
    try:
        if is_irregular(path):
            raise UsageError(f"The settings file {path} is no file, so no entry can be put into it", "name another")
        content = read_bounded(path, LONGEST_FILE)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise UsageError(
            f"The settings file {path} cannot be read: {reason(error)}", "check its permissions"
        ) from error
    if content is None:
        raise UsageError(f"The settings file {path} is larger than {LONGEST_FILE >> 20} MiB", "is it one?")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UsageError(f"The settings file {path} is in UTF-16, so no entry can be put into it", "save it as UTF-8")
    return content


def _require_toml(content: bytes, path: Path) -> None:
    try:
        tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"The entry cannot be put behind what stands in the settings file {path} ({toml_problem(error)})",
            "correct it there",
        ) from error


def create(path: Path) -> None:
    """Write the file a beginner starts from: every setting with its default, switched off by a ``#``.

    Raises
    ------
    UsageError
        When there is a file already.
    OutputError
        When it cannot be written.
    """
    if path.exists():
        raise UsageError(f"The settings file {path} is there already", "move it away, or edit it")
    with replacing(path) as stream:
        stream.write(TEMPLATE.encode())


TEMPLATE = """\
# Settings of perftracker-ai. Every line here is off: take away the "#" in front of what you want to change.
# The command line stands over PERFTRACKER_AI_* variables, these over this file, and this file over the defaults.
# `perftracker-ai config show` tells which value is in force and where it comes from.

# url = "https://perftracker.example"    # the server's address, or a folder of job files
# project = 1                            # PerfTracker project; 0 is all of them
# ca_bundle = "/etc/ssl/company.pem"     # certificates to trust instead of the operating system's
# timeout_s = 600                        # how long the server may take to begin a job, or be silent in it
# retry_s = 60                           # how long in all a server that is not there, or breaks off, is tried again
# wait_min = 0                           # minutes to wait for a newer job that is still being uploaded
# fail_on = "never"                      # exit with 1 from moderate, severe, critical, investigate or block on
# upload = false                         # publish the report to the server
# reports_dir = "reports"
# store = "postgresql://perf@host/history"   # past jobs; without it history.sqlite3 once `history sync` has made it
# keep_days = 400                        # how long before a product's newest job they are kept; 0: for ever
# connections = 4                        # requests to the server at the same time, for several products; at most 8
# workers = 0                            # processes for several products; 0: as many as suit
# scheduler = "tcp://host:8786"          # a Dask cluster that does it instead

# gateway_user = ""                      # a login in front of the server; what is secret is better kept out of here, in
# gateway_password = ""                  # PERFTRACKER_AI_GATEWAY_PASSWORD and the like
# gateway_token = ""                     # bearer token, instead of the user
# gateway_headers = []                   # further ones: ["X-Team: perf"]
# gateway_cookie = ""
# client_cert = ""                       # a PEM file, where the gateway asks for a certificate
# client_key = ""                        # its key, where that is not in the same file
# client_key_password = ""
# netrc = ""                             # file of logins by host; without it the one that NETRC names, or ~/.netrc

# llm = "auto"                           # auto, required or off
# model = "qwen2.5-coder:14b"
# llm_url = "http://127.0.0.1:11434"
# llm_timeout_s = 900                    # for all that a model is asked in a run
# llm_window = 32768                     # longest window of an Ollama, in tokens

# dashboard_url = "https://perf.example"  # where people reach the dashboard; messages and jobs' pages link to it

# [dashboard]                            # of `perftracker-ai serve`
# viewers = []                           # who may look; empty: everybody whom a login or a proxy names
# triagers = ["maria"]                   # who may look and triage

# [discovery]
# ignored_hardware = ["old-host.example"]
# reruns = 5

# [detect]                               # ratios: 0.15 is 15 % slower
# minor = 0.05
# moderate = 0.15
# severe = 0.5
# critical = 1.0
# moderate_points = 1.0                  # percentage points by which an error rate rises to be a regression
# moderate_times = 2.0                   # counts without a known total: (new + 1) / (old + 1)

# [policy]
# block_critical = 1                     # critical items from which the release is blocked; 0: off
# block_severe = 3
# block_failures = 0
# open_issues = "investigate"            # what is open since an earlier version: block, investigate or ignore
# monitor_creep = 0.15                   # monitor what crept by so much over the jobs of a history; 0: off

# [product.NAME.detect]                  # a product's own values stand over those above
# moderate = 0.2

# [[accept]]                             # a regression that is known; `perftracker-ai accept` writes such an entry
# product = "NAME"
# endpoint = "POST /orders"              # or tag = "…"; *, ? and [] as in the shell
# metric = "latency"                     # or rate, p95, "p95 latency"; without it every metric
# loads = [1000, 20000]                  # without it every load
# slowdown = 0.4                         # without it any size
# reason = "encryption at rest, ticket 4711"
# until = 2099-12-31                     # the last day on which it does not count
"""
