"""What a page is asked, and what it answers: a query's few words, a page, values as JSON, or one sentence.

In: a request that the gate has let in. Out: responses, each with the headers that keep a page to itself.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from enum import StrEnum
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec
from starlette.responses import Response

from perftracker_ai.dashboard.frame import error_page, page_policy
from perftracker_ai.dashboard.links import link
from perftracker_ai.render import board

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from perftracker_ai.dashboard.access import Asking

    Handler = Callable[["Query"], Response]

E = TypeVar("E", bound=StrEnum)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
HTML, JSON, SVG = "text/html; charset=utf-8", "application/json", "image/svg+xml"
CSV = "text/csv; charset=utf-8; header=present"
_NOTHING = HEADERS | {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
"""The headers of what is no page."""
_KEPT_S, _MOST_KEPT, _LOCKS = 2.0, 64, 16
"""Seconds that an answer is kept, and how many are."""


class Refused(Exception):
    """A request that gets a sentence in place of an answer."""

    def __init__(self, status: int, said: str, **headers: str) -> None:
        super().__init__(said)
        self.status, self.said, self.headers = status, said, headers


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks.

    Attributes
    ----------
    name : str
        Empty for one who only reads, whom nobody asked for a name.
    token : str
        What a form of this visitor must hold to be taken; empty for one who may change nothing.
    """

    name: str
    token: str

    @property
    def may_write(self) -> bool:
        """Tell whether pages show forms to this visitor."""
        return bool(self.token)


READER = Visitor(name="", token="")
"""Somebody who only reads: whose pages are the same for all of them."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A request as far as pages look at it.

    Attributes
    ----------
    segments : tuple of str
        The parts of the path that its route leaves open.
    values : dict of str to str
        Of the query string.
    json : bool
        Whether values are wanted in place of a page.
    visitor : Visitor
    form : tuple of (str, str)
        What was sent, field by field; nothing where a page is asked for.
    asking : Asking
        From where, and in which words.
    """

    segments: tuple[str, ...]
    values: dict[str, str]
    json: bool
    visitor: Visitor
    form: tuple[tuple[str, str], ...]
    asking: Asking

    @property
    def is_own_form(self) -> bool:
        """Tell whether a form is of this visitor's pages, which nobody else's can read."""
        given = self.field("token").encode(errors="replace")
        return hmac.compare_digest(given, self.visitor.token.encode())

    def field(self, name: str) -> str:
        """Return a field of the form; empty where it is missing."""
        return next((value for key, value in self.form if key == name), "")

    def choice(self, name: str, kind: type[E], usual: E) -> E:
        """Return one of a few words."""
        given = self.values.get(name, usual.value)
        if given not in set(kind):
            raise Refused(400, f"{name} is one of {', '.join(kind)}.")
        return kind(given)

    def number(self, name: str, usual: int, most: int) -> int:
        """Return a whole number from 1 on."""
        given = self.values.get(name, str(usual))
        if not (given.isascii() and given.isdigit() and len(given) < 8 and 1 <= int(given) <= most):  # noqa: PLR2004 - digits that every number of ours has
            raise Refused(400, f"{name} is a whole number from 1 to {most}.")
        return int(given)


def _segment(name: str, value: str) -> str:
    """Return a part of a path as it was before an address was made of it."""
    text = unquote(value, errors="replace")
    return text.removeprefix(board.MARK) if name == "product" else text


def query_of(request: Request, *, json: bool) -> Query:
    """Return what a request asks, or refuse it."""
    raw = request.scope["query_string"].decode("latin-1")
    with suppress(ValueError):
        values = dict(parse_qsl(raw, errors="replace", max_num_fields=20))
        segments = tuple(_segment(name, value) for name, value in request.path_params.items())
        known = {name: request.scope[name] for name in ("visitor", "form", "asking")}  # by the gate
        return Query(segments=segments, values=values, json=json, **known)
    raise Refused(400, "The query has more parts than any page knows.")


class Answers:
    """Answers kept for a moment: what many ask for at once is looked up once, and the others wait for it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], tuple[float, Response]] = {}
        self._turn = 0  # an answer that is being made while something is written is kept for nobody who asks later
        self._locks = [Lock() for _ in range(_LOCKS)]

    def of(self, handler: Handler) -> Handler:
        """Return a handler whose answers are kept; whoever only reads is answered alike."""

        def answer(query: Query) -> Response:
            visitor = query.visitor if query.visitor.may_write else READER
            asked = (query.segments, tuple(sorted(query.values.items())), query.json)
            key = (handler, *asked, visitor, self._turn)
            with self._locks[hash(key) % _LOCKS]:
                made, kept = self._kept.get(key, (-_KEPT_S, None))
                if kept is not None and monotonic() - made < _KEPT_S:
                    return kept
                told = handler(query)
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = monotonic(), told
                return told

        return answer

    def forget(self) -> None:
        """Keep none of them: what they show has become another."""
        self._turn += 1
        self._kept.clear()


def page(html: str, *, forms: bool = False) -> Response:
    """Return a page; one with forms may send them here, and nowhere else."""
    headers = HEADERS | {"Content-Security-Policy": page_policy(forms=forms)}
    return Response(html.encode(errors="replace"), media_type=HTML, headers=headers)


def no_page(content: bytes | str, media_type: str) -> Response:
    """Return what is read by programs or drawn as a picture: nothing in it is followed."""
    return Response(content, media_type=media_type, headers=_NOTHING)


def csv_file(content: bytes) -> Response:
    """Return the values behind a page as CSV."""
    return no_page(content, CSV)


def values(value: msgspec.Struct) -> Response:
    """Return the values behind a page as JSON."""
    content = msgspec.json.encode({"schema_version": 1, **msgspec.structs.asdict(value)})
    return no_page(content, JSON)


def see(address: str, **headers: str) -> Response:
    """Lead on to another address."""
    return Response(status_code=303, headers=_NOTHING | {"Location": address} | headers)


def login_first(method: str, path: str, query: str) -> Response:
    """Lead somebody who is not known to the login, and from there back; programs are told in a sentence."""
    if method in {"GET", "HEAD"} and not path.startswith("/api/"):
        return see(link("/login", next=f"{path}{'?' if query else ''}{query}"))
    return sentence(401, f"Log in first, at {link('/login')}.", json=path.startswith("/api/"))


def sentence(status: int, told: str, *, json: bool = False, **headers: str) -> Response:
    """Return one sentence as a page, or as JSON where that was asked for."""
    if json:
        content = msgspec.json.encode({"schema_version": 1, "error": told})
        return Response(content, status, media_type=JSON, headers=HEADERS | headers)
    answer = page(error_page(status, told))
    answer.status_code = status
    answer.headers.update(headers)
    return answer
