"""``python -m spool_live.schema``: writes the types of the npm package (its ``src/schema.ts``)."""

from __future__ import annotations

import sys

from spool_live.schema.typescript import wire_types

sys.stdout.write(wire_types())
