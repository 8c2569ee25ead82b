"""How to get at a server: its address, the certificates that verify it, and the login that a gateway wants.

In: settings. Out: what a connection is made with. What cannot be used is refused before anything is sent, and no secret
is shown.
"""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from perftracker_ai.errors import UsageError
from perftracker_ai.files import reason
from perftracker_ai.http import Login, basic, trusts_nobody
from perftracker_ai.words.text import clean, without_secrets

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2

    from perftracker_ai.settings import Gateway, Settings

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TOO_SHORT = 3
"""Characters of a header's or cookie's value that are no secret: masking them would garble every message."""


def read_address(url: str) -> httpx2.URL:
    """Read the server's address."""
    import httpx2

    shown = clean(without_secrets(url))
    try:
        parts, base = urlsplit(url), httpx2.URL(url)
        host, _ = parts.hostname, parts.port
    except (ValueError, httpx2.InvalidURL) as error:
        raise UsageError(f"{shown!r} is no server address", "write it like https://perftracker.example:9000") from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError(f"{shown!r} is no server address", "write it like https://perftracker.example:9000")
    return base.copy_with(path=base.path.rstrip("/") or "/")


def certificates(base: httpx2.URL, ca_bundle: Path | None, settings: Settings) -> ssl.SSLContext:
    """Return what verifies the server, and shows it a certificate of ours where it wants one."""
    context = _authorities(base, ca_bundle, insecure=settings.insecure)
    if settings.client_cert:
        _show_certificate(context, settings.gateway)
    return context


def _show_certificate(context: ssl.SSLContext, gateway: Gateway) -> None:
    try:
        # An empty password rather than none, for without one OpenSSL would ask for it at the terminal.
        context.load_cert_chain(gateway.client_cert, gateway.client_key or None, gateway.client_key_password)
    except OSError as error:  # ssl.SSLError is one
        problem = "they do not fit, or the password is wrong" if isinstance(error, ssl.SSLError) else reason(error)
        raise UsageError(
            f"The client certificate {clean(gateway.client_cert)} with its key cannot be used: {problem}",
            "correct client_cert, client_key and client_key_password",
        ) from error
    except ValueError as error:
        raise UsageError("The setting client_key_password is too long for a password", "correct it") from error


def _authorities(base: httpx2.URL, ca_bundle: Path | None, *, insecure: bool) -> ssl.SSLContext:
    if insecure:
        return _unverified()
    if ca_bundle is None:
        return _of_the_system() if base.scheme == "https" else trusts_nobody()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=ca_bundle)
    except OSError as error:  # ssl.SSLError is one
        problem = "it holds no certificate" if isinstance(error, ssl.SSLError) else reason(error)
        raise UsageError(f"--ca-bundle {ca_bundle} cannot be used: {problem}", "give a PEM file") from error
    return context


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _of_the_system() -> ssl.SSLContext:
    """Load the system's authorities: 45 ms, so only where they are needed."""
    import httpx2

    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        cure = "correct or unset SSL_CERT_FILE and SSL_CERT_DIR, or use --ca-bundle"
        raise UsageError(f"The trusted certificates cannot be read ({clean(str(error))})", cure) from error


def login_of(url: str, gateway: Gateway) -> Login:
    """Return what is sent to get past a gateway: by the settings, else by the address, else by a netrc file.

    Raises
    ------
    UsageError
        When two of the settings exclude each other, or one cannot be sent.
    """
    if gateway.token and (gateway.user or gateway.password):
        raise UsageError(
            "The settings gateway_token and gateway_user exclude each other", "give the one that is asked for"
        )
    headers, secrets, given = [_header(text) for text in gateway.headers], [], []
    secrets += [value for _, value in headers if len(value) > _TOO_SHORT]
    given += ["gateway_headers"] if headers else []
    if gateway.cookie:
        headers.append(("Cookie", _sendable(gateway.cookie, "gateway_cookie")))
        values = re.findall(r"=([^;]+)", gateway.cookie)
        secrets += [gateway.cookie, *(value for value in values if len(value) > _TOO_SHORT)]
        given.append("gateway_cookie")
    if gateway.client_cert:
        secrets.append(gateway.client_key_password)
        given.append("client_cert")
    if gateway.token:
        headers.append(("Authorization", f"Bearer {_sendable(gateway.token, 'gateway_token')}"))
        secrets.append(gateway.token)
        given.append("gateway_token")
    elif (found := _user(url, gateway)) is not None:
        user, password, where = found
        sent = basic(user, password)
        headers.append(("Authorization", sent))
        secrets += [password, quote(password, safe=""), sent.partition(" ")[2]]
        given.append(where)
    return Login(headers=tuple(headers), secrets=tuple(filter(None, secrets)), given=tuple(given))


def _user(url: str, gateway: Gateway) -> tuple[str, str, str] | None:
    """Return user, password, and what names them."""
    if gateway.user or gateway.password:
        return gateway.user, gateway.password, "gateway_user"
    parts = urlsplit(url)
    if parts.username or parts.password:
        return unquote(parts.username or ""), unquote(parts.password or ""), "user and password of the address"
    return _from_netrc(parts.hostname or "", gateway.netrc)


def _from_netrc(host: str, named: str) -> tuple[str, str, str] | None:
    """Look a host up in the file that NETRC names, or in ``~/.netrc``."""
    from pathlib import Path

    try:
        file = Path(named).expanduser() if named else Path.home() / ".netrc"
        if not named and not file.is_file():
            return None
    except (OSError, RuntimeError):  # nobody's home
        return None
    import netrc

    try:
        found = netrc.netrc(file).authenticators(host)
    except OSError as error:
        raise UsageError(f"The file {clean(str(file))} that NETRC names cannot be read: {reason(error)}.") from error
    except (netrc.NetrcParseError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, netrc.NetrcParseError) and error.lineno else ""
        raise UsageError(f"The file {clean(str(file))}{line} is no netrc file", "correct it, or unset NETRC") from error
    return None if found is None else (found[0], found[2] or "", f"entry of {file.name}")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not _TOKEN.fullmatch(name.strip()):
        raise UsageError("The setting gateway_headers takes headers such as `X-Access-Id: 123`, each as `NAME: VALUE`.")
    return name.strip(), _sendable(value, "gateway_headers")


def _sendable(text: str, key: str) -> str:
    """Refuse what no header can carry, without showing it."""
    plain = text.strip()
    if not re.fullmatch(r"[\x20-\x7e]+", plain):
        raise UsageError(f"The setting {key} is empty or holds characters that no header can carry", "copy it again")
    return plain
