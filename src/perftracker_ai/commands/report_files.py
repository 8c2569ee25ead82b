"""Where the files of a run lie: names of files and folders, safe whatever a product is called."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.decoding import decoded
from perftracker_ai.errors import UsageError
from perftracker_ai.files import read_bounded, reason, unmarked
from perftracker_ai.files.sets import finish_set
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from pathlib import Path

    from perftracker_ai.model import Analysis

REPORT, PAGE, RESULT = "llm_report.md", "report.html", "result_v2.json"
"""Names of the files of a run."""
_LONGEST_RESULT = 512 << 20
"""Bytes of saved results that are read: a job of 49,000 tests makes 40 MB."""


def report_folder(reports: Path, product: str, analysis: Analysis) -> Path:
    """Name the folder of a pair: ``reports/<product>/<baseline> vs <candidate>``.

    Job ids are unique on one server only: a folder that holds the results of two other jobs of the same numbers is
    left alone, and the pair gets one with the candidate's uuid. What a killed run had begun to write there is ended.

    Raises
    ------
    OutputError
        When that cannot be ended.
    """
    pair = f"{analysis.baseline.id} vs {analysis.candidate.id}"
    folder = reports / safe_name(product) / pair
    finish_set(folder)
    if _holds_another_pair(folder / RESULT, analysis):
        return folder.with_name(f"{pair} {safe_name(analysis.candidate.uuid)[:8]}")
    return folder


class _Run(msgspec.Struct):
    uuid: str


class _Metadata(msgspec.Struct):
    run1: _Run
    run2: _Run


class _Result(msgspec.Struct):
    metadata: _Metadata


def _holds_another_pair(result: Path, analysis: Analysis) -> bool:
    """Tell whether results on disk are of two other jobs; unreadable ones are of no one and may be replaced."""
    try:
        known = decoded(unmarked(result.read_bytes()), _Result).metadata
    except (OSError, ValueError, RecursionError):
        return False
    return (known.run1.uuid, known.run2.uuid) != (analysis.baseline.uuid, analysis.candidate.uuid)


def read_results(path: Path) -> bytes:
    """Read the saved results of a run, without a byte order mark; what a killed run had begun to write is ended first.

    Raises
    ------
    UsageError
        When they cannot be read.
    OutputError
        When what a killed run had begun cannot be ended.
    """
    finish_set(path.parent)
    try:
        content = read_bounded(path, _LONGEST_RESULT)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise UsageError(f"{clean(str(path))} cannot be read: {why}", f"give the {RESULT} of an earlier run") from error
    if content is None:
        raise UsageError(f"{clean(str(path))} is too large", f"give the {RESULT} of an earlier run")
    return unmarked(content)


def safe_name(text: str) -> str:
    """Turn any text into one folder name that means nothing to a file system.

    Letters, digits, blanks, dots, dashes and underscores stay, letters as far as the locale has them. A text that had
    to be changed gets a few characters of its hash, so that two products never share a folder.
    """
    plain = re.sub(r"[^\w .-]", "_", unicodedata.normalize("NFC", text))[:60].strip(" .")
    if not _spellable(plain):
        plain = re.sub(r"[^\x00-\x7f]", "_", plain)
    reserved = re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", plain)
    if plain == text and plain and not reserved:
        return plain
    from hashlib import sha256

    mark = "_" if reserved else ""  # in front, for what stands behind the first dot does not free a device's name
    return f"{mark}{plain.lstrip('.') or 'unnamed'}-{sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"


def _spellable(name: str) -> bool:
    """Tell whether the locale has all letters of a name; one without UTF-8 does not."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True
