"""Converts Python's types (TypedDicts and what JSON can hold) to JSON Schema (draft 2020-12)."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)
from uuid import UUID

from spool_live.schema import wire

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SCALARS: dict[Any, wire.JSON] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    UUID: {"type": "string", "format": "uuid"},
}


def document(collections: Mapping[str, Any] | None = None) -> wire.JSON:
    """Return the schema of an update, with ``$defs`` for everything on the wire.

    ``collections`` maps a collection's name to the type of its metadata (what ``get_metadata`` is
    annotated to return); with it, the metadata of a collection's updates is described too.
    """
    definitions = {kind.__name__: _object(kind) for kind in wire.OBJECTS}
    schema: wire.JSON = {
        "$schema": DIALECT,
        "title": "An update of spool_live",
        "$ref": "#/$defs/UpdateRow",
        "$defs": definitions,
    }
    if collections:
        schema["allOf"] = [
            {
                "if": {"properties": {"collection": {"const": name}}},
                "then": {"properties": {"metadata": _metadata(kind)}},
            }
            for name, kind in sorted(collections.items())
        ]
    return schema


def schema_of(kind: Any) -> wire.JSON:  # noqa: PLR0911  # one for each kind of type
    """Return the schema of one type. For an unknown type that is ``{}``, which allows anything."""
    if kind in wire.OBJECTS:
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if is_typeddict(kind):
        return _object(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return schema_of(arguments[0]) | {"description": arguments[1]}
    if origin in {NotRequired, Required}:
        return schema_of(arguments[0])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in {Union, types.UnionType}:
        return {"anyOf": [schema_of(part) for part in arguments]}
    return _container(origin or kind, arguments) or dict(_SCALARS.get(kind, {}))


def _metadata(kind: Any) -> wire.JSON:
    """Return the schema of a collection's metadata without required fields: spool_live adds some
    fields, and leaves out what does not fit into 8 KiB."""
    schema = schema_of(kind)
    return schema | {"required": [], "additionalProperties": True} if "required" in schema else {}


def _container(origin: Any, arguments: tuple[Any, ...]) -> wire.JSON | None:
    if not isinstance(origin, type) or issubclass(origin, str | bytes):
        return None
    if issubclass(origin, Mapping):
        values = schema_of(arguments[1]) if arguments else {}
        return {"type": "object", "additionalProperties": values or True}
    if issubclass(origin, Collection):
        return {"type": "array", "items": schema_of(arguments[0]) if arguments else {}}
    return None


def _object(kind: Any) -> wire.JSON:
    hints = get_type_hints(kind, include_extras=True)
    schema: wire.JSON = {
        "type": "object",
        "properties": {name: schema_of(hint) for name, hint in hints.items()},
        "required": sorted(kind.__required_keys__, key=list(hints).index),
        "additionalProperties": kind in wire.OPEN,
    }
    if kind in wire.OBJECTS:
        schema = {"description": kind.__doc__} | schema
    return schema
