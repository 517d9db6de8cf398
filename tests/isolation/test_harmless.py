"""What projects have and may have beside us is not an error."""

from __future__ import annotations

import pytest

from tests.isolation.conftest import Superuser
from tests.isolation.mutating import Mutation, cases, codes, described, read_mutations

HARMLESS = read_mutations("harmless")


@pytest.mark.parametrize("setting", cases(HARMLESS))
def test_setting_is_no_error(superuser: Superuser, setting: Mutation) -> None:
    setting.apply(superuser)
    report = superuser.audit() if "Realtime" not in setting.sql else superuser.verify()
    assert report.isolated, described(report)
    assert "RLS-I02" not in codes(report)


def test_there_are_enough_settings_with_names_of_their_own() -> None:
    names = [setting.name for setting in HARMLESS]
    assert len(set(names)) == len(names) >= 60


def test_all_that_can_be_had_together_is_no_error(superuser: Superuser) -> None:
    """Everything of a busy project at once, attacks included."""
    wanted = ("definer over own tables", "search by vector", "policy for all topics", "timeouts of")
    for setting in HARMLESS:
        if setting.name.startswith(wanted):
            setting.apply(superuser)
    report = superuser.verify()
    assert report.isolated, described(report)
