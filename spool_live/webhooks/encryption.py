"""Encryption of the stored secrets of webhooks: each is bound to its endpoint and site.

Secrets encrypted with a key of ``SECRET_KEY_FALLBACKS`` can be read; ``secrets.reencrypt`` encrypts
them with ``SECRET_KEY``.
"""

from __future__ import annotations

import uuid

from django.views.decorators.debug import sensitive_variables

from spool_live.exceptions import SpoolLiveError
from spool_live.sealing import seal, unseal

_LABEL = "spool_live: webhook secrets, version 1"


class UnreadableSecretError(SpoolLiveError):
    """A stored secret cannot be decrypted. The message says why, and what to do."""


@sensitive_variables()
def encrypt(plain: str, *, endpoint_id: uuid.UUID, site_id: uuid.UUID) -> str:
    """Return ``plain``, encrypted for the row of this endpoint."""
    return seal(plain, label=_LABEL, place=_place(endpoint_id, site_id))


@sensitive_variables()
def decrypt(encrypted: str, *, endpoint_id: uuid.UUID, site_id: uuid.UUID) -> str:
    """Return the text that ``encrypt`` encrypted. Raises ``UnreadableSecretError``."""
    plain = unseal(encrypted, label=_LABEL, place=_place(endpoint_id, site_id))
    if plain is None:
        raise UnreadableSecretError(
            "The secret cannot be decrypted: SECRET_KEY was changed, or the row was. Put the "
            "former key into SECRET_KEY_FALLBACKS and run manage.py live_webhook reencrypt, or "
            "make a new secret with manage.py live_webhook rotate."
        )
    return plain


def _place(endpoint_id: uuid.UUID, site_id: uuid.UUID) -> str:
    return f"endpoint {endpoint_id} of site {site_id}"
