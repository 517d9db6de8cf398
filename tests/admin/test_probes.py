"""What ``verify_live`` makes is left out of the lists, unless somebody asks."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from spool_live import keys
from spool_live.isolation.live.sites import ProbeSite
from spool_live.models import ApiKeyEvent, Site

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(autouse=True)
def _sites() -> None:
    keys.create_key(Site.objects.create(name="Ledger"), name="front end")
    ProbeSite(Site.objects.create(name="spool_live probe", is_probe=True)).add_key("own")


@pytest.mark.parametrize("page", ["site", "siteapikey", "apikeyevent"])
def test_left_out_and_shown_on_demand(admin_client: Client, page: str) -> None:
    url = reverse(f"admin:spool_live_{page}_changelist")
    assert shown(admin_client, url) == (True, False)
    assert shown(admin_client, f"{url}?probes=1") == (True, True)


def shown(client: Client, url: str) -> tuple[bool, bool]:
    """Whether the list has the paper's row, and the probe's."""
    answer = client.get(url)
    rows = [str(row) for row in answer.context["cl"].result_list]
    names = [getattr(row, "key_name", "") for row in answer.context["cl"].result_list]
    text = " ".join([*rows, *names])
    return "Ledger" in text or "front end" in text, "probe" in text


def test_lines_of_the_trail_are_marked() -> None:
    origins = dict(ApiKeyEvent.objects.values_list("key_name", "origin"))
    assert origins == {"front end": "code", "spool_live probe: own": "probe"}
