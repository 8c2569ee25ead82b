"""``python -m perftracker_ai``."""

import sys

from perftracker_ai.cli import main

sys.exit(main())
