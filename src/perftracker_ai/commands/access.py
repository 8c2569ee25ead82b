"""Who may reach the dashboard: options and settings made into what its gate knows.

In: what `serve` was told, the settings, a secret of the environment. Out: `Access` and host names. What would leave the
dashboard open to whoever reaches the port, or writing to somebody without a name, is refused before anything listens.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.errors import UsageError
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from perftracker_ai.dashboard.gate import Access
    from perftracker_ai.settings import DashboardSettings

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*/?", re.ASCII)
_HOST = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]+\]", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)
_HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What `serve` was told on the command line.

    Attributes
    ----------
    listen : str
        Address and port, such as ``127.0.0.1:8765``.
    write_as : str
        Name under which everybody who reaches the port writes; empty for none.
    token_env, token : str
        Name of the variable that holds what people log in with, and its value; empty for none.
    user_header : str
        Header in which a proxy says who asks; empty for none.
    proxies : tuple of str
        Addresses or networks, besides this machine, of proxies that are believed.
    hosts : tuple of str
        Further names under which browsers ask.
    prefix : str
        Path that a proxy has it under.
    accept_into : str
        Settings file into which acceptances are written; empty for none.
    """

    listen: str
    write_as: str
    token_env: str
    token: str
    user_header: str
    proxies: tuple[str, ...]
    hosts: tuple[str, ...]
    prefix: str
    accept_into: str

    def __repr__(self) -> str:
        """Return nothing of what is secret."""
        return f"Options(listen={self.listen!r})"

    @property
    def asks(self) -> bool:
        """Tell whether people are asked who they are."""
        return bool(self.token_env or self.user_header)


def access_of(options: Options, lists: DashboardSettings) -> Access:
    """Return whom the dashboard answers.

    Raises
    ------
    UsageError
        When options contradict each other, or are none.
    """
    from perftracker_ai.dashboard.access import Keys, Roles, anybody, by_header, by_login
    from perftracker_ai.dashboard.gate import Access
    from perftracker_ai.dashboard.login import Login

    _require_one_way(options)
    prefix, trusted = _prefix(options.prefix), tuple(map(_network, options.proxies))
    roles = Roles(viewers=lists.viewers, triagers=lists.triagers)
    login, who, writes = None, anybody("", Keys(b"")), bool(roles.triagers) and options.asks
    if options.token_env:
        keys = Keys(sha256(f"perftracker-ai dashboard\0{_token(options)}".encode()).digest())
        login = Login(options.token, keys, roles, trusted=trusted, https=lists.https, clock=time.time)
        who = by_login(roles, keys, time.time)
    elif options.user_header:
        who = by_header(_header(options.user_header), trusted, roles, Keys(secrets.token_bytes(32)))
    elif options.write_as:
        who, writes = anybody(_name(options.write_as), Keys(secrets.token_bytes(32))), True
    return Access(prefix=prefix, who=who, login=login, writes=writes, framers=lists.frame_ancestors)


def hosts_of(options: Options, listens_on: str) -> frozenset[str]:
    """Return the names under which the dashboard answers: its own address, and those that were named.

    Raises
    ------
    UsageError
        When a name is none.
    """
    wrong = next((one for one in options.hosts if not _HOST.fullmatch(one.lower())), None)
    if wrong is not None:
        raise UsageError(f"--host {clean(wrong)!r} is no host name", "write perf.example, without scheme, port or path")
    return _HERE | {listens_on.lower(), *(one.lower() for one in options.hosts)}


def _require_one_way(options: Options) -> None:
    given = [
        name
        for name, value in (
            ("--write-as", options.write_as),
            ("--token-env", options.token_env),
            ("--trust-user-header", options.user_header),
        )
        if value
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are two ways to know who asks", "give one of them")
    if options.proxies and not options.asks:
        raise UsageError("--proxy names whom to believe, but nobody is asked who they are", "see --trust-user-header")


def _token(options: Options) -> str:
    from perftracker_ai.dashboard.access import SHORTEST_TOKEN

    if len(options.token) < SHORTEST_TOKEN:
        short = "is not set" if not options.token else f"is shorter than {SHORTEST_TOKEN} characters"
        raise UsageError(
            f"The variable {clean(options.token_env)} of --token-env {short}",
            "put the token into it, such as the output of `openssl rand -hex 16`",
        )
    return options.token


def _name(text: str) -> str:
    from perftracker_ai.dashboard.access import is_name

    if not is_name(text):
        raise UsageError(f"--write-as {clean(text)!r} is no name", "give that of the person who triages")
    return text


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise UsageError(f"--trust-user-header {clean(text)!r} is no header", "write X-Remote-User")
    return text.lower()


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text) or {".", ".."} & set(text.split("/")):
        raise UsageError(f"--prefix {clean(text)!r} is no path", "write /perf")
    return text.rstrip("/")


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise UsageError(
            f"--proxy {clean(text)!r} is no address or network", "write 10.0.0.5 or 10.0.0.0/24"
        ) from error
