"""What people and programs read of an analysis: results file, Markdown report, terminal summary; it decides nothing."""
