"""The login: the token that the dashboard was started with, and a name, for a cookie."""

from __future__ import annotations

import hmac
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING

from perftracker_ai.dashboard.access import (
    COOKIE,
    LONGEST_NAME,
    SESSION_S,
    Throttle,
    came_from,
    cookies,
    is_encrypted,
    is_name,
)
from perftracker_ai.dashboard.answers import Refused, page, see
from perftracker_ai.dashboard.frame import page as frame
from perftracker_ai.dashboard.links import link, site
from perftracker_ai.render.page.markup import Html, el, join, tag

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from perftracker_ai.dashboard.access import Keys, Roles
    from perftracker_ai.dashboard.answers import Query

_LONGEST_TOKEN = 1000
_NAME_WANTED = "Give your name: only those whom the settings list may look at this dashboard."
_WRONG = "That is not the token of this dashboard."


class Login:
    """Where people log in and out.

    Parameters
    ----------
    token : str
        What they have to know.
    keys : Keys
    roles : Roles
    trusted : tuple of str
        Networks of proxies, which are believed to say from where somebody asks.
    https : bool
        Whether browsers reach the dashboard encrypted, although no proxy says so.
    clock : callable
        Gives the time in seconds since 1970.
    """

    def __init__(
        self,
        token: str,
        keys: Keys,
        roles: Roles,
        *,
        trusted: tuple[str, ...],
        https: bool,
        clock: Callable[[], float],
    ) -> None:
        self._token, self._keys, self._roles = _digest(token), keys, roles
        self._trusted, self._https, self._clock, self._throttle = trusted, https, clock, Throttle()

    def show(self, query: Query) -> Response:
        """Answer with the form, and for one who is logged in with the way out."""
        names = [self._keys.name_in(one, self._clock()) for one in cookies(query.asking)]
        name = next((one for one in names if one is not None), None)
        return page(_login_page(_local(query.values.get("next", "")), "", name), forms=True)

    def log_in(self, query: Query) -> Response:
        """Answer a token and a name with a cookie, or say what is wrong with them; wrong tokens cost time."""
        peer, now = came_from(query.asking, self._trusted), self._clock()
        wait = self._throttle.wait_s(peer, now)
        if wait:
            raise Refused(
                429, f"Too many wrong tokens; try again in {ceil(wait)} s.", **{"Retry-After": str(ceil(wait))}
            )
        target, name = _local(query.field("next")), query.field("name").strip()
        if not hmac.compare_digest(_digest(query.field("token")[:_LONGEST_TOKEN]), self._token):
            self._throttle.failed(peer, now)
            return self._again(403, target, _WRONG)
        self._throttle.passed(peer)
        if name and not is_name(name):
            return self._again(400, target, f"A name is text of at most {LONGEST_NAME} characters.")
        if not self._roles.may_read(name) or (name and not self._is_listed(name)):
            return self._again(403, target, f"{name} is in no list of this dashboard." if name else _NAME_WANTED)
        return see(link(target), **{"Set-Cookie": self._cookie(query, self._keys.cookie(name, now), SESSION_S)})

    def log_out(self, query: Query) -> Response:
        """Answer with a cookie that ends the login."""
        return see(link("/login"), **{"Set-Cookie": self._cookie(query, "", 0)})

    def _is_listed(self, name: str) -> bool:
        """Tell whether a name that somebody gave is one of the lists: names of others are not to be made up."""
        return name in self._roles.viewers or name in self._roles.triagers

    def _again(self, status: int, target: str, problem: str) -> Response:
        answer = page(_login_page(target, problem, None), forms=True)
        answer.status_code = status
        return answer

    def _cookie(self, query: Query, value: str, age_s: int) -> str:
        """Return the header: no script reads it, and a form of another site does not send it.

        Lax and not Strict, so that a link in a chat opens the page and not the login; only forms write.
        """
        secure = "; Secure" if self._https or is_encrypted(query.asking, self._trusted) else ""
        path = site().prefix or "/"
        return f"{COOKIE}={value}; Path={path}; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}"


def _digest(text: str) -> bytes:
    """Return what tokens are compared by: of one length, whatever somebody sends."""
    return sha256(text.encode(errors="replace")).digest()


def _local(target: str) -> str:
    """Return a path of this dashboard to go on to: the first page, unless it is one."""
    plain = target.isascii() and target.isprintable() and "\\" not in target
    return target if plain and target.startswith("/") and not target.startswith("//") else "/"


def _login_page(target: str, problem: str, name: str | None) -> str:
    told = el("p", problem, class_="problem", role="alert") if problem else Html("")
    asks = {"type": "password", "required": "required", "autocomplete": "current-password"}
    named: dict[str, str | int] = {"maxlength": LONGEST_NAME, "autocomplete": "username"}
    fields = (
        tag("input", type="hidden", name="next", value=target),
        el("label", "Your name", tag("input", id="name", name="name", **named)),
        el("p", "A name is needed to write: one of the triagers of the settings.", class_="sub"),
        el("label", "Token", tag("input", id="token", name="token", **asks)),
        el("button", "Log in", type="submit"),
    )
    form = el("form", *fields, method="post", action=link("/login"), id="login")
    out = el("form", el("button", "Log out", type="submit"), method="post", action=link("/logout"), id="logout")
    who = el("p", "Logged in", f" as {name}" if name else "", ".")
    leave = Html("") if name is None else join([who, out])
    head = (el("h1", "Login"), el("p", "Whoever runs this dashboard knows its token."))
    return frame("Login", "open", head, (el("section", told, leave, form, aria_label="Login"),), Html(""), at="/login")
