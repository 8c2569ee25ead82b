"""Jobs of a history, one a day, for hand-made timelines."""

from datetime import UTC, datetime, timedelta

from analyses import job

FIRST = datetime(2026, 1, 1, 5, tzinfo=UTC)


def nights(count):
    """Jobs 100, 101 … of one version each, a day apart."""
    return [job(100 + at, f"1.0-{100 + at}", end=FIRST + timedelta(days=at)) for at in range(count)]
