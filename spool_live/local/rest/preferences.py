"""Parse the ``Prefer`` header (RFC 7240) and the ``Accept`` header, as PostgREST does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spool_live.local.rest.errors import ApiError

_CHOICES = {
    "return": ("representation", "minimal", "headers-only"),
    "resolution": ("merge-duplicates", "ignore-duplicates"),
    "count": ("exact", "planned", "estimated"),
    "missing": ("default", "null"),
    "handling": ("strict", "lenient"),
}


@dataclass(frozen=True)
class Preferences:
    """The caller's preferences. ``applied`` is for the answer's ``Preference-Applied``."""

    returns_rows: bool = False
    merge: bool | None = None
    counted: bool = False
    missing_as_default: bool = False
    max_affected: int | None = None
    applied: tuple[str, ...] = ()


def parse_preferences(headers: Sequence[str]) -> Preferences:
    """Return the preferences in all ``Prefer`` headers. The first of a kind decides, and unknown
    ones are ignored.

    Raises ``ApiError`` (PGRST122) for an unknown one together with ``handling=strict``.
    """
    chosen: dict[str, str] = {}
    unknown: list[str] = []
    for text in [text.strip() for header in headers for text in header.split(",")]:
        name, _, value = text.partition("=")
        if value in _CHOICES.get(name, ()) or (name == "max-affected" and _is_number(value)):
            chosen.setdefault(name, value)
        elif text:
            unknown.append(text)
    strict = chosen.get("handling") == "strict"
    if strict and unknown:
        raise ApiError(
            400,
            "PGRST122",
            "Invalid preferences given with handling=strict",
            details=f"Invalid preferences: {', '.join(unknown)}",
        )
    if not strict:
        chosen.pop("max-affected", None)
    resolution = chosen.get("resolution")
    return Preferences(
        returns_rows=chosen.get("return") == "representation",
        merge=None if resolution is None else resolution == "merge-duplicates",
        counted="count" in chosen,
        missing_as_default=chosen.get("missing") == "default",
        max_affected=int(chosen["max-affected"]) if "max-affected" in chosen else None,
        applied=tuple(f"{name}={value}" for name, value in chosen.items()),
    )


@dataclass(frozen=True)
class MediaType:
    """The form of the answer: ``single`` is one object instead of an array."""

    single: bool
    content_type: str


_ARRAY = MediaType(single=False, content_type="application/json; charset=utf-8")
_OBJECT = MediaType(single=True, content_type="application/vnd.pgrst.object+json; charset=utf-8")
_MEDIA_TYPES = {
    "*/*": _ARRAY,
    "application/*": _ARRAY,
    "application/json": _ARRAY,
    "application/vnd.pgrst.array+json": _ARRAY,
    "application/vnd.pgrst.array": _ARRAY,
    "application/vnd.pgrst.object+json": _OBJECT,
    "application/vnd.pgrst.object": _OBJECT,
}


def choose_media_type(accept: str | None) -> MediaType:
    """Return the first acceptable form. Raises ``ApiError`` (PGRST107, 406)."""
    if accept is None or not accept.strip():
        return _ARRAY
    wanted = [text.strip() for text in accept.split(",")]
    for text in sorted(wanted, key=_quality, reverse=True):
        parts = [part.strip() for part in text.lower().split(";")]
        plain = not any(part.startswith("nulls=") for part in parts)
        if plain and parts[0] in _MEDIA_TYPES:
            return _MEDIA_TYPES[parts[0]]
    raise ApiError(406, "PGRST107", f"None of these media types are available: {', '.join(wanted)}")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _quality(media_range: str) -> float:
    _, found, quality = media_range.partition(";q=")
    try:
        return float(quality.split(";")[0]) if found else 1.0
    except ValueError:
        return 0.0
