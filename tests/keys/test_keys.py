"""API keys: their form, who may use them, and that a revocation cannot be undone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spool_live import keys
from spool_live.keys import KEY_PATTERN, Identity, PlainKey, Reason, Refusal
from spool_live.models import ApiKeyEvent, SiteApiKey, SiteDelivery, SiteMirror
from tests.keys.lookup import find_key

pytestmark = pytest.mark.django_db
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]


def epoch(key: SiteApiKey) -> int:
    return SiteMirror.objects.get(pk=key.site_id).epoch


def trail(key: SiteApiKey) -> list[str]:
    events = ApiKeyEvent.objects.filter(key_id=key.pk).order_by("id")
    return list(events.values_list("action", flat=True))


def test_key_has_its_prefix_256_bits_and_a_checksum(make_key: MakeKey) -> None:
    key, plain = make_key()
    assert KEY_PATTERN.fullmatch(plain)
    assert plain.startswith(f"{key.prefix}_")
    assert len(plain) == len("spool_") + 12 + 1 + 43 + 6
    assert keys.with_checksum(plain[:-6]) == plain
    assert keys.looks_like_key(plain)


def test_key_is_stored_as_a_hash_only(make_key: MakeKey) -> None:
    key, plain = make_key()
    key.refresh_from_db()
    secret = plain.removeprefix(f"{key.prefix}_")
    stored = " ".join(str(getattr(key, field.attname)) for field in key._meta.concrete_fields)
    assert secret not in stored
    assert key.key_hash == keys.hash_key(plain)


def test_two_keys_share_neither_prefix_nor_secret(make_key: MakeKey) -> None:
    made = [make_key(ready=False) for _ in range(20)]
    assert len({key.prefix for key, _ in made}) == 20
    assert len({plain[-49:] for _, plain in made}) == 20


def test_repr_of_a_plain_key_hides_it(make_key: MakeKey) -> None:
    key, plain = make_key()
    assert plain[20:] not in repr(plain)
    assert plain[20:] not in repr({"key": plain})
    assert plain[20:] not in repr(key)
    assert f"{plain}" == plain


@pytest.mark.parametrize(
    "spoil", [str.upper, lambda k: k[:-1] + "g", lambda k: k + "0", lambda k: ""]
)
def test_key_with_a_typing_error_is_told_without_a_query(
    make_key: MakeKey, spoil: Callable[[str], str], django_assert_num_queries: Any
) -> None:
    _, plain = make_key()
    with django_assert_num_queries(0):
        assert keys.identify(spoil(str(plain))) == Refusal(Reason.UNKNOWN)


def test_right_key_is_found_with_one_query(
    make_key: MakeKey, django_assert_num_queries: Any
) -> None:
    key, plain = make_key()
    with django_assert_num_queries(1):
        found = find_key(plain)
        assert found is not None
        assert (found.pk, found.site_id) == (key.pk, key.site_id)


def test_wrong_secret_is_told_from_unknown_prefix_for_us_alone(make_key: MakeKey) -> None:
    key, plain = make_key()
    other = keys.with_checksum(f"{key.prefix}_{plain[20:62][::-1]}")
    made_up = keys.with_checksum(f"spool_{'x' * 12}_{plain[19:62]}")
    wrong = keys.with_checksum(f"{key.prefix}_{'A' * 43}")
    assert keys.identify(wrong) == Refusal(Reason.WRONG_SECRET, key.prefix)
    assert keys.identify(made_up) == Refusal(Reason.UNKNOWN)
    assert find_key(other) is None


def test_revoked_and_expired_keys_are_refused(make_key: MakeKey) -> None:
    revoked, plain_revoked = make_key()
    keys.revoke_key(revoked)
    expired, plain_expired = make_key(expires_at=timezone.now() - timedelta(seconds=1))
    assert keys.identify(plain_revoked) == Refusal(Reason.REVOKED, revoked.prefix)
    assert keys.identify(plain_expired) == Refusal(Reason.EXPIRED, expired.prefix)


def test_token_of_another_site_does_not_find_a_key(make_key: MakeKey) -> None:
    key, _ = make_key()
    found = keys.identify_by_id(key.pk, key.site_id)
    assert isinstance(found, Identity)
    assert found.key == key
    assert keys.identify_by_id(key.pk, uuid.uuid4()) == Refusal(Reason.BAD_TOKEN)


def test_give_secret_refuses_a_key_that_has_one(make_key: MakeKey) -> None:
    key, _ = make_key()
    with pytest.raises(ValueError, match="has its secret"):
        keys.give_secret(key)


def test_revoking_moves_the_site_to_a_new_epoch_once(make_key: MakeKey) -> None:
    key, _ = make_key()
    before = epoch(key)
    stale = SiteApiKey.objects.get(pk=key.pk)
    keys.revoke_key(key)
    first = key.revoked_at
    keys.revoke_key(stale)
    assert epoch(key) == before + 1
    assert stale.revoked_at == first
    assert trail(key) == ["created", "revoked"]


def test_saving_a_stale_instance_does_not_undo_a_revocation(make_key: MakeKey) -> None:
    key, plain = make_key()
    stale = SiteApiKey.objects.get(pk=key.pk)
    keys.revoke_key(key)
    stale.name = "renamed"
    stale.save()
    stale.refresh_from_db()
    assert (stale.name, stale.revoked_at) == ("renamed", key.revoked_at)
    stale.revoked_at = None
    stale.save(update_fields=["revoked_at"])
    assert find_key(plain) is None


@pytest.mark.parametrize("field", ["revoked_at", "expires_at", "site_id"])
def test_bulk_writes_of_a_keys_right_are_refused(make_key: MakeKey, field: str) -> None:
    key, _ = make_key()
    with pytest.raises(TypeError, match="cannot be changed in bulk"):
        SiteApiKey.objects.filter(pk=key.pk).update(**{field: None})
    with pytest.raises(TypeError, match="create_key"):
        SiteApiKey.objects.bulk_create([key])


def test_rotation_hands_on_and_ends_the_old_key_after_the_overlap(make_key: MakeKey) -> None:
    old, old_plain = make_key(name="web", note="in the vault")
    fresh, plain = keys.rotate_key(old, overlap=timedelta(hours=2))
    assert (fresh.site_id, fresh.name, fresh.note) == (old.site_id, "web", "in the vault")
    assert fresh.expires_at is None
    assert find_key(old_plain) is not None
    assert find_key(plain) is not None
    assert old.expires_at is not None
    assert timedelta(minutes=119) < old.expires_at - timezone.now() <= timedelta(hours=2)
    assert trail(old) == ["created", "expiry_changed", "rotated"]
    rotated = ApiKeyEvent.objects.get(key_id=old.pk, action="rotated")
    assert rotated.detail == {"successor": fresh.prefix}


def test_rotation_without_overlap_revokes_at_once(make_key: MakeKey) -> None:
    old, old_plain = make_key()
    keys.rotate_key(old, overlap=timedelta(0))
    assert find_key(old_plain) is None
    assert trail(old) == ["created", "revoked", "rotated"]


def test_rotation_never_prolongs_the_old_key_and_renews_its_length_of_life(
    make_key: MakeKey,
) -> None:
    soon = timezone.now() + timedelta(hours=1)
    old, _ = make_key(expires_at=soon)
    fresh, _ = keys.rotate_key(old, overlap=timedelta(days=7))
    old.refresh_from_db()
    assert old.expires_at == soon
    assert fresh.expires_at is not None
    assert timedelta(minutes=59) < fresh.expires_at - timezone.now() <= timedelta(hours=1)


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_rotation_does_not_revive_a_key_without_right(make_key: MakeKey, how: str) -> None:
    key, plain = make_key()
    if how == "revoked":
        keys.revoke_key(key)
    else:
        key.expires_at = timezone.now() - timedelta(seconds=1)
        key.save()
    with pytest.raises(ValueError, match="not active"):
        keys.rotate_key(key, overlap=timedelta(hours=1))
    assert find_key(plain) is None
    assert SiteApiKey.objects.filter(site=key.site_id).count() == 1


def test_key_whose_right_grows_is_mirrored_before_its_next_token(make_key: MakeKey) -> None:
    key, _ = make_key(expires_at=timezone.now() - timedelta(days=1))
    state, before = SiteDelivery.objects.get(pk=key.site_id), epoch(key)
    assert key.mirror_version <= state.acknowledged_version
    key.expires_at = timezone.now() + timedelta(days=1)
    key.save()
    assert key.mirror_version > state.acknowledged_version
    assert epoch(key) == before


def test_failing_change_of_a_key_leaves_nothing_half_done(
    make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, plain = make_key()
    before = epoch(key)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("no trail, no change")

    monkeypatch.setattr("spool_live.keys.trail.note_saved", fail)
    with pytest.raises(RuntimeError):
        keys.revoke_key(key)
    assert epoch(key) == before
    assert find_key(plain) is not None
