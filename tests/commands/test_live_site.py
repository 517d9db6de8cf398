"""``live_site``: sites and keys from the shell."""

from __future__ import annotations

import re
import stat
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from spool_live import keys
from spool_live.keys import KEY_PATTERN, PlainKey
from spool_live.models import ApiKeyEvent, Site, SiteApiKey
from tests.commands.conftest import Run
from tests.keys.lookup import find_key

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


def test_create_prints_the_key_once(run: Run) -> None:
    outcome = run("live_site", "--format", "json", "create", "Ledger", "--key-name", "web")
    (row,) = outcome.rows
    key = find_key(row["api_key"])
    assert outcome.code == 0
    assert key is not None
    assert (key.site.name, key.name, str(key.site_id)) == ("Ledger", "web", row["site_id"])
    assert ApiKeyEvent.objects.get(key_id=key.pk).origin == "command"
    assert row["api_key"] not in run("live_site", "list").out


def test_table_shows_the_key_too(run: Run) -> None:
    outcome = run("live_site", "create", "Ledger")
    (plain,) = set(re.findall(KEY_PATTERN, outcome.out))
    assert find_key(plain) is not None
    assert outcome.out.splitlines()[0].split() == ["site", "site_id", "prefix", "api_key"]


def test_key_that_expires_says_when(run: Run) -> None:
    site = Site.objects.create(name="Ledger")
    outcome = run(
        "live_site",
        "add-key",
        site.pk,
        "--expires-in-days",
        "30",
        "--note",
        "CI",
        "--key-name",
        "x",
    )
    assert outcome.code == 0
    key = SiteApiKey.objects.get(site=site)
    assert key.note == "CI"
    assert key.expires_at is not None
    assert timedelta(days=29) < key.expires_at - timezone.now() <= timedelta(days=30)


@pytest.mark.parametrize("days", ["0", "-3", "x", "1.5", "99999999"])
def test_bad_number_of_days_makes_no_key(run: Run, days: str) -> None:
    site = Site.objects.create(name="Ledger")
    assert run("live_site", "add-key", site.pk, f"--expires-in-days={days}").code != 0
    assert not SiteApiKey.objects.exists()


def test_site_is_found_by_name_if_only_one_has_it(run: Run) -> None:
    Site.objects.create(name="Ledger")
    assert run("live_site", "add-key", "Ledger").code == 0
    Site.objects.create(name="Ledger")
    twice = run("live_site", "add-key", "Ledger")
    assert (twice.code, "give the id" in twice.err) == (1, True)
    nowhere = run("live_site", "add-key", "Herald")
    assert (nowhere.code, "live_site list" in nowhere.err) == (1, True)


def test_list_names_every_site_and_key_without_secrets(run: Run, make_key: MakeKey) -> None:
    key, plain = make_key()
    Site.objects.create(name="Herald")
    rows = run("live_site", "--format", "json", "list").rows
    assert [(row["site"], row["prefix"]) for row in rows] == [
        ("Herald", None),
        ("Ledger", key.prefix),
    ]
    assert plain not in str(rows)
    assert "Herald" in run("live_site", "list").out


def test_list_shows_times_to_the_second(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key()
    created = timezone.localtime(key.created_at).isoformat(" ", "seconds")
    shown = run("live_site", "list").out
    assert created in shown


def test_list_of_nothing(run: Run) -> None:
    assert run("live_site", "--format", "json", "list").rows == []
    assert run("live_site", "list").out.startswith(
        "There are no sites yet: run manage.py live_site"
    )


def test_rotate_gives_a_successor(run: Run, make_key: MakeKey) -> None:
    key, plain = make_key()
    outcome = run("live_site", "--format", "json", "rotate", key.prefix, "--overlap-hours", "1")
    (row,) = outcome.rows
    assert find_key(row["api_key"]) is not None
    assert find_key(plain) is not None
    key.refresh_from_db()
    assert isinstance(key.expires_at, datetime)
    actions = ApiKeyEvent.objects.filter(key_id=key.pk, origin="command").order_by("id")
    assert list(actions.values_list("action", flat=True)) == ["expiry_changed", "rotated"]


@pytest.mark.parametrize("hours", ["-1", "x", "1e9", "nan"])
def test_bad_overlap_changes_nothing(run: Run, make_key: MakeKey, hours: str) -> None:
    key, _ = make_key()
    assert run("live_site", "rotate", key.prefix, f"--overlap-hours={hours}").code != 0
    assert SiteApiKey.objects.count() == 1


def test_rotate_of_a_revoked_key_says_what_to_do(run: Run, make_key: MakeKey) -> None:
    key, _ = make_key()
    keys.revoke_key(key)
    outcome = run("live_site", "rotate", key.prefix)
    assert outcome.code == 1
    assert f"live_site add-key {key.site_id}" in outcome.err


def test_revoke_is_for_good(run: Run, make_key: MakeKey) -> None:
    key, plain = make_key()
    (row,) = run("live_site", "--format", "json", "revoke", key.prefix).rows
    assert row["revoked_at"]
    assert find_key(plain) is None
    assert run("live_site", "revoke", "spool_nobody").code == 1


def test_action_is_required(run: Run) -> None:
    assert run("live_site").code != 0


def test_database_without_our_tables_is_told_in_a_sentence(run: Run) -> None:
    Site.objects.create(name="Ledger")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE site_api_keys RENAME TO elsewhere")
    outcome = run("live_site", "list")
    assert outcome.code == 1
    assert "run manage.py migrate" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [["--format", "json", "list"], ["list", "--format", "json"]],
    ids=["before", "after"],
)
def test_format_is_accepted_before_and_after_the_action(run: Run, arguments: list[str]) -> None:
    Site.objects.create(name="Ledger")
    outcome = run("live_site", *arguments)
    assert [row["site"] for row in outcome.rows] == ["Ledger"]


def test_every_action_takes_the_format_after_it(run: Run) -> None:
    created = run("live_site", "create", "Ledger", "--format", "json").rows[0]
    added = run("live_site", "add-key", "Ledger", "--format", "json").rows[0]
    rotated = run("live_site", "rotate", created["prefix"], "--format", "json").rows[0]
    revoked = run("live_site", "revoke", added["prefix"], "--format", "json").rows[0]
    assert rotated["prefix"] != created["prefix"]
    assert revoked["revoked_at"]


def test_probes_are_listed_on_demand_only(run: Run) -> None:
    Site.objects.create(name="Ledger")
    Site.objects.create(name="spool_live probe", is_probe=True)
    assert "probe" not in run("live_site", "list").out
    assert "spool_live probe" in run("live_site", "list", "--probes").out


def test_key_goes_to_a_file_and_nowhere_else(run: Run, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    outcome = run("live_site", "create", "Ledger", "--env-file", path)
    site = Site.objects.get()
    names, values = zip(*(x.split("=", 1) for x in path.read_text().splitlines()), strict=True)
    assert names == ("SPOOL_SITE_ID", "SPOOL_API_KEY")
    assert values[0] == str(site.pk)
    assert find_key(values[1]) is not None
    assert values[1] not in outcome.out + outcome.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("export SPOOL_API_KEY=spool_x\n", ".env", "has SPOOL_API_KEY already"),
        ("", "nowhere/.env", "There is no folder"),
    ],
)
def test_key_whose_file_is_not_to_be_had_is_not_made(
    run: Run, tmp_path: Path, text: str, name: str, reason: str
) -> None:
    (tmp_path / ".env").write_text(text)
    outcome = run("live_site", "create", "Ledger", "--env-file", tmp_path / name)
    assert (outcome.code, reason in outcome.err) == (1, True)
    assert not Site.objects.exists()
    assert (tmp_path / ".env").read_text() == text


def test_key_is_not_written_where_git_would_take_it(run: Run, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    path = tmp_path / ".env"
    path.write_text("OTHER=1")
    outcome = run("live_site", "create", "Ledger", "--env-file", path)
    assert (outcome.code, "add it to .gitignore first" in outcome.err) == (1, True)
    assert not SiteApiKey.objects.exists()
    (tmp_path / ".gitignore").write_text("*.env\n")
    assert run("live_site", "create", "Ledger", "--env-file", path).code == 0
    assert path.read_text().startswith("OTHER=1\nSPOOL_SITE_ID=")
