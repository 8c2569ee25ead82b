"""Addresses of the dashboard's pages: every link, form, redirect, feed and badge gets its own here.

In: a page's path as the application routes it, already quoted, and its query. Out: the address under which browsers
reach it, which behind a proxy begins with a prefix. The prefix belongs to the request that is being answered, as it
does in Django and Flask: a page that had to be handed it could forget to hand it on.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator


class Site(NamedTuple):
    """What every page of a dashboard has in common.

    Attributes
    ----------
    prefix : str
        Path that a proxy has it under, such as ``/perf``; empty for none.
    login : bool
        Whether people log in, so that every page leads to where they do.
    bare : bool
        Whether a page is to stand within another one, without what leads about and what is said at its foot.
    """

    prefix: str
    login: bool
    bare: bool = False


_PLAIN = Site("", login=False)
_SITE: ContextVar[Site] = ContextVar("site", default=_PLAIN)


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
    return f"{_SITE.get().prefix}{path}{'?' if told else ''}{told}"


def site() -> Site:
    """Return what is common to all pages while a request is answered."""
    return _SITE.get()


@contextmanager
def at(place: Site) -> Iterator[None]:
    """Make pages and addresses of a dashboard."""
    before = _SITE.set(place)
    try:
        yield
    finally:
        _SITE.reset(before)
