"""Checks of a healthy project, of missing databases, and of how one check affects another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import OperationalError, connections
from pytest_django.plugin import DjangoDbBlocker

from spool_live import throttling
from spool_live.delivery import mirror
from spool_live.doctor import (
    CheckState,
    NotChecked,
    NotNeeded,
    RolloutPhase,
    Surroundings,
    checks_of,
    examine,
    realtime,
    run,
)
from spool_live.doctor.findings import error
from spool_live.doctor.registry import DoctorCheck
from spool_live.doctor.secrets import without_secrets
from spool_live.heartbeats import Part
from spool_live.local.processes import free_port
from spool_live.models import Heartbeat, SiteApiKey
from spool_live.status import Kind
from spool_live.supabase.databases import content_databases
from tests.doctor.conftest import World, be_alive
from tests.end_to_end.conftest import Road, road
from tests.scratch import pointed_at

__all__ = ["road"]
FOLDER = Path(__file__).parent.parent.parent / "spool_live" / "doctor"


@pytest.mark.django_db(databases="__all__", transaction=True)
class TestAllIsWell:
    def test_every_check_says_so(self, road: Road, world: World) -> None:
        site, _ = road.site("Ledger")
        world.real(SUPABASE_URL=road.supabase.url)
        be_alive()
        flush = "spool_live.doctor.proxies.sleep"
        world.monkeypatch.setattr(flush, lambda seconds: throttling.failure_log.write_now())
        mirror.mirror_pending("default")
        surroundings = Surroundings(api_url=road.api_url)
        results = {r.name: r for r in run(checks_of(), surroundings)}
        unexpected = {
            name: result.findings or result.reason
            for name, result in results.items()
            if result.state is not CheckState.OK and name not in {"cache", "production"}
        }
        assert unexpected == {}
        assert surroundings.subscriber is not None
        assert surroundings.subscriber.key.site == site

    @pytest.mark.parametrize(("trusted", "state"), [(0, CheckState.OK), (1, CheckState.ERROR)])
    def test_address_that_clients_can_choose(
        self, road: Road, world: World, trusted: int, state: CheckState
    ) -> None:
        world.live(TRUSTED_PROXIES=trusted)
        world.surroundings.api_url = road.api_url
        flush = "spool_live.doctor.proxies.sleep"
        world.monkeypatch.setattr(flush, lambda seconds: throttling.failure_log.write_now())
        result = world.diagnose("proxies")
        assert result.state is state
        assert [f.cause for f in result.findings if "can choose the address" not in f.cause] == []

    def test_refusal_after_an_accepted_token_is_ok(self, road: Road, world: World) -> None:
        assert not SiteApiKey.objects.exists()
        result = world.diagnose("realtime")
        assert (result.state, result.findings) == (CheckState.OK, ())

    def test_publishable_key_that_reads_is_a_leak(self, road: Road, world: World) -> None:
        site, _ = road.site("Ledger")
        road.edit(site, "News")
        conninfo = road.supabase.conninfo("supabase_admin")
        try:
            with psycopg.connect(conninfo) as connection:
                connection.execute("grant select on public.live_updates to anon")
                connection.execute(
                    "alter policy live_updates_fence_anon on public.live_updates using (true)"
                )
                connection.execute(
                    "create policy doctor_leak on public.live_updates for select to anon "
                    "using (true)"
                )
            result = world.diagnose("token")
        finally:
            with psycopg.connect(conninfo) as connection:
                connection.execute("drop policy doctor_leak on public.live_updates")
            call_command("live_setup", format="json")
        assert [finding.cause for finding in result.findings] == [
            "The publishable key alone reads updates of other sites."
        ]

    def test_tokens_that_read_everything_are_a_leak(self, road: Road, world: World) -> None:
        site, _ = road.site("Ledger")
        other, _ = road.site("Courier")
        for one in (site, other):
            road.edit(one, f"News of {one.name}")
        conninfo = road.supabase.conninfo("supabase_admin")
        try:
            with psycopg.connect(conninfo) as connection:
                for policy in ("live_updates_read_own_site", "live_updates_fence"):
                    connection.execute(
                        f"alter policy {policy} on public.live_updates using (true)".encode()
                    )
            result = world.diagnose("token")
        finally:
            call_command("live_setup", format="json")
        causes = [finding.cause for finding in result.findings]
        assert causes == [
            "A token of a site that does not exist reads updates of other sites.",
            "A token of Courier reads updates of other sites.",
        ]
        assert world.diagnose("token").state is CheckState.OK


@pytest.fixture
def unblocked(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
        connections.close_all()


@pytest.fixture
def empty_database(unblocked: None) -> Iterator[str]:
    """The name of a database without anything of Supabase or of ours."""
    admin = django_settings.LOCAL_SUPABASE.conninfo("supabase_admin")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("create database doctor_scratch owner postgres")
        try:
            yield "doctor_scratch"
        finally:
            connection.execute("drop database doctor_scratch with (force)")


def diagnosis(world: World, check: str) -> str:
    findings = world.diagnose(check).findings
    return " ".join(f"{finding.cause} {finding.remedy}" for finding in findings)


@pytest.mark.django_db(databases="__all__")
class TestWhatIsNotTried:
    def test_no_join_is_tried_where_no_websocket_opens(self, world: World) -> None:
        """The official client would try five times, for a quarter of a minute."""
        world.live(SUPABASE_URL=f"http://127.0.0.1:{free_port()}")
        world.monkeypatch.setattr(realtime, "_join", None)
        [finding] = world.diagnose("realtime").findings
        assert "cannot be reached" in finding.cause

    def test_outcome_of_the_attacks_is_kept(self, world: World) -> None:
        for using in content_databases():
            Heartbeat.objects.using(using).all().delete()
        assert world.diagnose("isolation").state is CheckState.OK
        known = Heartbeat.objects.get(pk=Part.VERIFY_RLS)
        assert "no findings" in known.detail["summary"]


@pytest.mark.usefixtures("unblocked")
class TestDatabases:
    def test_one_that_is_not_there(self, world: World) -> None:
        port = free_port()
        with pointed_at(world.alias, PORT=port):
            text = diagnosis(world, "databases")
            blocked = [world.diagnose(name) for name in ("setup", "isolation", "migrations")]
        assert f"no connection to 127.0.0.1:{port}" in text
        assert f'DATABASES["{world.alias}"]' in text
        assert {result.state for result in blocked} == {CheckState.NOT_CHECKED}
        assert all(repr(world.alias) in r.reason or world.alias in r.reason for r in blocked)

    def test_name_that_cannot_be_resolved(self, world: World) -> None:
        with pointed_at(world.alias, HOST="db.nowhere.invalid"):
            assert "db.nowhere.invalid cannot be resolved" in diagnosis(world, "databases")

    def test_database_that_does_not_exist(self, world: World) -> None:
        with pointed_at(world.alias, NAME="no_such_database"):
            assert "no_such_database" in diagnosis(world, "databases")

    def test_nothing_migrated(self, world: World, empty_database: str) -> None:
        with pointed_at(world.alias, NAME=empty_database):
            text = diagnosis(world, "migrations")
        assert f"not applied on {world.alias!r}, the first one is 0001_tables" in text
        assert f"manage.py migrate --database {world.alias}" in text

    def test_recorded_but_not_there(self, world: World, empty_database: str) -> None:
        with pointed_at(world.alias, NAME=empty_database):
            call_command("migrate", "spool_live", database=world.alias, fake=True, verbosity=0)
            migrations, setup = diagnosis(world, "migrations"), diagnosis(world, "setup")
        assert "live_updates" in migrations
        assert "--fake spool_live zero" in migrations
        assert f"migrate --database {world.alias}" in setup


def check(work: Any, name: str = "one") -> DoctorCheck:
    return DoctorCheck(name, "One", RolloutPhase.BACKEND, work)


def failing(raised: Exception) -> Any:
    def work(surroundings: Surroundings) -> Iterator[Any]:
        yield from ()
        raise raised

    return work


class TestRunning:
    def test_one_that_raises_stops_no_other(self) -> None:
        shown: list[str] = []
        chosen = [check(failing(ZeroDivisionError("x"))), check(lambda surroundings: [], "two")]
        results = list(run(chosen, Surroundings(), shown.append))
        assert [r.state for r in results] == [CheckState.NOT_CHECKED, CheckState.OK]
        assert results[0].reason == "The check itself failed with ZeroDivisionError."
        assert shown == ["One", "One"]

    @pytest.mark.parametrize(
        ("raised", "state", "reason"),
        [
            (NotNeeded("no need"), CheckState.NOT_NEEDED, "no need"),
            (NotChecked("no way"), CheckState.NOT_CHECKED, "no way"),
            (
                OperationalError("gone\nDETAIL: x"),
                CheckState.NOT_CHECKED,
                "The database answers with an error: gone",
            ),
        ],
    )
    def test_why_it_was_not_carried_out(
        self, raised: Exception, state: CheckState, reason: str
    ) -> None:
        result = examine(check(failing(raised)), Surroundings())
        assert (result.state, result.reason) == (state, reason)

    def test_settings_that_cannot_be_read_keep_others_from_guessing(self, world: World) -> None:
        world.live(SUPABASE_URI="x")
        result = world.diagnose("rest")
        assert (result.state, "settings" in result.reason) == (CheckState.NOT_CHECKED, True)
        assert world.diagnose("settings").state is CheckState.ERROR

    def test_no_secret_is_in_a_finding(self, world: World) -> None:
        world.live(SUPABASE_SECRET_KEY="sb_secret_hunter2hunter2")
        world.settings.CELERY_BROKER_URL = "redis://:correct-horse@broker/0"
        raised = OperationalError("sb_secret_hunter2hunter2 and correct-horse")
        reason = examine(check(failing(raised)), Surroundings()).reason
        assert "hunter2" not in reason
        assert "correct-horse" not in reason
        found = [error("It is hunter2: sb_secret_hunter2hunter2.", "Use no correct-horse.")]
        [finding] = examine(check(lambda surroundings: found), Surroundings()).findings
        assert (finding.cause, finding.remedy) == ("It is hunter2: [secret].", "Use no [secret].")
        key = django_settings.SPOOL_LIVE["SUPABASE_PUBLISHABLE_KEY"]
        assert without_secrets(key) == key


def test_every_kind_of_problem_is_some_check() -> None:
    source = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.py"))
    shown = {kind for kind in Kind if f"Kind.{kind.name}" in source}
    assert shown == set(Kind)


def test_every_phase_has_checks_in_its_order() -> None:
    phases = [one.phase for one in checks_of()]
    assert list(dict.fromkeys(phases)) == list(RolloutPhase)
    assert {c.phase for c in checks_of(RolloutPhase.CLIENTS)} == {RolloutPhase.CLIENTS}
