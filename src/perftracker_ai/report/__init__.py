"""What a person is told about a run, as a value: every form of a report is made from it."""
