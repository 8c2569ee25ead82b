"""PerfTracker AI: from two load-test jobs to a decided, explained and published report."""

TOOL_VERSION = "0.1.0"
"""Kept equal to the package's version by a test: reading the installed metadata costs more than writing the results."""
