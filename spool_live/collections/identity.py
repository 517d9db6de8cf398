"""The id under which subscribers know an item."""

from __future__ import annotations

import uuid
from functools import cached_property
from hashlib import sha1

from django.db.models import Model

ITEM_NAMESPACE = uuid.UUID("b6f3c1de-6d0f-5c0b-9d56-0e5a3c0f7f10")
"""Namespace of the UUIDv5 (RFC 9562) that names an item whose primary key is not a UUID."""


class Identified:
    """The part of a ``LiveCollection`` that names its items."""

    model: type[Model]
    """The model whose items the collection reports; set by ``register``."""

    def item_id_of(self, item: Model) -> uuid.UUID:
        """Return the id under which subscribers know ``item``: its primary key where that is a
        UUID, or else a stable UUIDv5 (RFC 9562) of model label and primary key."""
        key = item.pk
        if not isinstance(key, uuid.UUID):
            key = self.model._meta.pk.to_python(key)  # it may have been given as text
        if isinstance(key, uuid.UUID):
            return key
        name = self._item_prefix + str(key).encode()
        return uuid.UUID(bytes=sha1(name, usedforsecurity=False).digest()[:16], version=5)

    @cached_property
    def _item_prefix(self) -> bytes:
        label = self.model._meta.concrete_model._meta.label_lower  # type: ignore[union-attr]
        return ITEM_NAMESPACE.bytes + f"{label}:".encode()
