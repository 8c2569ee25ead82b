"""A checkout of the product's code: the commits between two tags, read by git and by nothing else.

In: a folder and the names of two tags. Out: the commits that the newer one has and the older one lacks. Git only reads:
no file's content is looked at, so that the size of a change costs nothing, no submodule is entered, nothing is fetched,
and no program that the checkout's own settings name is run. Time and size are bounded; what there is no room for is
left out at the older end, and said.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice, takewhile
from pathlib import Path
from signal import SIGKILL
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import TYPE_CHECKING

from perftracker_ai.errors import CheckoutError
from perftracker_ai.model.changes import Commit
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHIN_S = 5.0
"""For all that git is asked."""
MOST_COMMITS, MOST_BYTES = 5_000, 16 << 20
_PATHS, _BODY = 2_000, 4_000
"""Files of a commit, and characters of its message, that are looked at."""
_TAG = re.compile(r"(?!.*(\.\.|@\{|//|\.lock(/|$)|/\.|\.$|/$))[\w.+~-][\w.+~/-]{0,199}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_QUIET = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.sshCommand=false",
    "diff.external=",
    "log.showSignature=false",
    "log.mailmap=false",
    "protocol.allow=never",
    "submodule.recurse=false",
)
"""Settings by which a checkout could have git run a program or reach out."""
_FIELDS = "%x00%x00%H%x00%aI%x00%s%x00%b%x00"
"""Two empty fields begin a commit: no message can hold NUL, and no name of a file is empty."""


def commits_between(
    repo: Path, older: str, newer: str, *, within_s: float = WITHIN_S
) -> tuple[tuple[Commit, ...], bool]:
    """Return the commits of the newer tag that the older one lacks, the newest first, merges left out.

    Parameters
    ----------
    repo : Path
        A checkout or a bare repository, or a folder in one.
    older, newer : str
        Names of tags.
    within_s : float

    Returns
    -------
    (tuple of Commit, bool)
        And whether these are all.

    Raises
    ------
    CheckoutError
        When git or the checkout is not there, or has no such tag.
    """
    until = time.monotonic() + within_s
    git = _program(repo)
    ends = [_commit_of(git, repo, tag, until) for tag in (older, newer)]
    listing = ("log", "-z", "--no-merges", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv")
    cut = (f"--max-count={MOST_COMMITS + 1}", f"--format=format:{_FIELDS}", "--encoding=UTF-8")
    said, whole = _read(git, repo, until, *listing, *cut, f"{ends[0]}..{ends[1]}", "--")
    found = tuple(_commits(said, whole=whole))
    return found[:MOST_COMMITS], whole and len(found) <= MOST_COMMITS


def _program(repo: Path) -> str:
    found = shutil.which("git")
    if found is None:
        raise CheckoutError(f"The changes in {repo} cannot be read, for git is not installed", "install it")
    return found


def _commit_of(git: str, repo: Path, tag: str, until: float) -> str:
    """Return the commit of a tag, whose name may come from a server: it is checked before git sees it."""
    shown = clean(tag, 100)
    if not _TAG.fullmatch(tag):
        raise CheckoutError(f"{shown!r} cannot be the name of a tag", "set tag in [source] to how tags are named")
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/tags/{tag}^{{commit}}")
    with _start(git, repo, *asked, stderr=PIPE) as child:
        try:
            said, why = child.communicate(timeout=max(0.0, until - time.monotonic()))
        except TimeoutExpired as error:
            raise CheckoutError(
                f"Git did not answer in {WITHIN_S:g} s about {repo}", "see whether its disk is slow"
            ) from error
        finally:
            _end(child)
    found = said.decode(errors="replace").strip()
    if child.returncode == 0 and _ID.fullmatch(found):
        return found
    if why.strip():
        told = clean(why.decode(errors="replace").strip().splitlines()[0].removeprefix("fatal: "), 200)
        raise CheckoutError(
            f"{repo} cannot be read as a checkout ({told})", "set repo in [source] to a checkout of yours"
        )
    raise CheckoutError(
        f"The checkout {repo} has no tag {shown}", "fetch its tags, or set tag in [source] to how they are named"
    )


def _read(git: str, repo: Path, until: float, *words: str) -> tuple[bytes, bool]:
    """Return what git says, and whether that is all of it within the bounds of size and time."""
    said = bytearray()
    with _start(git, repo, *words, stderr=DEVNULL) as child:
        assert child.stdout is not None
        try:
            while select.select([child.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
                piece = os.read(child.stdout.fileno(), 1 << 16)
                said += piece
                if not piece:
                    return bytes(said), _ended_well(child, until)
                if len(said) > MOST_BYTES:
                    break
        finally:
            _end(child)
    return bytes(said), False


def _ended_well(child: Popen[bytes], until: float) -> bool:
    """Tell whether git, which has said all, ended by itself in time and without a fault."""
    with suppress(TimeoutExpired):
        return child.wait(max(0.0, until - time.monotonic())) == 0
    return False


def _start(git: str, repo: Path, *words: str, stderr: int) -> Popen[bytes]:
    """Start git without the caller's environment, in which another repository or a program may be named."""
    settings = [part for each in _QUIET for part in ("-c", each)]
    environment = {
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_CONFIG_GLOBAL": str(Path.home() / ".gitconfig"),
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }
    command = [git, "--no-pager", "--no-replace-objects", "--literal-pathspecs", "-C", str(repo), *settings, *words]
    try:
        return Popen(  # noqa: S603 - git itself; of what is not ours only checked ids and tags are among its words
            command, stdin=DEVNULL, stdout=PIPE, stderr=stderr, env=environment, start_new_session=True
        )
    except OSError as error:
        raise CheckoutError(f"Git cannot be started for {repo} ({error.strerror})", "install it anew") from error


def _end(child: Popen[bytes]) -> None:
    """End git and whatever it may have started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, SIGKILL)


def _commits(said: bytes, *, whole: bool) -> Iterator[Commit]:
    """Yield the commits of git's answer; the last one of an answer that was cut may be half, and is left out."""
    pieces = iter(said.decode(errors="replace").split("\0"))
    found = (_commit(piece, pieces) for piece in pieces if _ID.fullmatch(piece))
    before: Commit | None = None
    for commit in found:
        if before is not None:
            yield before
        before = commit
    if whole and before is not None:
        yield before


def _commit(name: str, pieces: Iterator[str]) -> Commit:
    authored, subject, body = (next(pieces, "") for _ in range(3))
    paths = takewhile(bool, (piece.lstrip("\n") for piece in pieces))
    return Commit(
        id=name,
        authored=_time(authored),
        subject=subject[:_BODY],
        body=body[:_BODY],
        paths=tuple(islice(paths, _PATHS)),
    )


def _time(text: str) -> datetime:
    """Return when a commit was made; a date that no calendar has is the beginning of time."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
