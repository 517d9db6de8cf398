"""Converts JSON Schema to TypeScript, as far as the schemas of ``json_schema`` need it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, get_args

from spool_live.schema import wire
from spool_live.schema.json_schema import document, schema_of

_NAMES = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean"}
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")

_WIRE = """\
// Written by `python -m spool_live.schema`: change spool_live/schema/wire.py, not this file.

export type EventType =
{events};
"""
_COLLECTIONS = """\
// Written by `manage.py live_schema --typescript`. Put it among your sources: it gives spool-live
// the type of the metadata of each collection.
import "spool-live";

declare module "spool-live" {{
  interface Collections {{
{collections}
  }}
}}
"""


def wire_types() -> str:
    """Return the types of all objects that subscribers receive, as source of the npm package."""
    events = "\n".join(f"  | {json.dumps(name)}" for name in get_args(wire.EventType))
    parts = [_WIRE.format(events=events)]
    for name, schema in document()["$defs"].items():
        parts.append(
            f"/** {schema['description']} */\nexport interface {name} {_members(schema, '')}\n"
        )
    return "\n".join(parts)


def collection_types(collections: Mapping[str, Any]) -> str:
    """Return the source that gives ``update.metadata`` the type of its collection, for a front end.

    ``collections`` maps a name to the annotated result of ``get_metadata``. Every field is
    optional, as an update leaves out what does not fit into 8 KiB.
    """
    lines = [
        f"    {_key(name)}: {_type(schema_of(kind), '    ', optional=True)};"
        for name, kind in sorted(collections.items())
    ]
    return _COLLECTIONS.format(collections="\n".join(lines))


def _type(  # noqa: PLR0911  # one for each kind of schema
    schema: wire.JSON, indent: str, *, optional: bool = False
) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        is_open = name in {kind.__name__ for kind in wire.OPEN}
        return f"{name} & Record<string, unknown>" if is_open else name
    if "enum" in schema:
        if schema["enum"] == list(get_args(wire.EventType)):
            return "EventType"
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(part, indent) for part in schema["anyOf"])
    kind = schema.get("type")
    if kind == "object":
        if "properties" in schema:
            return _members(schema, indent, optional=optional)
        values = schema["additionalProperties"]
        return f"Record<string, {'unknown' if values is True else _type(values, indent)}>"
    if kind == "array":
        items = _type(schema["items"], indent)
        return f"({items})[]" if "|" in items else f"{items}[]"
    return "null" if kind == "null" else _NAMES.get(str(kind), "unknown")


def _members(schema: wire.JSON, indent: str, *, optional: bool = False) -> str:
    inner = f"{indent}  "
    lines = []
    for name, member in schema["properties"].items():
        if "description" in member:
            lines.append(f"{inner}/** {member['description']} */")
        mark = "?" if optional or name not in schema["required"] else ""
        lines.append(f"{inner}{_key(name)}{mark}: {_type(member, inner)};")
    return "\n".join(["{", *lines, f"{indent}}}"])


def _key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name)
