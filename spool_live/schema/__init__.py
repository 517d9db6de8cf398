"""What travels, as types: for JSON Schema, for TypeScript, for people.

``wire`` declares it; ``json_schema`` and ``typescript`` write it down in other languages. The npm
package's own types are written by ``python -m spool_live.schema``.
"""

from __future__ import annotations

from spool_live.schema.json_schema import document
from spool_live.schema.typescript import collection_types, wire_types

__all__ = ["collection_types", "document", "wire_types"]
