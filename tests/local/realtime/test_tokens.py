from __future__ import annotations

from typing import Any

import jwt
import pytest

from spool_live.local.realtime.tokens import TokenRefusedError, verify_token
from spool_live.local.token_keys import TokenKeys, generate_signing_key

SECRET = "a secret that is long enough for HS512, which wants sixty-four bytes"
KEYS = TokenKeys(SECRET, generate_signing_key())
NOW = 1_800_000_000.5


def token(algorithm: str = "HS256", secret: str = SECRET, **claims: Any) -> str:
    content = {"role": "authenticated", "exp": 1_800_000_060} | claims
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(content, secret, algorithm=algorithm)


def refusal(text: str) -> TokenRefusedError:
    with pytest.raises(TokenRefusedError) as caught:
        verify_token(text, KEYS, NOW)
    return caught.value


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_valid_token_tells_who_it_is(algorithm: str) -> None:
    identity = verify_token(token(algorithm, site="s1"), KEYS, NOW)
    assert (identity.role, identity.expires_at) == ("authenticated", 1_800_000_060)
    assert identity.claims["site"] == "s1"


def test_claims_in_another_order_are_the_same_identity() -> None:
    first = verify_token(token(a=1, b=[2]), KEYS, NOW)
    second = verify_token(token(b=[2], a=1), KEYS, NOW)
    assert first.canonical_claims == second.canonical_claims


def test_whitespace_in_a_token_does_not_matter() -> None:
    assert verify_token(f" {token()}\n", KEYS, NOW).role == "authenticated"


def test_fractional_expiry_is_rounded() -> None:
    assert verify_token(token(exp=1_800_000_059.7), KEYS, NOW).expires_at == 1_800_000_060


@pytest.mark.parametrize(("exp", "ago"), [(1_800_000_000, 0), (1_799_999_995, 5)])
def test_expired_token(exp: int, ago: int) -> None:
    refused = refusal(token(exp=exp))
    assert refused.join_reason == f"InvalidJWTToken: Token has expired {ago} seconds ago"
    assert refused.at_handshake == "Token has expired"
    assert refused.at_refresh == f"Token has expired {ago} seconds ago"


@pytest.mark.parametrize("claims", [{"role": None}, {"exp": None}, {"exp": True}, {"role": 7}])
def test_token_without_role_or_expiry(claims: dict[str, Any]) -> None:
    refused = refusal(token(**claims))
    assert refused.join_reason == "InvalidJWTToken: Fields `role` and `exp` are required in JWT"
    assert refused.at_refresh == "Fields `role` and `exp` are required in JWT"


@pytest.mark.parametrize("text", ["", "garbage", "a.b.c", "sb_publishable_x"])
def test_what_is_no_token(text: str) -> None:
    refused = refusal(text)
    assert refused.join_reason == "MalformedJWT: The token provided is not a valid JWT"
    assert refused.at_handshake == "The token provided is not a valid JWT"


def test_issue_time_must_be_a_number() -> None:
    assert refusal(token(iat="now")).join_reason.startswith("MalformedJWT")


def test_signature_of_another_secret() -> None:
    refused = refusal(token(secret="another secret that is long enough too"))
    assert refused.join_reason == "JwtSignatureError: Failed to validate JWT signature"
    assert refused.at_refresh == ":signature_error"


def test_algorithm_for_which_there_is_no_key() -> None:
    unsigned = jwt.encode({"role": "anon"}, "", algorithm="none", headers={"kid": "k1"})
    assert refusal(unsigned).join_reason == (
        'JwtSignerError: Failed to generate JWT signer for key ID (kid) "k1",'
        " check your JWT secret or JWKS configuration"
    )
