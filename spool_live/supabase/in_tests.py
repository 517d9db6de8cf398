"""Keeps a project's tests from creating a test database on Supabase's server.

``TestCase(databases="__all__")`` includes the Supabase alias, for which Django would create a test
database beside the one that Supabase serves. Tests do not need it, as they keep updates in memory:
an SQLite database in memory replaces it until the tests are over.
"""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from spool_live.conf import live_settings

_kept: dict[str, dict[str, Any]] = {}
"""The original settings of the alias that the database in memory replaces."""
_MEMORY = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}


def spare_supabase() -> None:
    """Replace the Supabase alias by an SQLite database in memory while tests run.

    This only changes the methods that Django's ``setup_databases`` calls. It does nothing if the
    alias has a ``NAME`` or ``MIRROR`` in ``TEST``, or if it is ``default``.
    """
    settings = live_settings()
    alias = settings.supabase_database
    if not settings.has_separate_databases or alias not in connections.settings:
        return
    test = connections.settings[alias]["TEST"]
    connection = connections[alias]
    if test["NAME"] or test["MIRROR"] or connection.vendor != "postgresql":
        return
    creation: Any = connection.creation
    creation.create_test_db = lambda **kwargs: _replace(alias)
    creation.destroy_test_db = lambda *args, **kwargs: _put_back(alias, connection)
    creation.serialize_db_to_string = lambda: "[]"
    creation.clone_test_db = lambda **kwargs: None


def _replace(alias: str) -> str:
    configured = connections.configure_settings({DEFAULT_DB_ALIAS: _MEMORY, alias: dict(_MEMORY)})
    _kept[alias] = connections.settings[alias]
    connections.settings[alias] = configured[alias]
    del connections[alias]
    name: str = connections[alias].creation.create_test_db(
        verbosity=0, autoclobber=True, serialize=False
    )
    return name


def _put_back(alias: str, connection: Any) -> None:
    if alias not in _kept:
        return  # with --parallel Django calls this once for each process
    connections[alias].close()
    connections.settings[alias] = _kept.pop(alias)
    connections[alias] = connection
