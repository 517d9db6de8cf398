"""A project's tests make no database where Supabase's is.

``TestCase(databases="__all__")`` names the Supabase alias as well, and Django would make a test
database beside the one that Supabase serves. Nothing of a test needs it, as the feed is in memory:
an SQLite database in memory takes its place until the tests are over.
"""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from spool_live.conf import live_settings

_kept: dict[str, dict[str, Any]] = {}
"""The settings of the alias that the database in memory is in place of."""
_MEMORY = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}


def spare_supabase() -> None:
    """Install it for the process. Does nothing by itself: only what Django's ``setup_databases``
    calls of the alias is another. A project that says in ``TEST`` what is to be used is left alone,
    and so is one whose Supabase alias is ``default``."""
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
    made = connections.configure_settings({DEFAULT_DB_ALIAS: _MEMORY, alias: dict(_MEMORY)})[alias]
    _kept[alias] = connections.settings[alias]
    connections.settings[alias] = made
    del connections[alias]
    name: str = connections[alias].creation.create_test_db(
        verbosity=0, autoclobber=True, serialize=False
    )
    return name


def _put_back(alias: str, connection: Any) -> None:
    if alias not in _kept:
        return  # with --parallel Django asks once for each process
    connections[alias].close()
    connections.settings[alias] = _kept.pop(alias)
    connections[alias] = connection
