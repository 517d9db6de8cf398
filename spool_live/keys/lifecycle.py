"""Creating, rotating and revoking an API key."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import router, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from spool_live.keys import trail
from spool_live.keys.secrets import PlainKey, give_secret
from spool_live.models import Site, SiteApiKey


@sensitive_variables()
def create_key(
    site: Site,
    *,
    name: str,
    note: str = "",
    expires_at: datetime | None = None,
    created_by: Any = None,
    using: str | None = None,
) -> tuple[SiteApiKey, PlainKey]:
    """Return a new key of ``site`` and its text, which cannot be seen again later.

    ``created_by`` is a user, or ``None`` where code created the key.
    """
    key = SiteApiKey(site=site, name=name, note=note, expires_at=expires_at)
    key.created_by_id = None if created_by is None else created_by.pk
    plain = give_secret(key)
    key.save(using=using or router.db_for_write(SiteApiKey, instance=site))
    return key, plain


@sensitive_variables()
def rotate_key(
    old: SiteApiKey, *, overlap: timedelta, created_by: Any = None, using: str | None = None
) -> tuple[SiteApiKey, PlainKey]:
    """Return a successor of ``old``, and its text.

    The successor has the name, the note and the lifetime of ``old``. ``old`` expires after
    ``overlap``, or earlier if it was to expire earlier; an ``overlap`` of zero revokes it at once.
    Raises ``ValueError`` where ``old`` is revoked or expired.
    """
    alias = using or router.db_for_write(SiteApiKey, instance=old)
    with transaction.atomic(using=alias):
        held = _locked(old, alias)
        now = timezone.now()
        if not held.is_active(now):
            raise ValueError(f"the key {held.prefix} is not active: make a new one")
        life = held.expires_at and held.expires_at - held.created_at
        fresh, plain = create_key(
            held.site,
            name=held.name,
            note=held.note,
            expires_at=now + life if life else None,
            created_by=created_by,
            using=alias,
        )
        ends = now + overlap
        if overlap <= timedelta(0):
            revoke_key(held, using=alias)
        elif held.expires_at is None or ends < held.expires_at:
            held.expires_at = ends
            held.save(using=alias, update_fields=["expires_at"])
        trail.note(held, trail.Action.ROTATED, using=alias, successor=fresh.prefix)
    old.expires_at, old.revoked_at = held.expires_at, held.revoked_at
    return fresh, plain


def revoke_key(key: SiteApiKey, *, using: str | None = None) -> None:
    """Revoke ``key`` permanently, which gives its site a new epoch."""
    alias = using or router.db_for_write(SiteApiKey, instance=key)
    with transaction.atomic(using=alias):
        held = _locked(key, alias)
        if held.revoked_at is None:
            held.revoked_at = timezone.now()
            held.save(using=alias, update_fields=["revoked_at"])
    key.revoked_at = held.revoked_at


def _locked(key: SiteApiKey, alias: str) -> SiteApiKey:
    return SiteApiKey.objects.using(alias).select_for_update().get(pk=key.pk)
