"""Settings from the command line, the environment and ``perftracker-ai.toml``, in this order of precedence.

In the file, a product's own table stands over what all products share.
The only module that reads the environment. Of other programs' variables those count that name a language model's
server and its key, where nothing of ours does: ``OLLAMA_HOST``, ``OLLAMA_API_KEY``, ``OPENAI_API_KEY``; a build's page:
``GITHUB_STEP_SUMMARY``; and a file of logins: ``NETRC``. An unknown key is refused with the nearest known name, a value
of the wrong type with the type that is wanted, both with the place they stand in.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import fields, replace

from perftracker_ai.decoding import converted
from perftracker_ai.errors import UsageError
from perftracker_ai.files import read_bounded, reason, unmarked
from perftracker_ai.settings import (
    SECRETS,
    Accept,
    Channel,
    CurveSettings,
    DashboardSettings,
    DetectSettings,
    DiscoverySettings,
    PolicySettings,
    ProductSettings,
    Settings,
    SourceSettings,
)
from perftracker_ai.words.text import clean, is_address, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FILE_NAME = "perftracker-ai.toml"
PREFIX = "PERFTRACKER_AI_"

_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "discovery": DiscoverySettings,
    "curves": CurveSettings,
    "detect": DetectSettings,
    "policy": PolicySettings,
    "source": SourceSettings,
}
_RUN_SECTIONS: dict[str, type[msgspec.Struct]] = {"dashboard": DashboardSettings}
"""Tables that are of the whole run, and of no product."""
_EVERY_SECTION = _SECTIONS | _RUN_SECTIONS
_TABLES = frozenset({"defaults", "products", "accept", "channels", *_RUN_SECTIONS})
"""Settings that have tables of their own in the file, and no key."""
_ANY_TEXT = frozenset(
    {
        "url",
        "llm_url",
        "dashboard_url",
        "store",
        "scheduler",
        "curves.load_pattern",
        "curves.less_better",
        "discovery.version_from",
        "dashboard.viewers",
        "dashboard.triagers",
        "dashboard.frame_ancestors",
    }
)
"""Keys whose text may be, or hold, an address; where one stands elsewhere, it was put in the wrong place."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY = re.compile(r"[\w-]{1,40}(\.[\w-]{1,40})?", re.ASCII)
_PLAIN = re.compile(r"[a-z]{1,8}|[+-]?[0-9]{1,9}([.][0-9]{1,9})?")
_PLACE = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._~%/-]*)?", re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?", re.ASCII)
_COLUMN, _LONGEST, _LONGEST_PLACE = 60, 400, 200
LONGEST_FILE = 4 << 20
"""Bytes of a settings file that are read."""
_RUN_KEYS = tuple(name for name in Settings.__struct_fields__ if name not in _TABLES)


def load(
    flags: Mapping[str, object], environ: Mapping[str, str], *, directory: Path, file: Path | None = None
) -> Settings:
    """Merge all sources of settings.

    Parameters
    ----------
    flags : mapping
        Options given on the command line, by key: ``url``, ``discovery.hardware``; None for one not given.
    environ : mapping
        The environment; keys beginning with ``PERFTRACKER_AI_`` count, and those of a language model's server.
    directory : Path
        Where the search for the settings file begins, upwards.
    file : Path, optional
        The settings file to take instead of searching.

    Returns
    -------
    Settings

    Raises
    ------
    UsageError
        When a key is unknown or a value is not what the key takes.
    """
    return _merged(_layers(flags, environ, file or find(directory)))


def load_here(flags: Mapping[str, object], file: Path | None) -> Settings:
    """Merge the settings of a process that nobody handed an environment: a worker on another machine.

    Raises
    ------
    UsageError
        As `load`.
    """
    return load(flags, os.environ, directory=Path.cwd(), file=file)


def _merged(read: _Layers) -> Settings:
    common, over = {**read.borrowed, **read.written}, {**read.environment, **read.given}
    products = [(name, _product({**common, **own, **over}, f" of product {name}")) for name, own in read.products]
    return _build({**common, **over, "channels": read.channels, "accept": read.accept}, tuple(products))


class _Layers(NamedTuple):
    """What each place says, the weakest first; products, channels and accepted regressions are in the file only."""

    path: Path | None
    borrowed: dict[str, object]
    written: dict[str, object]
    environment: dict[str, object]
    given: dict[str, object]
    products: tuple[tuple[str, dict[str, object]], ...]
    channels: tuple[Channel, ...]
    accept: tuple[Accept, ...]


def _layers(flags: Mapping[str, object], environ: Mapping[str, str], path: Path | None) -> _Layers:
    tables = _read(path) if path else {}
    own_tables = tables.pop("product", {})
    channels, accept = _channels(tables, environ, str(path)), _accepts(tables, str(path))
    written = _checked_all(_flatten(tables), str(path))
    environment = _checked_all(_from_environment(environ), "the environment")
    given = _checked_all({key: value for key, value in flags.items() if value is not None}, "the command line")
    borrowed = _borrowed(environ, {**written, **environment, **given})
    own = tuple(_own_settings(own_tables, str(path)))
    return _Layers(path, borrowed, written, environment, given, own, channels, accept)


def _accepts(tables: dict[str, Any], origin: str) -> tuple[Accept, ...]:
    """Take the ``[[accept]]`` entries out of the file."""
    if "accept" not in tables:
        return ()
    from perftracker_ai.config.file import read_accepts

    return read_accepts(tables.pop("accept"), origin)


def explain(
    flags: Mapping[str, object], environ: Mapping[str, str], *, directory: Path, file: Path | None = None
) -> list[str]:
    """Say in a line each what every setting is, and where that comes from.

    Parameters
    ----------
    flags, environ, directory, file
        As for `load`, and what is wrong with them is refused alike.
    """
    read = _layers(flags, environ, file or find(directory))
    settings = _merged(read)
    common = {**_values(settings), **_section_values(settings, _RUN_SECTIONS), **_values(settings.defaults)}
    rows = [(key, common[key], _origin(key, read)) for key in _known_keys()]
    rows += [
        (f"product.{name}.{key}", _values(settings.of_product(name))[key], _origin(key, read, own))
        for name, own in read.products
        for key in own
    ]
    told = [(f"{key} = {_told(key, value)}", origin) for key, value, origin in rows]
    told += [(f"[[notify]] {channel.name}", str(read.path)) for channel in read.channels]
    told += [(f"[[accept]] {one.endpoint or one.tag} of {one.product}", str(read.path)) for one in read.accept]
    return [f"{clean(without_secrets(text), _LONGEST):{_COLUMN}}  # {clean(origin)}" for text, origin in told]


def _values(settings: Settings | ProductSettings) -> dict[str, object]:
    """Give settings by their keys."""
    if isinstance(settings, Settings):
        return {key: getattr(settings, key) for key in _RUN_KEYS}
    return _section_values(settings, _SECTIONS)


def _section_values(settings: object, sections: Mapping[str, type[msgspec.Struct]]) -> dict[str, object]:
    return {
        f"{section}.{field.name}": getattr(getattr(settings, section), field.name)
        for section, owner in sections.items()
        for field in fields(owner)
    }


def _origin(key: str, read: _Layers, own: Mapping[str, object] | None = None) -> str:
    """Name the place that decides a setting."""
    borrowed = read.borrowed.get(key) not in (None, *(field.default for field in fields(Settings) if field.name == key))
    places = (
        (key in read.given, "command line"),
        (key in read.environment, f"environment, {PREFIX}{key.replace('.', '_').upper()}"),
        (key in (own or ()) or key in read.written, str(read.path)),
        (borrowed, "environment, another program's variable"),
    )
    return next((place for there, place in places if there), "default")


def _told(key: str, value: object) -> str:
    """Write a value as TOML does, without what is secret."""
    if key in SECRETS and value:
        return "(set, not shown)"
    return msgspec.json.encode(value).decode()


def find(directory: Path) -> Path | None:
    """Find the nearest settings file from here upwards."""
    files = (folder / FILE_NAME for folder in (directory, *directory.parents))
    return next((file for file in files if _is_file(file)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder on the way up that must not be looked into
        return False


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        content = read_bounded(path, LONGEST_FILE)
        if content is None:
            raise UsageError(f"The settings file {path} is larger than {LONGEST_FILE >> 20} MiB", "is it one?")
        return tomllib.loads(unmarked(content).decode())
    except OSError as error:
        raise UsageError(
            f"The settings file {path} cannot be read: {reason(error)}", "check --config and the file's permissions"
        ) from error
    except (ValueError, RecursionError) as error:  # also what is not UTF-8, and a number of thousands of digits
        from perftracker_ai.config.file import toml_problem

        raise UsageError(
            f"The settings file {path} is not valid TOML ({toml_problem(error)})", "correct it there"
        ) from error


def _flatten(tables: Mapping[str, Any]) -> dict[str, object]:
    """Turn ``{detect: {moderate: 0.2}}`` into ``{detect.moderate: 0.2}``."""
    flat: dict[str, object] = {}
    for key, value in tables.items():
        if isinstance(value, dict) and key in _EVERY_SECTION:
            flat.update({f"{key}.{inner}": v for inner, v in value.items()})
        else:
            flat[key] = value
    return flat


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    """Read ``PERFTRACKER_AI_URL`` as ``url`` and ``PERFTRACKER_AI_DETECT_MODERATE`` as ``detect.moderate``.

    An empty one is unset: that is how pipelines switch a variable off.
    """
    found: dict[str, object] = {}
    for name, text in environ.items():
        if name.startswith(PREFIX) and text:
            key = name.removeprefix(PREFIX).lower()
            tables = () if key in _RUN_KEYS else _EVERY_SECTION
            section = next((s for s in tables if key.startswith(s + "_")), "")
            found[f"{section}.{key.removeprefix(section + '_')}" if section else key] = text
    return found


def _borrowed(environ: Mapping[str, str], ours: Mapping[str, object]) -> dict[str, object]:
    """Take from the variables of other programs a model's server and key, each for its own kind, and a build's page."""
    address = str(ours.get("llm_url") or environ.get("OLLAMA_HOST") or Settings().llm_url)
    openai = address.rstrip("/").endswith("/v1")
    key = environ.get("OPENAI_API_KEY" if openai else "OLLAMA_API_KEY", "")
    page = environ.get("GITHUB_STEP_SUMMARY", "")
    logins = environ.get("NETRC", "")
    found = {"llm_url": address, "llm_api_key": key, "step_summary": page, "netrc": logins}
    return _checked_all(found, "the environment")


def _checked_all(layer: Mapping[str, object], origin: str) -> dict[str, object]:
    return {key: _checked(key, value, origin) for key, value in layer.items()}


def _checked(key: str, value: object, origin: str) -> object:
    """Refuse an unknown key, and convert the value to the type its key takes."""
    if key not in _known_keys():
        raise _unknown(key, origin)
    section, _, name = key.rpartition(".")
    wanted = _types(_EVERY_SECTION.get(section, Settings))[name]
    try:
        found = converted(_prepared(value, wanted), wanted, strict=False)
    except msgspec.ValidationError as error:
        raise _unusable(key, value, _expected(wanted, value, error), origin) from error
    if wants := _wants(key, found):
        raise _unusable(key, value, f"it takes {wants}", origin)
    return cast("object", found)


def _expected(wanted: object, value: object, error: msgspec.ValidationError) -> str:
    """Say what a setting takes; a word that is none of its words is not repeated."""
    if isinstance(value, dict) and get_origin(wanted) is not tuple:
        return "it takes no table; write it above the first table of the file"
    return f"it takes one of {', '.join(get_args(wanted))}" if get_origin(wanted) is Literal else str(error)


def _unusable(key: str, value: object, problem: str, origin: str) -> UsageError:
    """Word that a value cannot be used; only numbers and short words are quoted, for the rest may be secret."""
    plain = _PLAIN.fullmatch(value) if isinstance(value, str) else isinstance(value, int | float)
    shown = repr(value) if plain and key not in SECRETS else "not usable"
    return UsageError(f"The setting {key} is {shown} in {origin}: {problem}.")


@cache
def _types(owner: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the types of a table's settings; remembered, for resolving them costs more than all the rest here."""
    return get_type_hints(owner, include_extras=True)


def _wants(key: str, converted: object) -> str:
    """Say what a setting takes when a value of the right type is not it; empty when it is."""
    texts = converted if isinstance(converted, tuple) else (converted,)
    if any(isinstance(text, str) and "\0" in text for text in texts):
        return "text without null characters"
    fits, wanted = _FORMS.get(key, (bool, ""))
    if wanted and not all(fits(str(text)) for text in texts):
        return wanted
    if any(isinstance(text, str) and is_address(text) for text in texts):
        return _wants_address(key, str(converted))
    return ""


def _wants_address(key: str, text: str) -> str:
    """Say what a setting takes that was given an address of a kind it does not know."""
    if key == "url" and not text.lower().startswith(("http://", "https://")):
        return "a server's address that begins with http:// or https://, or a folder's path"
    if key == "store" and "://" not in text:
        return "a file's path, or an address such as postgresql://user@host/database"
    return "" if key in _ANY_TEXT | SECRETS else "a name or a path, and no address"


def _unknown(key: str, origin: str) -> UsageError:
    """Word that there is no such key, with the nearest one there is."""
    if key in _EVERY_SECTION:
        return UsageError(f"The setting {key} in {origin} must be a table such as [{key}].")
    from difflib import get_close_matches

    near = get_close_matches(key, [*_known_keys(), *_EVERY_SECTION], n=1, cutoff=0.4)
    known = f"known keys are {', '.join(_RUN_KEYS)}, and tables {', '.join(_EVERY_SECTION)}."
    hint = f"did you mean {near[0]}?" if near else known
    return UsageError(f"There is no setting {_key_shown(key)} (in {origin})", hint)


def _key_shown(key: str) -> str:
    """Return a key as it may be shown: what is no name may be a value in the wrong place."""
    return key if _KEY.fullmatch(key) else "of that kind"


def _prepared(value: object, wanted: object) -> object:
    """Bring a list into the form its type converts from: text separated by commas, or a table of pairs."""
    if get_origin(wanted) is not tuple:
        return value
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return list(value.items()) if isinstance(value, dict) else value


def _known_keys() -> list[str]:
    inner = [f"{section}.{name}" for section, owner in _EVERY_SECTION.items() for name in owner.__struct_fields__]
    return [*_RUN_KEYS, *inner]


def _is_pattern(text: str) -> bool:
    try:
        return not text or re.compile(text).groups >= 1
    except re.error:
        return False


def _is_place(text: str) -> bool:
    """Tell whether a text names where a version stands."""
    place, colon, pattern = text.partition(":")
    known = place in {"title", "command"} or (place.startswith("link ") and place[5:].strip() != "")
    return not text or (known and colon != "" and pattern.strip() != "" and _is_pattern(pattern.strip()))


def _is_dashboard(text: str) -> bool:
    """Tell whether a text is an address to which paths may be put, or empty."""
    return not text or bool(len(text) <= _LONGEST_PLACE and _PLACE.fullmatch(text))


_FORMS: dict[str, tuple[Callable[[str], object], str]] = {
    "curves.load_pattern": (_is_pattern, "a regular expression with one group"),
    "discovery.version_from": (
        _is_place,
        "title, command or link NAME, a colon, and a regular expression with one group",
    ),
    "dashboard.frame_ancestors": (_ORIGIN.fullmatch, "origins such as https://grafana.example, without a path"),
    "dashboard_url": (
        _is_dashboard,
        "an address such as https://perf.example/dashboard: http or https, with neither login nor query",
    ),
}
"""Settings whose text has a form: what tells whether it has, and which it is."""


def _channels(tables: dict[str, Any], environ: Mapping[str, str], origin: str) -> tuple[Channel, ...]:
    """Take the ``[[notify]]`` entries out of the file; a plain ``notify = true`` is left for the other settings."""
    if isinstance(tables.get("notify"), dict):
        raise UsageError(f"The table [notify] in {origin} must be written [[notify]]", "each such entry is one channel")
    if not isinstance(tables.get("notify"), list):
        return ()
    entries = tables.pop("notify")
    channels = [_channel(entry, f"[[notify]] entry {at} of {origin}", environ) for at, entry in enumerate(entries, 1)]
    names = [channel.name for channel in channels]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise UsageError(f"Two [[notify]] entries of {origin} have the name {double!r}", "give each its own")
    return tuple(channels)


def _channel(entry: object, where: str, environ: Mapping[str, str]) -> Channel:
    """Read one entry; no message quotes its address."""
    from perftracker_ai.config.file import entry_problem

    try:
        channel = converted(entry, Channel)
    except msgspec.ValidationError as error:
        raise UsageError(f"The {where} is not usable: {entry_problem(error)}", "correct it there") from error
    known = [field.name for field in fields(Channel)]
    unknown = [key for key in cast("dict[str, object]", entry) if key not in known]
    if unknown:
        raise UsageError(
            f"There is no key {_key_shown(unknown[0])} for the {where}", f"known keys are {', '.join(known)}"
        )
    if bool(channel.url) == bool(channel.url_env):
        raise UsageError(f"The {where} needs either url or url_env", "the latter names the variable that holds it")
    if is_address(channel.name) or (channel.url_env and not _VARIABLE.fullmatch(channel.url_env)):
        wrong = "name is an address; what" if is_address(channel.name) else "url_env is no name of a variable; what"
        raise UsageError(f"The {where} is not usable: its {wrong} a channel is sent to goes into url.")
    return replace(channel, url=channel.url or environ.get(channel.url_env, ""))


def _own_settings(tables: object, origin: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Read ``[product.NAME.detect]`` tables: what products have for themselves, by name."""
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise UsageError(f"The setting product in {origin} must be tables such as [product.GRPM.detect].")
    for name, table in tables.items():
        if is_address(name):
            raise UsageError(f"The tables of a product in {origin} have an address for its name", "write the product's")
        own = _checked_all(_flatten(table), f"{origin}, product {name}")
        run_keys = [key for key in own if key in _RUN_KEYS or key.partition(".")[0] in _RUN_SECTIONS]
        if run_keys:
            raise UsageError(f"The setting {run_keys[0]} in {origin} belongs to the whole run, not to product {name}.")
        yield name, own


_STEPS = (
    ("minor", "moderate", "severe", "critical"),
    ("moderate_points", "severe_points", "critical_points"),
    ("moderate_times", "severe_times"),
)
"""Settings of which each is from where the one before it ends."""


def _product(merged: Mapping[str, object], whose: str = "") -> ProductSettings:
    product = ProductSettings(**{section: _section(owner, section, merged) for section, owner in _SECTIONS.items()})
    for steps in _STEPS:
        sizes = [getattr(product.detect, step) for step in steps]
        if sizes != sorted(sizes):
            raise UsageError(
                f"The settings detect.{', '.join(steps[:-1])} and {steps[-1]}{whose} must not fall",
                f"they are {', '.join(f'{size:g}' for size in sizes)}",
            )
    return product


def _section(owner: type[Any], section: str, merged: Mapping[str, object]) -> Any:  # noqa: ANN401 - one of _SECTIONS
    prefix = section + "."
    return owner(**{key.removeprefix(prefix): value for key, value in merged.items() if key.startswith(prefix)})


def _build(merged: Mapping[str, object], products: tuple[tuple[str, ProductSettings], ...]) -> Settings:
    run: dict[str, Any] = {key: value for key, value in merged.items() if "." not in key}
    run |= {section: _section(owner, section, merged) for section, owner in _RUN_SECTIONS.items()}
    return Settings(**run, defaults=_product(merged), products=products)
