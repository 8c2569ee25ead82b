"""Fixtures of the whole suite: comparison with golden files."""

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files instead of comparing")


@pytest.fixture
def golden(request):
    """Compare a text with ``tests/golden/NAME``; on a mismatch write it beside as ``NAME.got.*``."""
    update = request.config.getoption("--update-golden")

    def compare(name, text):
        path = GOLDEN / name
        if update:
            path.write_text(text, encoding="utf-8")
        expected = path.read_text(encoding="utf-8") if path.exists() else ""
        if text != expected:
            path.with_suffix(".got" + path.suffix).write_text(text, encoding="utf-8")
        assert text == expected

    return compare
