from __future__ import annotations

import pytest

from spool_live.broadcasters.refusals import error_for
from spool_live.exceptions import (
    BatchTooSlow,
    BroadcastError,
    BroadcastRefused,
    BroadcastUnavailable,
    SequenceTaken,
    UnclearRefusal,
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
        pytest.param("413", BroadcastRefused, id="body too large"),
        pytest.param("23505", UnclearRefusal, id="some other unique constraint"),
        pytest.param("23P01", UnclearRefusal, id="exclusion constraint of somebody else's"),
        pytest.param("P0001", UnclearRefusal, id="raised by a trigger"),
        pytest.param("PT403", UnclearRefusal, id="raised with a status"),
        pytest.param("54001", UnclearRefusal, id="nested too deep for the stack"),
        pytest.param("403", UnclearRefusal, id="page of a firewall"),
        pytest.param("418", UnclearRefusal, id="status of no use"),
        pytest.param("PGRST204", BroadcastUnavailable, id="column not in the cache"),
        pytest.param("42703", BroadcastUnavailable, id="no column"),
        pytest.param("42P10", BroadcastUnavailable, id="no constraint for on_conflict"),
        pytest.param("PGRST106", BroadcastUnavailable, id="schema not exposed"),
        pytest.param("PGRST303", BroadcastUnavailable, id="expired token"),
        pytest.param("PGRST000", BroadcastUnavailable, id="no database"),
        pytest.param("PGRST002", BroadcastUnavailable, id="no schema cache"),
        pytest.param("53100", BroadcastUnavailable, id="disk full"),
        pytest.param("57P01", BroadcastUnavailable, id="shut down"),
        pytest.param("08006", BroadcastUnavailable, id="connection failure"),
        pytest.param("28P01", BroadcastUnavailable, id="wrong password of the authenticator"),
        pytest.param("301", BroadcastUnavailable, id="moved"),
        pytest.param("402", BroadcastUnavailable, id="not paid"),
        pytest.param("407", BroadcastUnavailable, id="proxy"),
        pytest.param("540", BroadcastUnavailable, id="paused"),
        pytest.param("504", BatchTooSlow, id="gateway timeout"),
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
        pytest.param("57014", BatchTooSlow, id="statement timeout"),
        pytest.param("PGRST003", BroadcastUnavailable, id="pool timeout"),
        pytest.param("429", BroadcastUnavailable, id="too many requests"),
        pytest.param("500", BroadcastUnavailable, id="server error"),
        pytest.param("522", BroadcastUnavailable, id="proxy timeout"),
        pytest.param("XX000", BroadcastUnavailable, id="internal error"),
        pytest.param("what", UnclearRefusal, id="never heard of"),
        pytest.param(None, UnclearRefusal, id="none"),
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
        ("PGRST204", "live_setup"),
        ("402", "billing"),
        ("403", "firewall"),
        ("407", "HTTPS_PROXY"),
        ("522", "gateway"),
        ("540", "paused: restore it"),
        ("PGRST303", "clocks"),
        ("53100", "disk"),
    ],
)
def test_message_names_the_remedy(code: str, remedy: str) -> None:
    assert remedy in str(error_for(code, "said the server", ""))


@pytest.mark.parametrize("code", ["402", "403", "522", "540"])
def test_message_of_a_gateway_does_not_blame_the_key(code: str) -> None:
    assert "SUPABASE_SECRET_KEY" not in str(error_for(code, "said the gateway", ""))


def test_role_that_does_not_exist_is_about_the_key() -> None:
    """With 401 the code of a data exception is not about data."""
    error = error_for("22023", 'role "x" does not exist', "", status=401)
    assert type(error) is BroadcastUnavailable
    assert "SUPABASE_SECRET_KEY" in str(error)


@pytest.mark.parametrize("code", ["", None])
def test_error_without_code_and_message_is_the_servers(code: str | None) -> None:
    """What each pooled connection of PostgREST answers once after its database was killed."""
    error = error_for(code, "", "", status=400)
    assert type(error) is BroadcastUnavailable
    assert "HTTP 400" in str(error)


@pytest.mark.parametrize(
    ("code", "may_be"),
    [("XX000", True), ("500", True), ("503", True), ("53300", False), ("401", False)],
)
def test_what_one_update_may_cause_as_well_is_marked(code: str, may_be: bool) -> None:
    error = error_for(code, "said the server", "")
    assert isinstance(error, BroadcastUnavailable)
    assert error.may_be_content is may_be


def test_page_is_what_it_says_in_one_short_line() -> None:
    page = "<html><style>p {}</style><p>Access\ndenied\x00</p>" + "<b>x</b>" * 1000
    said = str(error_for("403", page, "", status=403))
    assert said.startswith("403: Access denied x x")
    assert len(said) < 900
