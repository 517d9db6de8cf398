"""Changes of sites and keys raise what must be mirrored, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live import keys
from spool_live.models import Site, SiteApiKey, SiteMirror
from tests.capture.conftest import rolled_back

pytestmark = pytest.mark.django_db

SOON, LATER = timedelta(minutes=1), timedelta(days=1)


def mirror(site: Site, using: str = "default") -> SiteMirror:
    return SiteMirror.objects.using(using).get(pk=site.pk)


@pytest.fixture
def raised(site: Site) -> Callable[[], tuple[int, int]]:
    """By how much version and epoch of the site were raised since the last call."""
    pk, before = site.pk, mirror(site)

    def difference() -> tuple[int, int]:
        nonlocal before
        now = SiteMirror.objects.get(pk=pk)
        by = (now.version - before.version, now.epoch - before.epoch)
        before = now
        return by

    return difference


Raised = Callable[[], tuple[int, int]]


def test_new_site_is_to_be_mirrored(site: Site) -> None:
    state = mirror(site)
    assert (state.version, state.epoch, state.deleted_at) == (2, 1, None)
    assert state.pending == SiteMirror.Pending.CHANGED


def test_renamed_site(site: Site, raised: Raised) -> None:
    site.name = "Herald"
    site.save()
    assert raised() == (1, 0)


def test_deleted_site_leaves_a_tombstone(site: Site) -> None:
    pk, before = site.pk, mirror(site)
    site.delete()
    after = SiteMirror.objects.get(pk=pk)
    assert after.deleted_at is not None
    assert after.version > before.version


def test_deletion_that_is_rolled_back_leaves_none(site: Site, raised: Raised) -> None:
    pk = site.pk
    with rolled_back():
        site.delete()
    assert raised() == (0, 0)
    assert SiteMirror.objects.get(pk=pk).deleted_at is None


def test_new_key_names_the_version_that_first_holds_it(site: Site, raised: Raised) -> None:
    key, _ = keys.create_key(site, name="x")
    assert raised() == (1, 0)
    assert key.mirror_version == mirror(site).version
    assert SiteApiKey.objects.get().mirror_version == key.mirror_version


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"name": "y"}, (1, 0), id="renamed"),
        pytest.param({"expires_at": LATER}, (1, 1), id="expires from now on"),
        pytest.param({"revoked_at": timedelta()}, (1, 1), id="revoked"),
    ],
)
def test_change_of_an_unlimited_key(
    change: dict[str, Any], expected: tuple[int, int], site: Site, raised: Raised
) -> None:
    key, _ = keys.create_key(site, name="x")
    raised()
    save(key, **change)
    assert raised() == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"expires_at": SOON}, (1, 1), id="brought forward"),
        pytest.param({"expires_at": 2 * LATER}, (1, 0), id="extended"),
        pytest.param({"expires_at": None}, (1, 0), id="made unlimited"),
    ],
)
def test_change_of_a_key_that_expires(
    change: dict[str, Any], expected: tuple[int, int], site: Site, raised: Raised
) -> None:
    key, _ = keys.create_key(site, name="x", expires_at=timezone.now() + LATER)
    raised()
    save(key, **change)
    assert raised() == expected


def test_revocation_is_one_epoch_however_often(site: Site, raised: Raised) -> None:
    key, _ = keys.create_key(site, name="x")
    raised()
    keys.revoke_key(key)
    assert raised() == (1, 1)
    keys.revoke_key(SiteApiKey.objects.get())
    assert raised() == (0, 0)


def test_instance_loaded_before_a_revocation_does_not_undo_it(site: Site, raised: Raised) -> None:
    key, _ = keys.create_key(site, name="x")
    stale = SiteApiKey.objects.get()
    keys.revoke_key(key)
    raised()
    stale.name = "y"
    stale.save()
    assert raised() == (1, 0)
    stored = SiteApiKey.objects.get()
    assert (stored.name, stored.is_active()) == ("y", False)


def test_deleted_key_has_lost_its_right(site: Site, raised: Raised) -> None:
    key, _ = keys.create_key(site, name="x")
    raised()
    key.delete()
    assert raised() == (1, 1)


def test_deleted_key_that_had_none(site: Site, raised: Raised) -> None:
    key, _ = keys.create_key(site, name="x")
    keys.revoke_key(key)
    raised()
    key.delete()
    assert raised() == (1, 0)


def test_revocation_that_is_rolled_back(site: Site, raised: Raised) -> None:
    key, _ = keys.create_key(site, name="x")
    raised()
    with rolled_back():
        keys.revoke_key(key)
    assert raised() == (0, 0)


def test_key_that_goes_to_another_site_takes_its_right_along(
    site: Site, other_site: Site, raised: Raised
) -> None:
    key, _ = keys.create_key(site, name="x")
    raised()
    there = mirror(other_site)
    key.site = other_site
    key.save()
    assert raised() == (1, 1)
    assert mirror(other_site).version == there.version + 1


@pytest.mark.django_db(databases=["default", "other"])
def test_state_is_on_the_alias_of_the_site() -> None:
    site = Site.objects.using("other").create(name="Elsewhere")
    key, _ = keys.create_key(site, name="x")
    keys.revoke_key(key)
    assert mirror(site, "other").epoch == 2
    assert not SiteMirror.objects.using("default").filter(pk=site.pk).exists()


def save(key: SiteApiKey, **change: Any) -> None:
    """Saves the key with new values; a duration is one from now."""
    for name, value in change.items():
        moment = timezone.now() + value if isinstance(value, timedelta) else value
        setattr(key, name, moment)
    key.save()
