#!/usr/bin/env python3
"""The earlier script's command line, kept for those who have it in cron.

    python3 perftracker_connector.py --product GRPM --upload
    python3 perftracker_connector.py 85817 86303

Takes ``--product --project --url --output-dir --upload`` and job ids as before and calls ``perftracker-ai analyze``.
From the repository it takes the package that lies beside it, with what ``pip install -r requirements.txt`` installed or
else with the environment that ``make demo`` made.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NEEDED = ("httpx2", "msgspec", "numpy", "rich", "sqlalchemy", "perftracker_ai")
"""What must be importable: all of it is looked for at the start, for the package imports late."""
OLDEST = (3, 11)


def main() -> int:
    """Run ``analyze`` with the arguments given."""
    if (ROOT / "src" / "perftracker_ai").is_dir():
        sys.path.insert(0, str(ROOT / "src"))
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing or sys.version_info < OLDEST:
        return elsewhere(", ".join(missing))
    from perftracker_ai.cli import program

    sys.argv.insert(1, "analyze")
    return program()


def elsewhere(missing: str) -> int:
    """Run in the environment beside the script, or else say what to install."""
    python = ROOT / ".venv" / "bin" / "python"
    if python.exists() and Path(sys.prefix) != python.parent.parent:
        os.execv(python, [str(python), __file__, *sys.argv[1:]])  # noqa: S606 - our own environment's interpreter
    if sys.version_info < OLDEST:
        problem = f"this is Python {sys.version_info[0]}.{sys.version_info[1]}; it takes 3.11 or newer"
    else:
        problem = (
            f"{missing} not installed; run `pip install -r requirements.txt` or `make demo` here, or `pip install .`"
        )
    print(f"error: {problem}.", file=sys.stderr)  # noqa: T201 - a script of its own, and nothing else is there yet
    return 2


if __name__ == "__main__":
    sys.exit(main())
