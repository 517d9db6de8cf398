"""The audit trails: who did what, when, and from where.

Every save and deletion of a key writes a line, in the transaction of the change. A block names who
acts: ``with acting(Origin.ADMIN, request.user): key.save()``; outside of any the origin is code.
``note_act`` records what operators do to the system as a whole.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from spool_live.models import ApiKeyEvent, OperatorEvent, SiteApiKey

Action = ApiKeyEvent.Action
Origin = ApiKeyEvent.Origin
Act = OperatorEvent.Action


@dataclass(frozen=True, slots=True)
class _Actor:
    origin: str = Origin.CODE
    id: str = ""
    name: str = ""


_actor: ContextVar[_Actor] = ContextVar("spool_live_actor", default=_Actor())  # noqa: B039 - frozen


@contextmanager
def acting(origin: ApiKeyEvent.Origin, user: Any = None, *, name: str = "") -> Iterator[None]:
    """Attribute what happens within the block to ``origin`` and ``user``.

    ``name`` is for a person without a user in Django, such as one at a command line.
    """
    known = user is not None and user.pk is not None
    actor = (
        _Actor(origin, str(user.pk), str(user.get_username())[:254])
        if known
        else _Actor(origin, name=name[:254])
    )
    previous = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(previous)


def current_actor() -> dict[str, str]:
    """Return ``{origin, actor_id, actor_name}`` of the block around the call, as trails keep
    them."""
    actor = _actor.get()
    return {"origin": actor.origin, "actor_id": actor.id, "actor_name": actor.name}


def note_saved(before: SiteApiKey | None, after: SiteApiKey, *, using: str) -> None:
    """Write a line for each of these that a save changed: creation, revocation, expiry.

    ``before`` is the key as it was stored, ``None`` for a new one.
    """
    if before is None:
        note(after, Action.CREATED, using=using, expires_at=after.expires_at)
        return
    if before.revoked_at is None and after.revoked_at is not None:
        note(after, Action.REVOKED, using=using)
    if before.expires_at != after.expires_at:
        change = {"from": before.expires_at, "to": after.expires_at}
        note(after, Action.EXPIRY_CHANGED, using=using, **change)


def note(key: SiteApiKey, action: ApiKeyEvent.Action, *, using: str, **detail: Any) -> None:
    """Write one line about ``key``. ``detail`` holds JSON values and datetimes, never secrets."""
    ApiKeyEvent.objects.using(using).create(
        action=action,
        **current_actor(),
        key_id=key.pk,
        prefix=key.prefix,
        key_name=key.name,
        site_id=key.site_id,
        detail=detail,
    )


def note_act(
    act: OperatorEvent.Action,
    subject: str,
    *,
    using: str,
    site_id: uuid.UUID | None = None,
    **detail: Any,
) -> None:
    """Write one line about an act that concerns the system or a whole site. ``subject`` is one
    sentence or name; ``detail`` holds JSON values and datetimes, never secrets."""
    OperatorEvent.objects.using(using).create(
        action=act, **current_actor(), site_id=site_id, subject=subject[:300], detail=detail
    )
