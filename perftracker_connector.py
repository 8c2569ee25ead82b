#!/usr/bin/env python3
"""The earlier script's command line, kept for those who have it in cron.

    python3 perftracker_connector.py --product GRPM --upload
    python3 perftracker_connector.py 85817 86303

Takes ``--product --project --url --output-dir --upload`` and job ids as before and calls ``perftracker-ai analyze``.
From the repository it finds the package, and the environment that ``make demo`` made, by itself.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def main() -> int:
    """Run ``analyze`` with the arguments given."""
    try:
        from perftracker_ai.cli import program
    except ModuleNotFoundError as error:
        python = ROOT / ".venv" / "bin" / "python"
        if python.exists() and Path(sys.prefix) != python.parent.parent:
            os.execv(python, [str(python), __file__, *sys.argv[1:]])  # noqa: S606 - our own environment's interpreter
        print(f"error: {error.name} is not installed; run `make demo` here once, or `pip install .`.", file=sys.stderr)  # noqa: T201
        return 2
    sys.argv.insert(1, "analyze")
    return program()


if __name__ == "__main__":
    sys.exit(main())
