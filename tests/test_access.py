"""What ``SITES_FOR_USER`` may return, and what it may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from spool_live import access
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.models import Site, SiteApiKey

pytestmark = pytest.mark.django_db(databases="__all__")
Live = Callable[..., None]
USER = AnonymousUser()


def nobody(user: Any) -> list[Site]:
    """Sees nothing."""
    return []


def test_without_the_setting_everybody_sees_all() -> None:
    assert access.sites_of(USER) is None


@pytest.mark.parametrize(
    "as_given",
    [
        pytest.param(lambda one: Site.objects.filter(pk=one.pk), id="queryset"),
        pytest.param(lambda one: Site.objects.filter(pk=one.pk).values_list("pk"), id="tuples"),
        pytest.param(lambda one: [one], id="sites"),
        pytest.param(lambda one: {one.pk}, id="ids"),
        pytest.param(lambda one: (str(pk) for pk in [one.pk]), id="ids as text"),
    ],
)
def test_sites_are_given_in_any_form(live: Live, as_given: Callable[[Site], Any]) -> None:
    one, _ = Site.objects.create(name="Ledger"), Site.objects.create(name="Herald")
    live(SITES_FOR_USER=lambda user: as_given(one))
    assert access.sites_of(USER) == frozenset({one.pk})


def test_nothing_is_nothing_and_none_is_all(live: Live) -> None:
    live(SITES_FOR_USER=f"{__name__}.nobody")
    assert access.sites_of(USER) == frozenset()
    live(SITES_FOR_USER=lambda user: None)
    assert access.sites_of(USER) is None


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(True, id="bool"),
        pytest.param(7, id="number"),
        pytest.param("", id="no text"),
        pytest.param("9f0c3d1e-7a4b-4c0d-9e57-0d6b1f2a8c11", id="one id"),
        pytest.param(b"x", id="bytes"),
        pytest.param([7], id="numbers"),
        pytest.param(["Ledger"], id="names"),
        pytest.param([None], id="nothing"),
        pytest.param([USER], id="users"),
    ],
)
def test_anything_else_is_refused(live: Live, given: Any) -> None:
    live(SITES_FOR_USER=lambda user: given)
    with pytest.raises(SpoolLiveConfigurationError, match="SITES_FOR_USER"):
        access.sites_of(USER)


def test_rows_of_another_model_are_refused(live: Live, make_key: Callable[..., Any]) -> None:
    make_key()
    live(SITES_FOR_USER=lambda user: SiteApiKey.objects.all())
    with pytest.raises(SpoolLiveConfigurationError, match="SiteApiKey"):
        access.sites_of(USER)


def test_its_own_error_goes_through(live: Live) -> None:
    def fails(user: Any) -> None:
        raise LookupError("who?")

    live(SITES_FOR_USER=fails)
    with pytest.raises(LookupError):
        access.sites_of(USER)
