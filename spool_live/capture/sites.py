"""Changes of sites and their API keys: each raises the site's version, which is then mirrored."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_save

from spool_live import outbox
from spool_live.keys import trail
from spool_live.models import Site, SiteApiKey

_STORED = "spool_live_stored_key"
_NEVER = datetime.max.replace(tzinfo=UTC)


def connect() -> None:
    """Connect the signals of sites and keys. Connecting twice is harmless."""
    for signal, receiver, sender in (
        (post_delete, site_removed, Site),
        (pre_save, key_about_to_change, SiteApiKey),
        (post_save, key_saved, SiteApiKey),
        (post_delete, key_removed, SiteApiKey),
    ):
        signal.connect(receiver, sender=sender, dispatch_uid=f"spool_live.{receiver.__name__}")


class SiteSave:
    """A save of a site. A new site is mirrored before its first update, a new name soon after."""

    needs_transaction = True

    def __init__(self, site: Model, using: str) -> None:
        self.site = site
        self.using = using

    def before(self) -> None:
        """Do nothing."""

    def after(self, *, created: bool) -> None:
        """Raise the version of the site, whose own row is written by now."""
        outbox.site_changed(self.site.pk, using=self.using)


def begin(
    instance: Model, using: str, raw: bool, update_fields: Collection[str] | None
) -> SiteSave:
    """Return the ``SiteSave`` that captures a save of a site, also for fixtures."""
    return SiteSave(instance, using)


def site_removed(instance: Site, using: str, **kwargs: Any) -> None:
    """Leave a tombstone for a deleted site: its waiting updates are dropped, it stays deleted."""
    outbox.site_deleted(instance.pk, using=using)
    if not instance.is_probe:
        trail.note_act(trail.Act.SITE_DELETED, str(instance.name), using=using, site_id=instance.pk)


def key_about_to_change(instance: SiteApiKey, using: str, **kwargs: Any) -> None:
    """Keep the stored key, to compare its right after the save. A revocation is final: saving an
    instance that was loaded before it does not undo it."""
    stored = None
    if not instance._state.adding:
        keys = SiteApiKey.objects.using(using).select_for_update()
        stored = keys.filter(pk=instance.pk).first()
    if stored is not None and stored.revoked_at is not None:
        instance.revoked_at = stored.revoked_at
    setattr(instance._state, _STORED, stored)


def key_saved(instance: SiteApiKey, created: bool, using: str, **kwargs: Any) -> None:
    """Start a new epoch of the site of a key that was revoked, expires earlier than before, or has
    moved to another site."""
    stored: SiteApiKey | None = instance._state.__dict__.pop(_STORED, None)
    lost = stored is not None and loses_right(stored, instance)
    version = outbox.site_changed(instance.site_id, using=using, right_lost=lost)
    moved = stored is not None and stored.site_id != instance.site_id
    if stored is not None and moved:
        outbox.site_changed(stored.site_id, using=using, right_lost=stored.is_active())
    if stored is None or moved or loses_right(instance, stored):
        # Supabase must know of the right before a token for it can be used.
        instance.mirror_version = version
        SiteApiKey.objects.using(using).filter(pk=instance.pk).update(mirror_version=version)
    trail.note_saved(stored, instance, using=using)


def key_removed(instance: SiteApiKey, using: str, **kwargs: Any) -> None:
    """Start a new epoch of the site of a deleted key that was active: it has lost its right."""
    outbox.site_changed(instance.site_id, using=using, right_lost=instance.is_active())
    trail.note(instance, trail.Action.DELETED, using=using)


def loses_right(before: SiteApiKey, after: SiteApiKey) -> bool:
    """Return whether ``after`` may do less, or less long, than ``before``."""
    revoked = before.revoked_at is None and after.revoked_at is not None
    return revoked or (after.expires_at or _NEVER) < (before.expires_at or _NEVER)
