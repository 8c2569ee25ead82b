"""Settings from the command line, the environment and ``perftracker-ai.toml``, in this order of precedence.

The only module that reads the environment. An unknown key is refused with the nearest known name, a value of the wrong
type with the type that is wanted, both with the place they stand in.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin, get_type_hints

import msgspec

from perftracker_ai.errors import UsageError
from perftracker_ai.files import reason
from perftracker_ai.settings import (
    CurveSettings,
    DetectSettings,
    DiscoverySettings,
    PolicySettings,
    ProductSettings,
    Settings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME = "perftracker-ai.toml"
PREFIX = "PERFTRACKER_AI_"

_SECTIONS = {
    "discovery": DiscoverySettings,
    "curves": CurveSettings,
    "detect": DetectSettings,
    "policy": PolicySettings,
}
_RUN_KEYS = tuple(f.name for f in dataclasses.fields(Settings) if f.name not in {"defaults", "products"})


def load(
    flags: Mapping[str, object], environ: Mapping[str, str], *, directory: Path, file: Path | None = None
) -> Settings:
    """Merge all sources of settings.

    Parameters
    ----------
    flags : mapping
        Options given on the command line, by key: ``url``, ``discovery.hardware``; None for one not given.
    environ : mapping
        The environment; keys beginning with ``PERFTRACKER_AI_`` count.
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
    path = file or _find(directory)
    tables = _read(path) if path else {}
    layers = [(str(path), _flatten(tables)), ("the environment", _from_environment(environ))]
    given = {key: value for key, value in flags.items() if value is not None}
    layers.append(("the command line", given))
    merged: dict[str, object] = {}
    for origin, layer in layers:
        for key, value in layer.items():
            merged[key] = _checked(key, value, origin)
    products = _products(tables.get("product", {}), str(path), merged)
    return _build(merged, products)


def _find(directory: Path) -> Path | None:
    """Find the nearest settings file from here upwards."""
    folders = (directory, *directory.parents)
    return next((folder / FILE_NAME for folder in folders if (folder / FILE_NAME).is_file()), None)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The settings file {path} cannot be read: {reason(error)}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The settings file {path} is not valid TOML: {error}.") from error


def _flatten(tables: Mapping[str, Any]) -> dict[str, object]:
    """Turn ``{detect: {moderate: 0.2}}`` into ``{detect.moderate: 0.2}``; products are read apart."""
    flat: dict[str, object] = {}
    for key, value in tables.items():
        if key == "product":
            continue
        if isinstance(value, dict) and key in _SECTIONS:
            flat.update({f"{key}.{inner}": v for inner, v in value.items()})
        else:
            flat[key] = value
    return flat


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    """Read ``PERFTRACKER_AI_URL`` as ``url`` and ``PERFTRACKER_AI_DETECT_MODERATE`` as ``detect.moderate``."""
    found: dict[str, object] = {}
    for name, text in environ.items():
        if name.startswith(PREFIX):
            key = name.removeprefix(PREFIX).lower()
            section = next((s for s in _SECTIONS if key.startswith(s + "_")), "")
            found[f"{section}.{key.removeprefix(section + '_')}" if section else key] = text
    return found


def _checked(key: str, value: object, origin: str) -> object:
    """Refuse an unknown key, and convert the value to the type its key takes."""
    section, _, name = key.rpartition(".")
    owner: type = _SECTIONS.get(section, Settings)
    known = _known_keys()
    if key not in known:
        near = get_close_matches(key, known, n=1, cutoff=0.4)
        hint = (
            f"did you mean {near[0]}?" if near else f"known keys are {', '.join(_RUN_KEYS)} and {', '.join(_SECTIONS)}."
        )
        raise UsageError(f"There is no setting {key} (in {origin}); {hint}")
    wanted = get_type_hints(owner, include_extras=True)[name]
    try:
        converted = msgspec.convert(_prepared(value, wanted), wanted, strict=False)
    except msgspec.ValidationError as error:
        allowed = f" (one of {', '.join(get_args(wanted))})" if get_origin(wanted) is Literal else ""
        raise UsageError(f"The setting {key} is {value!r} in {origin}: {error}{allowed}.") from error
    if name == "load_pattern" and not _is_pattern(converted):
        raise UsageError(f"The setting {key} is {value!r} in {origin}; it takes a regular expression with one group.")
    return cast("object", converted)


def _prepared(value: object, wanted: object) -> object:
    """Bring a list into the form its type converts from: text separated by commas, or a table of pairs."""
    if get_origin(wanted) is not tuple:
        return value
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return list(value.items()) if isinstance(value, dict) else value


def _known_keys() -> list[str]:
    inner = [f"{section}.{f.name}" for section, owner in _SECTIONS.items() for f in dataclasses.fields(owner)]
    return [*_RUN_KEYS, *inner]


def _is_pattern(text: str) -> bool:
    try:
        return not text or re.compile(text).groups >= 1
    except re.error:
        return False


def _products(tables: object, origin: str, common: Mapping[str, object]) -> tuple[tuple[str, ProductSettings], ...]:
    """Read ``[product.NAME.detect]`` tables on top of what all products share."""
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise UsageError(f"The setting product in {origin} must be tables such as [product.GRPM.detect].")
    found = []
    for name, table in tables.items():
        own = {key: _checked(key, value, f"{origin}, product {name}") for key, value in _flatten(table).items()}
        run_keys = [key for key in own if key in _RUN_KEYS]
        if run_keys:
            raise UsageError(f"The setting {run_keys[0]} in {origin} belongs to the whole run, not to product {name}.")
        found.append((name, _product({**common, **own})))
    return tuple(found)


def _product(merged: Mapping[str, object]) -> ProductSettings:
    product = ProductSettings(**{section: _section(owner, section, merged) for section, owner in _SECTIONS.items()})
    sizes = (product.detect.minor, product.detect.moderate, product.detect.severe, product.detect.critical)
    if list(sizes) != sorted(sizes):
        raise UsageError(
            "The settings detect.minor, moderate, severe and critical must not fall; "
            f"they are {', '.join(f'{size:g}' for size in sizes)}."
        )
    return product


def _section(owner: type[Any], section: str, merged: Mapping[str, object]) -> Any:  # noqa: ANN401 - one of _SECTIONS
    prefix = section + "."
    return owner(**{key.removeprefix(prefix): value for key, value in merged.items() if key.startswith(prefix)})


def _build(merged: Mapping[str, object], products: tuple[tuple[str, ProductSettings], ...]) -> Settings:
    run: dict[str, Any] = {key: value for key, value in merged.items() if "." not in key}
    return Settings(**run, defaults=_product(merged), products=products)
