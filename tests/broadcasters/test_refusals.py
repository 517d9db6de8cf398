from __future__ import annotations

import pytest

from spool_live.broadcasters.refusals import error_for
from spool_live.exceptions import (
    BroadcastError,
    BroadcastRefused,
    BroadcastUnavailable,
    SequenceTaken,
    UnknownSite,
)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param("23503", UnknownSite, id="foreign key"),
        pytest.param("22P02", BroadcastRefused, id="no UUID"),
        pytest.param("22P05", BroadcastRefused, id="NUL in jsonb"),
        pytest.param("22001", BroadcastRefused, id="too long"),
        pytest.param("22003", BroadcastRefused, id="out of range"),
        pytest.param("23502", BroadcastRefused, id="null"),
        pytest.param("23514", BroadcastRefused, id="check"),
        pytest.param("54000", BroadcastRefused, id="row too big for an index"),
        pytest.param("PGRST102", BroadcastRefused, id="bad body"),
        pytest.param("PGRST204", BroadcastRefused, id="unknown column"),
        pytest.param("413", BroadcastRefused, id="body too large"),
        pytest.param("23505", BroadcastUnavailable, id="some other unique constraint"),
        pytest.param("42501", BroadcastUnavailable, id="no privilege"),
        pytest.param("401", BroadcastUnavailable, id="no key"),
        pytest.param("PGRST301", BroadcastUnavailable, id="bad token"),
        pytest.param("42P01", BroadcastUnavailable, id="no table"),
        pytest.param("PGRST202", BroadcastUnavailable, id="no function"),
        pytest.param("PGRST205", BroadcastUnavailable, id="table not in the cache"),
        pytest.param("404", BroadcastUnavailable, id="not found"),
        pytest.param("40001", BroadcastUnavailable, id="serialization failure"),
        pytest.param("40P01", BroadcastUnavailable, id="deadlock"),
        pytest.param("53300", BroadcastUnavailable, id="too many connections"),
        pytest.param("57014", BroadcastUnavailable, id="statement timeout"),
        pytest.param("PGRST003", BroadcastUnavailable, id="pool timeout"),
        pytest.param("429", BroadcastUnavailable, id="too many requests"),
        pytest.param("500", BroadcastUnavailable, id="server error"),
        pytest.param("522", BroadcastUnavailable, id="proxy timeout"),
        pytest.param("XX000", BroadcastUnavailable, id="internal error"),
        pytest.param("what", BroadcastUnavailable, id="never heard of"),
        pytest.param(None, BroadcastUnavailable, id="none"),
    ],
)
def test_code_decides(code: str | None, kind: type[BroadcastError]) -> None:
    error = error_for(code, "said the server", "")
    assert type(error) is kind
    assert "said the server" in str(error)
    assert code is None or code in str(error)


@pytest.mark.parametrize(
    ("message", "details"),
    [
        ('duplicate key value violates unique constraint "live_updates_site_seq"', ""),
        ("duplicate key value", "Key (site_id, seq)=(x, 1) already exists."),
    ],
)
def test_unique_violation_of_the_number(message: str, details: str) -> None:
    assert type(error_for("23505", message, details)) is SequenceTaken


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("42501", 'SPOOL_LIVE["SUPABASE_SECRET_KEY"]'),
        ("401", 'SPOOL_LIVE["SUPABASE_SECRET_KEY"]'),
        ("PGRST205", "manage.py migrate"),
        ("42883", "live_setup"),
    ],
)
def test_message_names_the_remedy(code: str, remedy: str) -> None:
    assert remedy in str(error_for(code, "said the server", ""))
