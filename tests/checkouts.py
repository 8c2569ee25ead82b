"""Small git repositories made by hand: commits with messages and files, between tags."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

OTHERS = (
    ("Show the organisation's logo on the invoice", ("billing/invoice.py", "billing/templates/invoice.html")),
    ("Fix typo in the installation guide", ("docs/install.md",)),
    ("Bump linter to its newest version", ("requirements-dev.txt",)),
    ("Let administrators export audit records", ("audit/export.py", "audit/api.py")),
    ("Rename Worker to JobRunner", ("jobs/runner.py", "jobs/__init__.py")),
    ("Add dark mode to the console", ("console/theme.css", "console/App.tsx")),
    ("Translate messages to French", ("console/locale/fr.json",)),
    ("Test that an expired token is refused", ("tests/test_token.py",)),
    ("Remove dead code from the scheduler", ("scheduler/cron.py",)),
    ("Speed up the build by caching wheels", (".ci/build.yml",)),
    ("Handle empty uploads of attachments", ("attachments/upload.py", "tests/test_upload.py")),
    ("Refuse names longer than 256 characters", ("users/forms.py",)),
)
"""What other people of a product do meanwhile."""


class Checkout:
    """A repository in a folder."""

    def __init__(self, path: Path) -> None:
        self.path, self._count = path, 0
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        """Run git in it, by nobody's settings."""
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", "-C", self.path, *who, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message: str, files: Iterable[str]) -> str:
        """Make a commit that touches these files, and return its id."""
        for name in files:
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._count += 1
            path.write_text(f"line {self._count}\n")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


def imported(
    path: Path, before: Sequence[tuple[str, Sequence[str]]], between: Sequence[tuple[str, Sequence[str]]]
) -> list[str]:
    """Make a repository at once, with tags v1.0 and v1.1 around the commits between, and return their ids."""
    path.mkdir()
    subprocess.run(["git", "-C", path, "init", "-q", "-b", "main"], check=True)
    lines = [_commit(at, *each) for at, each in enumerate((*before, *between))]
    lines.insert(len(before), f"reset refs/tags/v1.0\nfrom :{len(before)}\n\n")
    stream = "".join(lines) + f"reset refs/tags/v1.1\nfrom :{len(before) + len(between)}\n\n"
    subprocess.run(["git", "-C", path, "fast-import", "--quiet"], input=stream.encode(), check=True)
    log = subprocess.run(
        ["git", "-C", path, "log", "--format=%H", "v1.0..v1.1"], check=True, capture_output=True, text=True
    )
    return log.stdout.split()[::-1]


def _commit(at: int, message: str, files: Sequence[str]) -> str:
    said = message.encode()
    head = f"commit refs/heads/main\nmark :{at + 1}\ncommitter somebody <s@example.org> {1_700_000_000 + at} +0000\n"
    changed = "".join(f'M 644 inline "{name}"\ndata 3\n{at:03}\n' for name in files)
    return f"{head}data {len(said)}\n{message}\n{changed}\n"
