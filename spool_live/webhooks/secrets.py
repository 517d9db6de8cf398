"""The secrets of an endpoint. Each is shown once; during a rotation several are active."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from spool_live.models import WebhookEndpoint, WebhookSecret
from spool_live.webhooks.encryption import UnreadableSecretError, decrypt, encrypt
from spool_live.webhooks.signing import PlainSecret, new_hmac_secret, new_key_pair

Scheme = WebhookSecret.Scheme


@sensitive_variables()
def add_secret(
    endpoint: WebhookEndpoint, scheme: WebhookSecret.Scheme = Scheme.HMAC, *, using: str
) -> PlainSecret:
    """Give ``endpoint`` a new secret; return what its receiver needs.

    For the scheme ``v1`` that is the secret itself, which is shown only now; for ``v1a`` it is the
    public key, which is not secret.
    """
    shown = plain = new_hmac_secret() if scheme == Scheme.HMAC else PlainSecret("")
    public = ""
    if scheme == Scheme.ED25519:
        plain, public = new_key_pair()
        shown = PlainSecret(public)
    WebhookSecret.objects.using(using).create(
        endpoint=endpoint,
        scheme=scheme,
        encrypted=encrypt(plain, endpoint_id=endpoint.pk, site_id=endpoint.site_id),
        public_key=public,
    )
    return shown


@sensitive_variables()
def rotate(
    endpoint: WebhookEndpoint,
    *,
    overlap: timedelta,
    scheme: WebhookSecret.Scheme = Scheme.HMAC,
    using: str,
) -> PlainSecret:
    """Give ``endpoint`` a new secret; return what its receiver needs, as ``add_secret`` does.

    The earlier secrets of this scheme go on signing for ``overlap``.
    """
    with transaction.atomic(using=using):
        now = timezone.now()
        former = active(using, now).filter(endpoint=endpoint, scheme=scheme)
        ends = now + overlap
        former.filter(Q(expires_at=None) | Q(expires_at__gt=ends)).update(expires_at=ends)
        return add_secret(endpoint, scheme, using=using)


def active(using: str, now: datetime) -> QuerySet[WebhookSecret]:
    """Return the secrets on ``using`` that sign messages at ``now``, the newest last."""
    secrets = WebhookSecret.objects.using(using).order_by("created_at", "pk")
    return secrets.filter(Q(expires_at=None) | Q(expires_at__gt=now))


@sensitive_variables()
def opened(secrets: Iterable[WebhookSecret], site_id: uuid.UUID) -> list[str]:
    """Return the texts of ``secrets``. Raises ``UnreadableSecretError``."""
    return [
        decrypt(secret.encrypted, endpoint_id=secret.endpoint_id, site_id=site_id)
        for secret in secrets
    ]


@sensitive_variables()
def reencrypt(using: str) -> tuple[int, list[uuid.UUID]]:
    """Encrypt every secret again, with the current ``SECRET_KEY``.

    Returns how many secrets, and the ids of the endpoints with secrets that cannot be read.
    """
    done, unreadable = 0, []
    for secret in WebhookSecret.objects.using(using).select_related("endpoint"):
        bound = {"endpoint_id": secret.endpoint_id, "site_id": secret.endpoint.site_id}
        try:
            plain = decrypt(secret.encrypted, **bound)
        except UnreadableSecretError:
            unreadable.append(secret.endpoint_id)
            continue
        same = WebhookSecret.objects.using(using).filter(pk=secret.pk, encrypted=secret.encrypted)
        done += same.update(encrypted=encrypt(plain, **bound))
    return done, unreadable
