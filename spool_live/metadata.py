"""Metadata and text in a form that every component can carry: I-JSON (RFC 7493), at most 8 KiB.

What is recorded arrives unchanged everywhere: in the outbox, the live table, catch-up, Python and
JavaScript. So a number is one that each of them reads exactly:

- an integer up to 2**53 - 1 stays a number; a larger one, and a float of that size, becomes the
  text of its digits (RFC 7493, section 2.2);
- a float too close to zero for a normal double becomes 0; NaN and the infinities are not JSON;
- containers are nested at most 30 deep, names are unique, and text has neither NUL nor lone
  surrogates.

An entry that breaks the last two rules, or is not JSON at all, is left out, and the metadata is
flagged with ``"invalid": true``; what does not fit is left out and flagged ``"truncated": true``.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
from django.core.serializers.json import DjangoJSONEncoder

METADATA_LIMIT = 8 * 1024
"""Most bytes of UTF-8 JSON that the metadata of one update may take."""
DEPTH_LIMIT = 30
"""Most containers within each other, the metadata itself being the first. MariaDB refuses more
than 32, and other readers have limits of their own."""
EXACT = 2**53
"""From this number on a double skips integers, so JavaScript cannot distinguish them all."""

TRUNCATED = "truncated"
INVALID = "invalid"

_FLAGS = b'{"truncated":true,"invalid":true}'
_PLAIN = frozenset((str, int, bool, type(None)))
_NOT_JSON = (TypeError, ValueError, ArithmeticError, RecursionError)
_ENCODER = DjangoJSONEncoder()
_NUMBERS = frozenset((int, float))
_PLAIN_OR_FLOAT = _PLAIN | _NUMBERS
_LONG = re.compile("[0-9]{16}")
_EXPONENT = re.compile("[0-9][eE][-+0-9]")
"""Matches numbers that receivers may read differently. It may match text as well, which only costs
time."""


def clean_text(value: str) -> str:
    """Return ``value`` without NUL, and with ``?`` for each lone surrogate: PostgreSQL's text and
    jsonb hold neither."""
    if "\x00" in value:
        value = value.replace("\x00", "")
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def metadata_json(metadata: Mapping[str, Any]) -> str:
    """Return ``metadata`` as I-JSON text of at most 8 KiB, in the order of its entries.

    It never raises, so that no update is lost because of its metadata: see the module for what is
    written differently, left out and flagged.
    """
    encoded = _encode_flat(metadata)
    if encoded is None or len(encoded) > METADATA_LIMIT:
        encoded = _fit(metadata)
    return encoded.decode()


def read_metadata(text: str) -> dict[str, Any]:
    """Return the metadata that the outbox holds as ``text``, with the values of ``metadata_json``.

    It may have been written by SQL or by a trigger. Raises ``ValueError`` with the reason where it
    is not a JSON object, or one that Python cannot read.
    """
    try:
        if len(text) <= 2 * METADATA_LIMIT:  # twice, because PostgreSQL adds spaces
            try:
                value = _object(orjson.loads(text))
            except orjson.JSONDecodeError:  # a lone surrogate, NaN, or not JSON at all
                pass
            else:
                if _is_read_alike(value, text):
                    return value
        return _object(orjson.loads(metadata_json(_object(json.loads(text)))))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the metadata cannot be read: {error}") from error


def _is_read_alike(value: dict[str, Any], text: str) -> bool:
    """Return whether every receiver reads ``text`` as ``value``."""
    if "\\u0000" in text:
        return False
    kinds = set(map(type, value.values()))
    if kinds <= _PLAIN_OR_FLOAT:
        return kinds.isdisjoint(_NUMBERS) or all(
            -EXACT < item < EXACT for item in value.values() if type(item) in _NUMBERS
        )
    depth = text.count("[") + text.count("{")
    return depth <= DEPTH_LIMIT and not (_LONG.search(text) or _EXPONENT.search(text))


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"it is not a JSON object but {type(value).__name__}")  # noqa: TRY004
    return value


def _encode_flat(value: Mapping[str, Any]) -> bytes | None:
    """Return the JSON of ``value`` where nothing in it has to be changed, or else ``None``. That is
    the common case, and takes a third of the time."""
    if type(value) is not dict or not _PLAIN.issuperset(map(type, value.values())):
        return None
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:  # a name that is not text, a lone surrogate, a number of over 53 bits
        return None
    return None if b"\\u0000" in encoded else encoded


def _fit(metadata: Mapping[Any, Any]) -> bytes:
    entries: dict[str, Any] = {}
    flags: dict[str, bool] = {}
    for given, value in metadata.items():
        try:
            name = _name(given) if _is_name(given) else clean_text(str(given))
            plain = _plain(value, 2)
        except _NOT_JSON:
            flags[INVALID] = True
            continue
        if name in entries:
            flags[INVALID] = True
        else:
            entries[name] = plain
    if not flags:
        whole = orjson.dumps(entries)
        if len(whole) <= METADATA_LIMIT:
            return whole
    room = METADATA_LIMIT - len(_FLAGS)
    kept: dict[str, Any] = {}
    for name, plain in entries.items():
        size = len(orjson.dumps({name: plain}))
        if size > room:
            flags[TRUNCATED] = True
        else:
            room -= size
            kept[name] = plain
    return orjson.dumps(kept | flags)


def _plain(value: Any, level: int) -> Any:
    """Return ``value`` in types that orjson writes as receivers must read them; ``level`` is its
    depth."""
    kind = type(value)
    plain: Any = value
    if kind is str:
        plain = clean_text(value)
    elif value is None or kind is bool:
        pass
    elif isinstance(value, int):
        plain = int(value) if -EXACT < value < EXACT else int.__repr__(value)
    elif isinstance(value, float):
        plain = _float(float(value))
    elif isinstance(value, (list, tuple)):
        plain = _plain_array(value, level)
    elif kind is dict or isinstance(value, Mapping):
        plain = _plain_object(value, level)
    elif isinstance(value, str):
        plain = clean_text(str.__str__(value))
    else:
        plain = _plain(_ENCODER.default(value), level)
    return plain


def _plain_object(value: Mapping[Any, Any], level: int) -> dict[str, Any]:
    _check_depth(level)
    plain = {_name(name): _plain(item, level + 1) for name, item in value.items()}
    if len(plain) < len(value):
        raise ValueError("two entries have the same name")
    return plain


def _plain_array(value: Sequence[Any], level: int) -> list[Any]:
    _check_depth(level)
    return [_plain(item, level + 1) for item in value]


def _check_depth(level: int) -> None:
    if level > DEPTH_LIMIT:
        raise ValueError(f"nested more than {DEPTH_LIMIT} deep")


def _float(value: float) -> Any:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not JSON")
    if abs(value) < sys.float_info.min:
        return 0.0
    text = repr(value)
    if abs(value) >= EXACT:
        return format(Decimal(text), "f").removesuffix(".0")
    # As PostgreSQL's jsonb writes it, so that its size is the one that is counted.
    return orjson.Fragment(format(Decimal(text), "f")) if "e" in text else value


def _is_name(given: Any) -> bool:
    return given is None or isinstance(given, (str, int, float))


def _name(given: Any) -> str:
    """Return ``given`` as the name of an object's entry, as ``json`` writes it."""
    if isinstance(given, str):
        return clean_text(str.__str__(given))
    if given is None or isinstance(given, bool):
        return json.dumps(given)
    if isinstance(given, int):
        return int.__repr__(given)
    if isinstance(given, float):
        return float.__repr__(given)
    raise TypeError(f"{type(given).__name__} is not a name")
