"""Who asks, and what they may: everybody to read, or those whom a login or a proxy in front names.

In: the headers of a request, the address it came from, the two lists of the settings. Out: a `Visitor`, or the refusal.
A name counts from the cookie of a login, from the header of a proxy that is trusted, or where the command line gives
one to whoever reaches a port of this machine; never from anything else that a request says.
"""

from __future__ import annotations

import hmac
import ipaddress
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from perftracker_ai.dashboard.answers import READER, Refused, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

COOKIE = "perftracker_ai"
SESSION_S = 7 * 86_400
"""How long a login holds."""
LONGEST_NAME = 100
SHORTEST_TOKEN = 16
"""Characters of a token: nobody guesses so many, at the pace at which it may be tried."""
_FREE, _LONGEST_WAIT_S, _MOST_PEERS = 5, 60.0, 1000
"""Wrong tokens that cost no time, the longest wait after further ones, and how many addresses are remembered."""
_IPV6_SITE = 64


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    """The two lists of the settings.

    Attributes
    ----------
    viewers : tuple of str
        Who may read; empty for everybody who is known by a name.
    triagers : tuple of str
        Who may read and write.
    """

    viewers: tuple[str, ...]
    triagers: tuple[str, ...]

    def may_read(self, name: str) -> bool:
        """Tell whether somebody may read."""
        return not self.viewers or name in self.viewers or name in self.triagers

    def may_write(self, name: str) -> bool:
        """Tell whether somebody may write."""
        return bool(name) and name in self.triagers


class Asking(NamedTuple):
    """What of a request tells who asks.

    Attributes
    ----------
    headers : tuple of (str, str)
        Names in small letters.
    peer : str
        Address that the connection came from; empty for a socket of this machine's file system.
    """

    headers: tuple[tuple[str, str], ...]
    peer: str

    def every(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for key, value in self.headers if key == name]

    def one(self, name: str) -> str:
        """Return the value of a header; empty where it is missing, or given twice, which only a forger does."""
        found = self.every(name)
        return found[0] if len(found) == 1 else ""


class Unknown(Exception):
    """Somebody who has to log in first."""


class Keys:
    """What only the server can make: cookies of logins, and the tokens of forms.

    Parameters
    ----------
    secret : bytes
        From the token of the environment: logins outlive a restart, and end when the token is another. Or random: forms
        that were opened before a restart have to be sent again.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def cookie(self, name: str, now: float) -> str:
        """Return the cookie of a login."""
        said = f"{urlsafe_b64encode(name.encode()).decode()}.{int(now)}"
        return f"{said}.{self._sign('login', said)}"

    def name_in(self, cookie: str, now: float) -> str | None:
        """Return the name of a login; None for one that is not ours, or too old."""
        said, _, signature = cookie.rpartition(".")
        encoded, _, made = said.partition(".")
        if not hmac.compare_digest(self._sign("login", said).encode(), signature.encode()):
            return None
        return urlsafe_b64decode(encoded).decode() if 0 <= now - int(made) < SESSION_S else None

    def form(self, name: str) -> str:
        """Return the token of somebody's forms, which no page of somebody else's can read."""
        return self._sign("form", name)

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._secret, f"{purpose}\0{text}".encode(errors="replace"), sha256).hexdigest()


class Throttle:
    """Wrong tokens, by where they come from: the more of them, the longer until the next one is looked at."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = Lock()

    def wait_s(self, peer: str, now: float) -> float:
        """Return for how long nothing is looked at from there."""
        with self._lock:
            return max(self._failed.get(_site(peer), (0, now))[1] - now, 0.0)

    def failed(self, peer: str, now: float) -> None:
        """Remember a wrong one."""
        with self._lock:
            count = self._failed.pop(_site(peer), (0, now))[0] + 1
            wait = min(2.0 ** (count - _FREE), _LONGEST_WAIT_S) if count >= _FREE else 0.0
            self._failed[_site(peer)] = count, now + wait
            if len(self._failed) > _MOST_PEERS:
                self._failed.popitem(last=False)

    def passed(self, peer: str) -> None:
        """Forget those of a place from which the right one came."""
        with self._lock:
            self._failed.pop(_site(peer), None)


def _site(peer: str) -> str:
    """Return an address, of IPv6 the network: one machine has as many of its addresses as it likes."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(address), _IPV6_SITE), strict=False))
    return str(address)


# ── who asks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def anybody(writer: str, keys: Keys) -> Callable[[Asking], Visitor]:
    """Take everybody for one who only reads, or for the one whom the command line names."""
    visitor = Visitor(name=writer, token=keys.form(writer)) if writer else READER
    return lambda _: visitor


def by_login(roles: Roles, keys: Keys, clock: Callable[[], float]) -> Callable[[Asking], Visitor]:
    """Take people by the cookie of their login."""

    def who(asking: Asking) -> Visitor:
        found = [keys.name_in(one, clock()) for one in cookies(asking)]
        name = next((one for one in found if one is not None), None)
        if name is None or not roles.may_read(name):
            raise Unknown
        return _visitor(name, roles, keys)

    return who


def by_header(header: str, trusted: Collection[str], roles: Roles, keys: Keys) -> Callable[[Asking], Visitor]:
    """Take people by the name that a proxy has put into a header."""

    def who(asking: Asking) -> Visitor:
        if not is_trusted(asking.peer, trusted):
            raise Refused(403, f"Requests come through the proxy, which {asking.peer} is not.")
        name = asking.one(header.lower()).strip()
        if not is_name(name):
            raise Refused(403, "The proxy in front of this dashboard did not say who you are.")
        if not roles.may_read(name):
            raise Refused(403, f"{name} is in no list of those who may look at this dashboard.")
        return _visitor(name, roles, keys)

    return who


def _visitor(name: str, roles: Roles, keys: Keys) -> Visitor:
    return Visitor(name=name, token=keys.form(name) if roles.may_write(name) else "")


def is_name(text: str) -> bool:
    """Tell whether a text may be somebody's name."""
    return 0 < len(text) <= LONGEST_NAME and text.isprintable() and text == text.strip()


def cookies(asking: Asking) -> list[str]:
    """Return the values of our cookie; another program on the same host may have set one of the same name."""
    told = "; ".join(asking.every("cookie"))
    pairs = (part.strip().partition("=") for part in told.split(";"))
    return [value for name, _, value in pairs if name == COOKIE]


def is_trusted(peer: str, trusted: Collection[str]) -> bool:
    """Tell whether a connection comes from the proxy: from this machine, or a network that the options name."""
    if not peer:
        return True
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    known = mapped or address
    return known.is_loopback or any(known in ipaddress.ip_network(one) for one in trusted)


def came_from(asking: Asking, trusted: Collection[str]) -> str:
    """Return from where somebody asks: behind a proxy that is trusted the address that it saw."""
    last = asking.one("x-forwarded-for").rpartition(",")[2].strip()
    return last if last and is_trusted(asking.peer, trusted) else asking.peer


def is_encrypted(asking: Asking, trusted: Collection[str]) -> bool:
    """Tell whether browsers reach the dashboard encrypted, as a proxy that is trusted says."""
    return asking.one("x-forwarded-proto").lower() == "https" and is_trusted(asking.peer, trusted)


# ── where a form comes from ─────────────────────────────────────────────────────────────────────────────────────────


def is_same_origin(asking: Asking) -> bool:
    """Tell whether a request to write comes from a page of this dashboard, as far as the browser says.

    A page of another port of the same host is another's, though cookies do not know it. A browser too old to say
    where a form comes from is known by the form's token.
    """
    site, origin = asking.every("sec-fetch-site"), asking.every("origin")
    if site and site != ["same-origin"]:
        return False
    if not origin:
        return True
    scheme, separator, place = asking.one("origin").lower().partition("://")
    return scheme in {"http", "https"} and bool(separator) and _is_at(place, asking.one("host").lower())


def _is_at(place: str, host: str) -> bool:
    """Tell whether a place is the host that was asked; its port counts where that is told, as not all proxies do."""
    return host in {place, name_of(place)}


def name_of(host: str) -> str:
    """Return a host without its port, in small letters."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()
