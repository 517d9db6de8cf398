"""Tokens: claims, algorithms, lives; and what is refused without an error."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.utils import timezone

from spool_live import tokens
from spool_live.conf import live_settings
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.models import Site, SiteApiKey

NOW = datetime(2030, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SECRET = "s" * 64
Live = Callable[..., None]


def a_key(**fields: Any) -> SiteApiKey:
    return SiteApiKey(site=Site(name="Ledger"), name="web", prefix="spool_test", **fields)


def pem(private: Any) -> str:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    text: str = private.private_bytes(*form, serialization.NoEncryption()).decode()
    return text


EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
PAIRS: dict[str, Any] = {"ES256": EC_KEY, "RS256": RSA_KEY}


@pytest.fixture
def hs256(live: Live) -> None:
    live(JWT_SIGNING_KEY=SECRET)


def claims_of(token: tokens.Token) -> dict[str, Any]:
    return jwt.decode(token.encoded, options={"verify_signature": False})


@pytest.mark.usefixtures("hs256")
def test_claims_are_exactly_those_of_the_contract() -> None:
    key = a_key()
    token = tokens.mint(key, now=NOW)
    claims = claims_of(token)
    uuid.UUID(claims.pop("jti"))
    assert claims == {
        "role": "authenticated",
        "aud": "authenticated",
        "iss": "spool-live",
        "sub": str(key.pk),
        "key_id": str(key.pk),
        "site_id": str(key.site_id),
        "iat": int(NOW.timestamp()) - 5,
        "exp": int(NOW.timestamp()) + 600,
    }
    assert token.expires_in == 600
    assert "kid" not in jwt.get_unverified_header(token.encoded)


@pytest.mark.usefixtures("hs256")
def test_repr_hides_the_token() -> None:
    token = tokens.mint(a_key())
    assert token.encoded not in repr(token)
    assert SECRET not in repr(tokens.signing_keys())


@pytest.mark.usefixtures("hs256")
def test_token_ends_with_its_key_if_that_is_sooner() -> None:
    token = tokens.mint(a_key(expires_at=NOW + timedelta(seconds=90)), now=NOW)
    assert claims_of(token)["exp"] == int(NOW.timestamp()) + 90
    later = tokens.mint(a_key(expires_at=NOW + timedelta(days=9)), now=NOW)
    assert claims_of(later)["exp"] == int(NOW.timestamp()) + 600


@pytest.mark.usefixtures("hs256")
def test_every_token_has_its_own_id() -> None:
    key = a_key()
    assert len({claims_of(tokens.mint(key, now=NOW))["jti"] for _ in range(10)}) == 10


@pytest.mark.usefixtures("hs256")
def test_own_token_names_site_and_key() -> None:
    key = a_key()
    assert tokens.verify(tokens.mint(key).encoded) == tokens.Claims(key.site_id, key.pk)


@pytest.mark.usefixtures("hs256")
def test_token_of_a_server_whose_clock_is_ahead_is_accepted() -> None:
    ahead = timezone.now() + timedelta(seconds=4)
    assert tokens.verify(tokens.mint(a_key(), now=ahead).encoded) is not None


@pytest.mark.usefixtures("hs256")
def test_expired_token_is_refused() -> None:
    long_ago = timezone.now() - timedelta(minutes=11)
    assert tokens.verify(tokens.mint(a_key(), now=long_ago).encoded) is None


def forged(claims: Any = None, *, key: Any = SECRET, algorithm: str = "HS256") -> str:
    base = {
        "aud": "authenticated",
        "iss": "spool-live",
        "sub": "x",
        "exp": 9_999_999_999,
        "site_id": str(uuid.uuid4()),
        "key_id": str(uuid.uuid4()),
    }
    return jwt.encode({**base, **(claims or {})}, key, algorithm=algorithm)


def segments(header: bytes, payload: bytes = b"{}") -> str:
    parts = (base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in (header, payload, b"s"))
    return ".".join(parts)


@pytest.mark.usefixtures("hs256")
@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="no JSON"),
        pytest.param("." * 40, id="dots"),
        pytest.param(forged(key="t" * 64), id="another secret"),
        pytest.param(forged(key=None, algorithm="none"), id="alg none"),
        pytest.param(forged(key=SECRET, algorithm="HS512"), id="another algorithm"),
        pytest.param(forged(key=RSA_KEY, algorithm="RS256"), id="algorithm confusion"),
        pytest.param(forged({"iss": "supabase"}), id="another issuer"),
        pytest.param(forged({"aud": "anon"}), id="another audience"),
        pytest.param(forged({"exp": 1}), id="expired"),
        pytest.param(forged({"site_id": "1; drop table"}), id="site no uuid"),
        pytest.param(forged({"site_id": None}), id="site null"),
        pytest.param(forged({"key_id": {"a": []}}), id="key an object"),
        pytest.param(forged({"key_id": "\x00"}), id="key a null character"),
        pytest.param(segments(b"[" * 9000), id="deep header"),
        pytest.param(segments(b'{"alg":"HS256","x":' + b"[" * 9000), id="deep value in the header"),
        pytest.param(segments(b'{"alg":[]}'), id="algorithm a list"),
        pytest.param(segments(b'{"alg":"HS256","n":' + b"1" * 5000 + b"}"), id="huge number"),
        pytest.param(segments(b"\xff\xfe"), id="no text"),
        pytest.param("ä.ö.ü", id="not ASCII"),
    ],
)
def test_anything_else_is_refused_without_an_error(encoded: str) -> None:
    assert tokens.verify(encoded) is None


@pytest.mark.usefixtures("hs256")
@pytest.mark.parametrize("claim", ["exp", "sub", "aud", "iss", "site_id", "key_id"])
def test_token_without_a_claim_of_the_contract_is_refused(claim: str) -> None:
    claims = jwt.decode(forged(), options={"verify_signature": False})
    assert tokens.verify(jwt.encode(claims, SECRET, algorithm="HS256")) is not None
    del claims[claim]
    assert tokens.verify(jwt.encode(claims, SECRET, algorithm="HS256")) is None


@pytest.mark.parametrize("algorithm", PAIRS)
@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_signing_keys_sign_with_their_kid_and_the_public_half_verifies(
    live: Live, algorithm: str, form: str
) -> None:
    private = PAIRS[algorithm]
    key_id = "1f9a-kid"
    if form == "pem":
        live(JWT_ALGORITHM=algorithm, JWT_SIGNING_KEY=pem(private), JWT_KEY_ID=key_id)
    else:
        jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(private, as_dict=True)
        live(JWT_ALGORITHM=algorithm, JWT_SIGNING_KEY=json.dumps({**jwk, "kid": key_id}))
    key = a_key()
    token = tokens.mint(key)
    header = jwt.get_unverified_header(token.encoded)
    assert (header["alg"], header["kid"]) == (algorithm, key_id)
    # As Supabase does it: with the public key alone, found by its kid.
    public = jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
    keyset = jwt.PyJWKSet.from_dict({"keys": [{**public, "kid": key_id, "alg": algorithm}]})
    claims = jwt.decode(
        token.encoded, keyset[key_id].key, algorithms=[algorithm], audience="authenticated"
    )
    assert claims["site_id"] == str(key.site_id)
    assert tokens.verify(token.encoded) == tokens.Claims(key.site_id, key.pk)


def test_other_key_pair_of_the_same_algorithm_is_refused(live: Live) -> None:
    live(JWT_ALGORITHM="ES256", JWT_SIGNING_KEY=pem(EC_KEY), JWT_KEY_ID="k")
    other = ec.generate_private_key(ec.SECP256R1())
    assert tokens.verify(forged(key=other, algorithm="ES256")) is None


def test_public_key_as_shared_secret_is_refused(live: Live) -> None:
    live(JWT_ALGORITHM="RS256", JWT_SIGNING_KEY=pem(RSA_KEY), JWT_KEY_ID="k")
    assert tokens.verify(forged(key="p" * 64)) is None


@pytest.mark.parametrize(
    ("algorithm", "signing_key"),
    [
        pytest.param("HS256", "", id="none"),
        pytest.param("HS256", "Tr0ub4dor&3", id="short secret"),
        pytest.param("HS256", pem(EC_KEY), id="PEM as secret"),
        pytest.param("ES256", SECRET, id="secret as PEM"),
        pytest.param("ES256", pem(RSA_KEY), id="RSA for ES256"),
        pytest.param("RS256", pem(EC_KEY), id="EC for RS256"),
        pytest.param("ES256", pem(ec.generate_private_key(ec.SECP384R1())), id="another curve"),
        pytest.param("RS256", pem(rsa.generate_private_key(65537, 1024)), id="short RSA key"),
        pytest.param("ES256", '{"kty": "EC"}', id="incomplete JWK"),
        pytest.param("ES256", "{", id="no JSON"),
        pytest.param(
            "RS256",
            json.dumps(
                jwt.get_algorithm_by_name("RS256").to_jwk(RSA_KEY.public_key(), as_dict=True)
            ),
            id="public half",
        ),
    ],
)
def test_signing_key_that_does_not_fit_is_named_and_not_shown(
    live: Live, algorithm: str, signing_key: str
) -> None:
    live(JWT_ALGORITHM=algorithm, JWT_SIGNING_KEY=signing_key)
    with pytest.raises(SpoolLiveConfigurationError, match="JWT_SIGNING_KEY") as caught:
        tokens.mint(a_key())
    assert not signing_key or signing_key not in str(caught.value)


def test_kid_that_contradicts_the_jwk_is_an_error(live: Live) -> None:
    jwk = jwt.get_algorithm_by_name("ES256").to_jwk(EC_KEY, as_dict=True)
    live(JWT_ALGORITHM="ES256", JWT_SIGNING_KEY=json.dumps({**jwk, "kid": "a"}), JWT_KEY_ID="b")
    with pytest.raises(SpoolLiveConfigurationError, match="JWT_KEY_ID"):
        tokens.signing_keys()


def test_default_life_of_a_token_is_ten_minutes_at_most(live: Live) -> None:
    assert live_settings().token_lifetime <= timedelta(minutes=10)
