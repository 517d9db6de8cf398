"""The Supabase database under the roles and claims that its API would use."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import ProgrammingError, connections, transaction
from django.utils import timezone

from spool_live.conf import live_settings
from spool_live.models import Site
from spool_live.supabase.databases import is_supabase_database

Row = tuple[Any, ...]

OUTSIDERS = ("anon", "authenticated")
"""The API's roles of those who are not us."""


class SupabaseDatabase:
    """One connection to the Supabase database, in the test's transaction."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def rows(self, query: str, *parameters: Any) -> list[Row]:
        """The answer to ``query``; none for a statement without one."""
        with connections[self.alias].cursor() as cursor:
            cursor.execute(query, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *parameters: Any) -> Any:
        """The first column of the first row."""
        return self.rows(query, *parameters)[0][0]

    def changed(self, query: str, *parameters: Any) -> int:
        """How many rows a statement changed."""
        with connections[self.alias].cursor() as cursor:
            cursor.execute(query, parameters or None)
            return int(cursor.rowcount)

    @contextmanager
    def acting(self, role: str, claims: dict[str, Any] | str | None = None) -> Iterator[None]:
        """What a request of the API does: a role, claims, and nothing of it stays."""
        with transaction.atomic(using=self.alias):
            self.rows(f"set local role {role}")
            if claims is not None:
                text = claims if isinstance(claims, str) else json.dumps(claims)
                self.rows("select set_config('request.jwt.claims', %s, true)", text)
            yield
            transaction.set_rollback(True, using=self.alias)

    def call(self, function: str, **arguments: Any) -> dict[str, Any]:
        """Calls a function of ours as the API does for the service role."""
        named = ", ".join(f"{name} => %s" for name in arguments)
        values = [json.dumps(v) if isinstance(v, dict) else v for v in arguments.values()]
        self.rows("set local role service_role")
        try:
            answer = self.value(f"select public.{function}({named})", *values)
        finally:
            self.rows("reset role")
        return dict(json.loads(answer))

    @contextmanager
    def other_session(self) -> Iterator[psycopg.Connection[Row]]:
        """A second connection as the same role, outside the test's transaction."""
        given = connections[self.alias].settings_dict
        with psycopg.connect(
            host=given["HOST"],
            port=given["PORT"],
            user=given["USER"],
            password=given["PASSWORD"],
            dbname=given["NAME"],
        ) as session:
            yield session


WAIT = 20.0
"""Seconds to wait for what must come."""


def waits_for_a_lock(supabase: SupabaseDatabase, pid: int) -> bool:
    """Whether a session is being kept waiting by another."""
    query = "select coalesce(array_length(pg_blocking_pids(%s), 1), 0)"
    return bool(supabase.value(query, pid))


@pytest.fixture
def supabase(request: pytest.FixtureRequest) -> SupabaseDatabase:
    """The Supabase database."""
    return SupabaseDatabase(live_settings().supabase_database)


@dataclass
class Tenant:
    """A mirrored site with one key and some updates."""

    supabase: SupabaseDatabase
    site_id: uuid.UUID
    key_id: uuid.UUID
    version: int = 1
    epoch: int = 1
    deleted: bool = False
    expires_at: str | None = None
    revoked_at: str | None = None
    seq: int = 0
    updates: list[uuid.UUID] = field(default_factory=list)

    @property
    def claims(self) -> dict[str, Any]:
        """Of a token of the site's key."""
        return {
            "role": "authenticated",
            "aud": "authenticated",
            "sub": str(self.key_id),
            "site_id": str(self.site_id),
            "key_id": str(self.key_id),
        }

    @property
    def topic(self) -> str:
        return f"site:{self.site_id}:{self.epoch}"

    def payload(self, **changes: Any) -> dict[str, Any]:
        """What the CMS says of the site."""
        key = {
            "id": str(self.key_id),
            "expires_at": self.expires_at,
            "revoked_at": self.revoked_at,
        }
        return {
            "site_id": str(self.site_id),
            "version": self.version,
            "epoch": self.epoch,
            "deleted": self.deleted,
            "name": None if is_supabase_database("default") else "Courier",
            "api_keys": [key],
            **changes,
        }

    def mirror(self, **changes: Any) -> dict[str, Any]:
        """Sends the site with its next version."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.version += 1
        return self.supabase.call("spool_live_mirror", site=self.payload())

    def revoke(self) -> None:
        self.mirror(revoked_at=timezone.now().isoformat(), epoch=self.epoch + 1)

    def expire(self) -> None:
        moment = timezone.now() - timedelta(seconds=1)
        self.mirror(expires_at=moment.isoformat(), epoch=self.epoch + 1)

    def delete(self) -> None:
        self.mirror(deleted=True)

    def insert(self, number: int = 1, **columns: Any) -> None:
        """Broadcasts updates in one statement, as a delivery does."""
        values = {"event_type": "content.updated", "collection": "articles", **columns}
        names = ", ".join(["id", "site_id", "item_id", "seq", *values])
        rows, parameters = [], []
        for _ in range(number):
            self.seq += 1
            self.updates.append(uuid.uuid4())
            row = [self.updates[-1], self.site_id, uuid.uuid4(), self.seq, *values.values()]
            rows.append(f"({', '.join(['%s'] * len(row))})")
            parameters += [json.dumps(v) if isinstance(v, dict) else v for v in row]
        statement = f"insert into public.live_updates ({names}) values {', '.join(rows)}"
        self.supabase.rows(statement, *parameters)


@pytest.fixture
def make_tenant(django_db_setup: None, supabase: SupabaseDatabase) -> Callable[..., Tenant]:
    """Makes a site that Supabase knows."""

    def make(updates: int = 2, **fields: Any) -> Tenant:
        site_id = uuid.uuid4()
        if is_supabase_database("default"):
            Site.objects.bulk_create([Site(id=site_id, name="Courier")])
        tenant = Tenant(supabase, site_id, uuid.uuid4(), **fields)
        tenant.mirror()
        if updates:
            tenant.insert(updates)
        return tenant

    return make


MakeTenant = Callable[..., Tenant]


@pytest.fixture
def notices(supabase: SupabaseDatabase) -> Iterator[list[str]]:
    """What the server warns of while the test runs."""
    heard: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        heard.append(f"{notice.severity}: {notice.message_primary}")

    wrapper = connections[supabase.alias]
    wrapper.ensure_connection()
    session = wrapper.connection
    session.add_notice_handler(hear)
    yield heard
    session.remove_notice_handler(hear)


@pytest.fixture
def a(make_tenant: MakeTenant) -> Tenant:
    return make_tenant(updates=3)


@pytest.fixture
def b(make_tenant: MakeTenant) -> Tenant:
    return make_tenant(updates=2)


def visible(
    supabase: SupabaseDatabase, claims: dict[str, Any] | str | None, role: str = "authenticated"
) -> set[uuid.UUID]:
    """The updates that a token with ``claims`` reads."""
    with supabase.acting(role, claims):
        return {row[0] for row in supabase.rows("select id from public.live_updates")}


def refused(supabase: SupabaseDatabase, role: str, claims: Any, query: str, *values: Any) -> bool:
    """Whether a role may not even try ``query``."""
    with supabase.acting(role, claims):
        try:
            supabase.rows(query, *values)
        except ProgrammingError as error:
            return getattr(error.__cause__, "sqlstate", None) == "42501"
    return False
