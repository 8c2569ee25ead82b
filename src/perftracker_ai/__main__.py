"""``python -m perftracker_ai``."""

import sys

from perftracker_ai.cli import program

sys.exit(program())
