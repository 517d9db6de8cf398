from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from spool_live.local.authorization import (
    RestTokenError,
    TokenError,
    TokenProblem,
    api_key_role,
    decode_token,
    rest_claims,
    token_for_api_key,
)
from spool_live.local.config import API_KEY_ISSUER, LocalSupabaseConfig
from spool_live.local.token_keys import TokenKeys

SECRET = "a shared secret that is long enough for the longest of the three HMACs"
KEYS = TokenKeys(SECRET)
NOW = 1_800_000_000.0


def sign(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def raw(*parts: object) -> str:
    encoded = (json.dumps(part).encode() if not isinstance(part, bytes) else part for part in parts)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in encoded)


@pytest.fixture
def config() -> LocalSupabaseConfig:
    return LocalSupabaseConfig.generate(Path("unused"))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_decode_returns_claims_whatever_they_are(algorithm: str) -> None:
    claims = {"role": 7, "exp": 1, "sub": 5, "aud": ["x"], "iat": "late"}
    assert decode_token(sign(claims, algorithm=algorithm), KEYS) == claims


@pytest.mark.parametrize(
    ("token", "problem", "parts"),
    [
        pytest.param("", TokenProblem.MALFORMED, 1, id="empty"),
        pytest.param("nonsense", TokenProblem.MALFORMED, 1, id="one part"),
        pytest.param("a.b.c.d", TokenProblem.MALFORMED, 4, id="four parts"),
        pytest.param("é.é.é", TokenProblem.MALFORMED, 3, id="not ascii"),
        pytest.param(raw(b"{", {}, b"x"), TokenProblem.MALFORMED, 3, id="header is no JSON"),
        pytest.param(raw([], {}, b"x"), TokenProblem.MALFORMED, 3, id="header is not an object"),
        pytest.param(
            raw({"alg": "none"}, {"role": "anon"}, b""),
            TokenProblem.UNSUPPORTED_ALGORITHM,
            3,
            id="alg none",
        ),
        pytest.param(
            raw({"alg": "RS256"}, {"role": "anon"}, b"x"),
            TokenProblem.UNSUPPORTED_ALGORITHM,
            3,
            id="alg RS256",
        ),
        pytest.param(
            sign({"role": "anon"}, secret="x" * 64), TokenProblem.BAD_SIGNATURE, 3, id="signature"
        ),
    ],
)
def test_decode_names_what_is_wrong(token: str, problem: TokenProblem, parts: int) -> None:
    with pytest.raises(TokenError) as caught:
        decode_token(token, KEYS)
    assert (caught.value.problem, caught.value.parts) == (problem, parts)


def test_decode_refuses_signed_payload_that_is_no_object() -> None:
    token = jwt.api_jws.encode(b"[1]", SECRET, algorithm="HS256")
    with pytest.raises(TokenError) as caught:
        decode_token(token, KEYS)
    assert caught.value.problem is TokenProblem.MALFORMED


def test_both_generations_of_api_keys_have_their_role(config: LocalSupabaseConfig) -> None:
    now = time.time()
    assert api_key_role(config, config.publishable_key, now) == "anon"
    assert api_key_role(config, config.secret_key, now) == "service_role"
    assert api_key_role(config, config.api_key_jwt("anon"), now) == "anon"
    assert api_key_role(config, config.api_key_jwt("service_role"), now) == "service_role"


def test_what_is_no_api_key_has_no_role(config: LocalSupabaseConfig) -> None:
    now = time.time()
    minted = sign({"role": "anon", "exp": now + 60}, config.jwt_secret)
    expired = sign({"role": "anon", "exp": now, "iss": API_KEY_ISSUER}, config.jwt_secret)
    powerful = sign({"role": "postgres", "exp": now + 60, "iss": API_KEY_ISSUER}, config.jwt_secret)
    for key in ("", "sb_publishable_unknown", "nonsense", minted, expired, powerful):
        assert api_key_role(config, key, now) is None
        assert token_for_api_key(config, key, now) is None


def test_opaque_key_becomes_a_jwt_of_its_role_and_a_legacy_key_stays(
    config: LocalSupabaseConfig,
) -> None:
    now = time.time()
    translated = token_for_api_key(config, config.secret_key, now)
    assert translated is not None
    assert decode_token(translated, config.token_keys)["role"] == "service_role"
    legacy = config.api_key_jwt("anon")
    assert token_for_api_key(config, legacy, now) == legacy


def test_rest_token_without_role_is_anon() -> None:
    assert rest_claims(sign({"site_id": "a"}), KEYS, NOW) == {"site_id": "a", "role": "anon"}


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"exp": int(NOW) - 30}, id="expired half a minute ago"),
        pytest.param({"nbf": NOW + 30}, id="valid in half a minute"),
        pytest.param({"iat": NOW + 30}, id="issued in half a minute"),
    ],
)
def test_rest_allows_half_a_minute_of_skew(claims: dict[str, Any]) -> None:
    assert rest_claims(sign(claims), KEYS, NOW)["role"] == "anon"


@pytest.mark.parametrize(
    ("token", "code", "message"),
    [
        pytest.param("", "PGRST301", "Empty JWT is sent in Authorization header", id="empty"),
        pytest.param("a.b", "PGRST301", "Expected 3 parts in JWT; got 2", id="two parts"),
        pytest.param("a.b.c", "PGRST301", "JWT cryptographic operation failed", id="undecodable"),
        pytest.param(
            sign({}, secret="x" * 64), "PGRST301", "No suitable key or wrong key type", id="secret"
        ),
        pytest.param(sign({"exp": NOW - 31}), "PGRST303", "JWT expired", id="expired"),
        pytest.param(sign({"nbf": NOW + 31}), "PGRST303", "JWT not yet valid", id="nbf"),
        pytest.param(sign({"iat": NOW + 31}), "PGRST303", "JWT issued at future", id="iat"),
        pytest.param(
            raw({"alg": "HS256"}, {}, b"x"), "PGRST301", "No suitable key or wrong key type", id="x"
        ),
    ],
)
def test_rest_refusals_have_postgrest_codes_and_texts(token: str, code: str, message: str) -> None:
    with pytest.raises(RestTokenError) as caught:
        rest_claims(token, KEYS, NOW)
    assert (caught.value.code, caught.value.message) == (code, message)


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_rest_times_must_be_numbers(name: str) -> None:
    token = jwt.api_jws.encode(json.dumps({name: "soon"}).encode(), SECRET, algorithm="HS256")
    with pytest.raises(RestTokenError, match=f"'{name}' claim must be a number"):
        rest_claims(token, KEYS, NOW)
