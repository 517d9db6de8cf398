from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from spool_live.models import Site

pytestmark = pytest.mark.django_db(databases=["default", "other"])


def capacity(**options: Any) -> Any:
    out = StringIO()
    call_command("live_capacity", format="json", stdout=out, **options)
    return json.loads(out.getvalue())


def test_counts_the_sites_there_are() -> None:
    Site.objects.create(name="Courier")
    lines = capacity(subscribers=7)["lines"]
    assert lines[0]["arithmetic"] == "1 sites x 7"


def test_says_where_each_mode_ends() -> None:
    modes = capacity(sites=10, subscribers=10, edits_per_minute=60)["modes"]
    assert modes == [
        {"mode": "broadcast", "suffices": True, "ends_at_edits_per_minute": 600.0},
        {"mode": "postgres_changes", "suffices": True, "ends_at_edits_per_minute": 600.0},
    ]


def test_table_shows_the_arithmetic() -> None:
    out = StringIO()
    call_command("live_capacity", sites=2, subscribers=3, plan="pro", stdout=out)
    assert "10/60 edits x 6 subscriptions" in out.getvalue()


def test_fails_where_neither_suffices() -> None:
    with pytest.raises(SystemExit):
        capacity(sites=1000, subscribers=10)
