"""``python -m spool_live.schema``: the wire types of the npm package, ``src/schema.ts`` in it."""

from __future__ import annotations

import sys

from spool_live.schema.typescript import wire_types

sys.stdout.write(wire_types())
