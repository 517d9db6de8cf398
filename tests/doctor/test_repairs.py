"""``live_doctor --fix``: shown first, done once confirmed, each act with its line in a trail."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.db import connections

from spool_live.conf import DEFAULT_BROADCASTER, live_settings
from spool_live.doctor import (
    Act,
    DoctorFinding,
    DoctorResult,
    Level,
    RolloutPhase,
    Surroundings,
    repairs,
)
from spool_live.doctor.repairs import Repair, carry_out, plan
from spool_live.exceptions import SpoolLiveError
from spool_live.models import (
    ApiKeyEvent,
    OperatorEvent,
    OutboxEntry,
    OutboxEvent,
)
from spool_live.supabase.provisioning import undone
from tests.commands.conftest import Outcome, run_command
from tests.doctor.conftest import World, be_alive
from tests.doctor.seeds import record
from tests.end_to_end.conftest import Road, road

__all__ = ["road"]
CATALOG = """
select grantee, table_schema, table_name, privilege_type
from information_schema.role_table_grants where table_name = 'payroll' or table_schema = 'auth'
union all
select rolname, rolsuper::text, rolbypassrls::text, rolcanlogin::text from pg_roles
union all
select policyname, schemaname, tablename, qual from pg_policies where tablename = 'payroll'
"""


def doctor(*options: str) -> Outcome:
    return run_command("live_doctor", *options)


def catalog(alias: str) -> set[Any]:
    """Roles, and what is not ours."""
    with connections[alias].cursor() as cursor:
        cursor.execute(CATALOG)
        return set(cursor.fetchall())


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("alive")
class TestFix:
    @pytest.fixture
    def broken(self, world: World) -> World:
        """A grant is missing, and two sites have dead entries."""
        world.sql(
            "revoke select on public.live_updates from authenticated",
            "create table public.payroll (id int)",
            "alter table public.payroll enable row level security",
            "create policy theirs on public.payroll for select to anon using (id > 7)",
            "grant select on public.payroll to anon",
        )
        for number in (2, 1):
            record(number)
        OutboxEntry.objects.update(state="dead", last_error="too long")
        return world

    def test_nothing_is_done_before_it_is_confirmed(self, broken: World) -> None:
        before = [step.step for step in undone(broken.alias)]
        outcome = doctor("--fix", "--phase", "database")
        assert outcome.code == 1
        assert f"--fix would do this:\n  live_setup on {broken.alias!r}: API roles" in outcome.out
        assert outcome.out.endswith("Nothing was changed: --fix --yes does it.\n")
        assert [step.step for step in undone(broken.alias)] == before == ["API roles"]
        dead = doctor("--fix", "--phase", "backend", "--format", "json").rows["fixes"]
        assert [(fix["fix"], fix["done"]) for fix in dead] == [("requeue", False)] * 2
        assert OutboxEntry.objects.filter(state="dead").count() == 3
        assert not OperatorEvent.objects.filter(action="repaired").exists()
        assert not OutboxEvent.objects.exists()

    def test_person_may_say_no_or_yes(self, broken: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda question: "")
        assert "Nothing was changed" in doctor("--fix", "--phase", "database").out
        assert undone(broken.alias) != []
        monkeypatch.setattr("builtins.input", lambda question: "y")
        assert "Nothing was changed" not in doctor("--fix", "--phase", "database").out
        assert undone(broken.alias) == []

    def test_done_with_one_line_for_each_act(self, broken: World) -> None:
        before = catalog(broken.alias)
        outcome = doctor("--fix", "--yes", "--actor", "deployment", "--format", "json")
        fixes = outcome.rows["fixes"]
        assert [(fix["fix"], fix["done"], fix["error"]) for fix in fixes] == [
            ("setup", True, ""),
            ("requeue", True, ""),
            ("requeue", True, ""),
        ]
        assert undone(broken.alias) == []
        assert not OutboxEntry.objects.filter(state="dead").exists()
        [act] = OperatorEvent.objects.filter(action="repaired")
        assert (act.origin, act.actor_name) == ("command", "deployment")
        assert (act.subject, act.detail) == (
            f"live_setup on {broken.alias!r}: API roles",
            {"failed": []},
        )
        lines = OutboxEvent.objects.order_by("entries")
        assert [(line.entries, line.actor_name) for line in lines] == [
            (1, "deployment"),
            (2, "deployment"),
        ]
        assert {event.actor_name for event in OperatorEvent.objects.all()} == {"deployment"}
        by_name = {one["check"]: one["state"] for one in outcome.rows["checks"]}
        assert (by_name["setup"], by_name["dead"]) == ("ok", "ok")
        assert catalog(broken.alias) == before
        assert not ApiKeyEvent.objects.exists()
        again = doctor("--fix", "--yes", "--phase", "database")
        assert "--fix has nothing to repair." in again.out

    def test_only_with_fix(self) -> None:
        outcome = doctor("--yes")
        assert (outcome.code, outcome.err) == (2, "--yes confirms --fix: give both.")


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_replaced_database_gets_every_site(road: Road, world: World) -> None:
    site, _ = road.site("Ledger")
    world.live(BROADCASTER=DEFAULT_BROADCASTER)
    be_alive()
    with connections[live_settings().supabase_database].cursor() as cursor:
        cursor.execute("delete from spool_live.sites where site_id = %s", [site.pk])
    assert world.diagnose("mirror").findings[0].act is Act.MIRROR
    outcome = doctor("--fix", "--yes", "--phase", "backend", "--actor", "deployment")
    assert "1 of 1 sites are acknowledged" in outcome.out
    assert world.diagnose("mirror").findings == ()
    assert world.diagnose("token").findings == ()
    [act] = OperatorEvent.objects.filter(action="repaired")
    assert (act.subject, act.detail["sites"], act.actor_name) == (
        "live_deliver --mirror-all on 'default': 1 site with its keys",
        1,
        "deployment",
    )


class TestOneByOne:
    def test_one_that_fails_stops_no_other_and_says_why(self) -> None:
        def fail(raised: Exception) -> Any:
            def do() -> str:
                raise raised

            return do

        acts = [fail(SpoolLiveError("no way")), fail(KeyError("secret")), lambda: "well"]
        done = [carry_out(Repair(Act.SETUP, "it", "default", do)) for do in acts]
        assert [(one.outcome, one.error) for one in done] == [
            ("", "no way"),
            ("", "KeyError"),
            ("well", ""),
        ]
        assert [one.as_json()["done"] for one in done] == [False, False, True]

    @pytest.mark.django_db(databases="__all__")
    def test_what_nothing_can_mend_is_not_planned(self) -> None:
        finding = DoctorFinding(Level.ERROR, "It is dry.", "Open it.")
        result = DoctorResult("one", "It flows", RolloutPhase.BACKEND, (finding,))
        assert plan([result], Surroundings()) == []

    def test_every_act_has_its_plan(self) -> None:
        assert set(repairs._PLANS) == set(Act)
