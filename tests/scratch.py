"""Databases made for one test: fresh ones beside the suite's, and Django pointed at them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections

from spool_live.conf import live_settings
from spool_live.local.bootstrap import bootstrap
from spool_live.local.config import PrivilegeWorld


@contextmanager
def pointed_at(alias: str, **changes: Any) -> Iterator[None]:
    """Makes ``alias`` another database for the length of the block."""
    wrapper = connections[alias]
    before = dict(wrapper.settings_dict)
    wrapper.close()
    wrapper.settings_dict.update(changes)
    try:
        yield
    finally:
        wrapper.close()
        wrapper.settings_dict.update(before)


@contextmanager
def fresh_supabase(world: PrivilegeWorld) -> Iterator[str]:
    """Name of a new database with Supabase's roles, schemas and default privileges in it."""
    name = f"scratch_{uuid.uuid4().hex}"
    config = replace(settings.LOCAL_SUPABASE, privilege_world=world, database_name=name)
    admin = settings.LOCAL_SUPABASE.conninfo("supabase_admin")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        try:
            bootstrap(config)
            yield name
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


@contextmanager
def fresh_project(world: PrivilegeWorld, folder: Path) -> Iterator[str]:
    """Empty databases behind every alias that the settings use; the Supabase one in ``world``.

    Yields the alias of the Supabase database.
    """
    alias = live_settings().supabase_database
    with ExitStack() as stack:
        name = stack.enter_context(fresh_supabase(world))
        stack.enter_context(pointed_at(alias, NAME=name))
        if alias != "default":
            content = folder / "content.sqlite3"
            stack.enter_context(pointed_at("default", NAME=content))
        yield alias
