"""For each seeded misconfiguration the doctor names the cause and the remedy."""

from __future__ import annotations

import pytest

from spool_live.doctor import CheckState, checks_of
from tests.commands.conftest import run_command
from tests.doctor.conftest import World
from tests.doctor.seeds import SEEDS, Seed

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("alive")]


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    names = [seed.name for seed in SEEDS]
    assert len(set(names)) == len(names) >= 25
    assert {seed.check for seed in SEEDS} <= {check.name for check in checks_of()}


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_cause_and_remedy_are_named(seed: Seed, world: World) -> None:
    seed.sow(world)
    result = world.diagnose(seed.check)
    assert result.state in {CheckState.ERROR, CheckState.WARNING}, result
    named = [
        finding
        for finding in result.findings
        if all(part in finding.cause for part in seed.cause) and seed.remedy in finding.remedy
    ]
    assert named, result.findings


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_command_names_them(seed: Seed, world: World) -> None:
    """The same through the command, with all the checks of the phase."""
    seed.sow(world)
    [phase] = {check.phase for check in checks_of() if check.name == seed.check}
    given = ["--api-url", world.surroundings.api_url] if world.surroundings.api_url else []
    outcome = run_command("live_doctor", "--phase", phase, "--format", "json", *given)
    assert outcome.code in {0, 1}
    assert outcome.rows["errors"] + outcome.rows["warnings"] > 0
    named = [
        finding
        for one in outcome.rows["checks"]
        for finding in one["findings"]
        if all(part in finding["cause"] for part in seed.cause) and seed.remedy in finding["remedy"]
    ]
    assert named, outcome.out
