"""Signatures as the specification has them, both ways with the reference library."""

from __future__ import annotations

import base64
import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from spool_live import webhooks
from spool_live.client import WebhookReceiver
from spool_live.delivery import deliver_and_mirror
from spool_live.models import Site, WebhookAttempt, WebhookEndpoint, WebhookSecret
from spool_live.webhooks import secrets, signing
from spool_live.webhooks.encryption import UnreadableSecretError, decrypt, encrypt
from spool_live.webhooks.health import Health, health_of
from tests.outbox.conftest import waiting
from tests.webhooks.receiving import Inbox

Scheme = WebhookSecret.Scheme


def test_published_vector_of_the_specification() -> None:
    headers = signing.sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        '{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_public_key_is_that_of_rfc_8032() -> None:
    private = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    written = signing.public_key(bytes.fromhex(private))
    assert base64.b64decode(written.removeprefix("whpk_")).hex() == public


@given(st.text(max_size=200), st.integers(0, 2**40))
def test_reference_library_verifies_whatever_is_sent(title: str, seq: int) -> None:
    body = json.dumps({"event": "content.updated", "title": title, "seq": seq})
    secret = signing.new_hmac_secret()
    headers = signing.sign([secret], str(uuid.uuid4()), timezone.now(), body)
    assert Webhook(secret).verify(body.encode(), headers) == json.loads(body)


def test_moment_of_another_timezone_is_the_same_moment() -> None:
    from zoneinfo import ZoneInfo

    secret, now = signing.new_hmac_secret(), timezone.now()
    abroad = now.astimezone(ZoneInfo("Asia/Kathmandu"))
    one, two = (signing.sign([secret], "id", moment, "{}") for moment in (now, abroad))
    assert one == two


def verify_with_public_key(public: str, headers: dict[str, str], body: bytes) -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    [signature] = [
        s.removeprefix("v1a,") for s in headers["webhook-signature"].split() if s.startswith("v1a,")
    ]
    key.verify(base64.b64decode(signature), signed)


class TestSent:
    pytestmark = pytest.mark.django_db(databases="__all__")

    def send(self, site: Site) -> None:
        waiting(site)
        deliver_and_mirror("default")
        webhooks.send_pending("default")

    def test_public_key_is_all_that_a_receiver_needs(self, site: Site, inbox: Inbox) -> None:
        _, public = webhooks.create_endpoint(site, inbox.url, scheme=Scheme.ED25519)
        inbox.answers = [500]
        self.send(site)
        [(headers, body)] = inbox.requests
        verify_with_public_key(public, headers, body)
        with pytest.raises(InvalidSignature):
            verify_with_public_key(public, headers, body + b" ")

    def test_both_schemes_at_once_are_verified_by_both_kinds_of_receiver(
        self, site: Site, endpoint: WebhookEndpoint, inbox: Inbox
    ) -> None:
        public = secrets.add_secret(endpoint, Scheme.ED25519, using="default")
        self.send(site)
        assert inbox.seqs == [1]
        verify_with_public_key(public, *inbox.requests[0])

    def test_expired_secret_signs_no_more(
        self, site: Site, endpoint: WebhookEndpoint, inbox: Inbox
    ) -> None:
        secrets.rotate(endpoint, overlap=timedelta(hours=1), using="default")
        first = endpoint.secrets.order_by("created_at").first()
        assert first is not None
        WebhookSecret.objects.filter(pk=first.pk).update(expires_at=timezone.now())
        inbox.answers = [500]
        self.send(site)
        [(headers, body)] = inbox.requests
        with pytest.raises(Exception, match="refused"):
            WebhookReceiver(str(inbox.secret)).receive(body, headers)

    def test_two_rotations_in_a_row_keep_three_receivers_going(
        self, site: Site, endpoint: WebhookEndpoint, inbox: Inbox
    ) -> None:
        hour = timedelta(hours=1)
        second = secrets.rotate(endpoint, overlap=hour, using="default")
        third = secrets.rotate(endpoint, overlap=hour, using="default")
        given = [inbox.secret, second, third]
        self.send(site)
        headers, body = inbox.requests[0]
        for secret in given:
            assert WebhookReceiver(str(secret)).receive(body, headers) is not None

    def test_secret_that_cannot_be_read_makes_the_endpoint_failing(
        self, site: Site, endpoint: WebhookEndpoint, inbox: Inbox, settings: Any, clock: Any
    ) -> None:
        former, settings.SECRET_KEY = settings.SECRET_KEY, "another one"
        self.send(site)
        assert inbox.requests == []
        clock.advance(minutes=2)
        found = health_of([endpoint], using="default")[endpoint]
        assert found.state is Health.FAILING
        assert "SECRET_KEY_FALLBACKS" in found.words
        settings.SECRET_KEY_FALLBACKS = [former]
        webhooks.send_pending("default")
        assert inbox.seqs == [1], "nothing was lost meanwhile"

    def test_one_endpoint_that_cannot_sign_holds_up_no_other(
        self, site: Site, endpoint: WebhookEndpoint, inbox: Inbox
    ) -> None:
        other, _ = webhooks.create_endpoint(site, inbox.url)
        WebhookSecret.objects.filter(endpoint=other).update(encrypted="1.AAAA")
        self.send(site)
        assert inbox.seqs == [1]

    def test_secrets_are_nowhere_in_clear(
        self, site: Site, endpoint: WebhookEndpoint, inbox: Inbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        inbox.answers = [500]
        self.send(site)
        stored = [*WebhookSecret.objects.values(), *WebhookAttempt.objects.values()]
        secret = str(inbox.secret)
        for text in (str(stored), caplog.text, repr(signing.PlainSecret(secret))):
            assert secret.removeprefix("whsec_") not in text
        assert "v1," not in str(stored), "nor a signature, which is as good for some minutes"


class TestAtRest:
    ids = {"endpoint_id": uuid.uuid4(), "site_id": uuid.uuid4()}

    def test_what_was_encrypted_is_read(self) -> None:
        assert decrypt(encrypt("whsec_x", **self.ids), **self.ids) == "whsec_x"

    def test_same_secret_is_never_written_alike(self) -> None:
        assert encrypt("whsec_x", **self.ids) != encrypt("whsec_x", **self.ids)

    @pytest.mark.parametrize("name", ["endpoint_id", "site_id"])
    def test_in_another_row_it_cannot_be_read(self, name: str) -> None:
        with pytest.raises(UnreadableSecretError):
            decrypt(encrypt("whsec_x", **self.ids), **{**self.ids, name: uuid.uuid4()})

    @pytest.mark.parametrize(
        "broken", ["", "1.", "1.AAAA", "2.AAAA", "1.!", "whsec_x", "1." + "A" * 64]
    )
    def test_nonsense_is_said_to_be_so(self, broken: str) -> None:
        with pytest.raises(UnreadableSecretError, match="SECRET_KEY"):
            decrypt(broken, **self.ids)

    def test_every_changed_byte_is_noticed(self) -> None:
        sealed = encrypt("whsec_x", **self.ids)
        raw = bytearray(base64.b64decode(sealed[2:]))
        for place in range(len(raw)):
            changed = bytes(b ^ (i == place) for i, b in enumerate(raw))
            with pytest.raises(UnreadableSecretError):
                decrypt("1." + base64.b64encode(changed).decode(), **self.ids)

    @pytest.mark.django_db
    def test_reencrypt_makes_the_former_key_unnecessary(
        self, settings: Any, site: Site, inbox: Inbox
    ) -> None:
        endpoint, _ = webhooks.create_endpoint(site, inbox.url)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "the key of today"
        assert secrets.reencrypt("default") == (1, [])
        settings.SECRET_KEY_FALLBACKS = []
        assert secrets.opened(endpoint.secrets.all(), site.pk)
        settings.SECRET_KEY = "one that nobody has seen"
        assert secrets.reencrypt("default") == (0, [endpoint.pk])

    def test_form_of_a_secret_is_that_of_the_specification(self) -> None:
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", signing.new_hmac_secret())
