"""``live_setup --insert-only``: stops the publication of deletions, if no other table is in it."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from spool_live.conf import live_settings

pytestmark = pytest.mark.django_db(databases="__all__")
PUBLISHES = "select pubdelete from pg_publication where pubname = 'supabase_realtime'"


def _execute(*statements: str) -> bool:
    with connections[live_settings().supabase_database].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        cursor.execute(PUBLISHES)
        (deletes,) = cursor.fetchone()
        return bool(deletes)


@pytest.fixture(autouse=True)
def _published(db: None) -> None:
    _execute("alter publication supabase_realtime set (publish = 'insert, update, delete')")


def _setup(*arguments: str) -> str:
    out = StringIO()
    call_command("live_setup", *arguments, stdout=out)
    return out.getvalue()


def test_setup_leaves_the_publication_alone_unless_it_is_asked() -> None:
    _setup()
    assert _execute()


def test_check_changes_nothing() -> None:
    _setup("--check", "--insert-only")
    assert _execute()


def test_publication_of_our_table_alone_publishes_inserts_only() -> None:
    assert "inserts only" in _setup("--insert-only")
    assert not _execute()


def test_publication_with_another_table_is_left_alone_and_says_why() -> None:
    _execute(
        "create table public.chat (id int primary key)",
        "alter publication supabase_realtime add table public.chat",
    )
    with pytest.raises(CommandError, match="could not be done"):
        _setup("--insert-only")
    assert _execute()
