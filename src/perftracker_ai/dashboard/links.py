"""Addresses of the dashboard's pages: every link, form, redirect, feed and badge gets its own here.

In: a page's path as the application routes it, already quoted, and its query. Out: the address under which browsers
reach it, which behind a proxy begins with a prefix. The prefix belongs to the request that is being answered, as it
does in Django and Flask: a page that had to be handed it could forget to hand it on.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: ContextVar[str] = ContextVar("prefix", default="")


def link(path: str, **query: str | int) -> str:
    """Return the address of a page.

    Parameters
    ----------
    path : str
        From the application's root on, ``/issues``; what is foreign in it is quoted.
    **query : str or int
        What is asked for; what is empty is left out.
    """
    told = urlencode({name: value for name, value in query.items() if value != ""}, errors="replace")
    return f"{_PREFIX.get()}{path}{'?' if told else ''}{told}"


@contextmanager
def under(prefix: str) -> Iterator[None]:
    """Make addresses under a prefix, such as ``/perf``; empty for none."""
    before = _PREFIX.set(prefix)
    try:
        yield
    finally:
        _PREFIX.reset(before)
