"""The types of the JSON objects that subscribers receive, for JSON Schema and TypeScript.

``wire`` declares the types; ``json_schema`` and ``typescript`` convert them. ``python -m
spool_live.schema`` writes the types of the npm package.
"""

from __future__ import annotations

from spool_live.schema.json_schema import document
from spool_live.schema.typescript import collection_types, wire_types

__all__ = ["collection_types", "document", "wire_types"]
