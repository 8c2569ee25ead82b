"""PerfTracker AI: from two load-test jobs to a decided, explained and published report."""
