from __future__ import annotations

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from spool_live.local.authorization import TokenError, TokenProblem, decode_token
from spool_live.local.token_keys import TokenKeys, generate_signing_key

SECRET = "a shared secret of more than thirty-two bytes"
CLAIMS = {"role": "authenticated", "exp": 1_800_000_060}


def rsa_signing_key() -> str:
    private = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048), as_dict=True)
    return json.dumps({**private, "kid": "of-rsa", "alg": "RS256"})


def signed(signing_key: str, algorithm: str, key_id: str | None) -> str:
    headers = {"kid": key_id} if key_id else None
    return jwt.encode(CLAIMS, jwt.PyJWK.from_json(signing_key).key, algorithm, headers)


@pytest.mark.parametrize(
    ("signing_key", "algorithm"),
    [
        pytest.param(generate_signing_key(), "ES256", id="ES256"),
        pytest.param(rsa_signing_key(), "RS256", id="RS256"),
    ],
)
def test_signing_key_is_found_by_its_kid_only(signing_key: str, algorithm: str) -> None:
    keys = TokenKeys(SECRET, signing_key)
    key_id = json.loads(signing_key)["kid"]
    assert decode_token(signed(signing_key, algorithm, key_id), keys) == CLAIMS
    for wrong in (None, "another"):
        with pytest.raises(TokenError) as caught:
            decode_token(signed(signing_key, algorithm, wrong), keys)
        assert caught.value.problem is TokenProblem.UNSUPPORTED_ALGORITHM


def test_another_key_with_the_same_kid_is_a_bad_signature() -> None:
    ours, theirs = generate_signing_key(), generate_signing_key()
    forged = signed(theirs, "ES256", json.loads(ours)["kid"])
    with pytest.raises(TokenError) as caught:
        decode_token(forged, TokenKeys(SECRET, ours))
    assert caught.value.problem is TokenProblem.BAD_SIGNATURE


def test_public_key_is_no_shared_secret() -> None:
    """The classic confusion: HS256 with the published key as its secret."""
    keys = TokenKeys(SECRET, generate_signing_key())
    public = keys.jwks["keys"][0]
    forged = jwt.encode(CLAIMS, public["x"] + public["y"], "HS256", {"kid": public["kid"]})
    with pytest.raises(TokenError) as caught:
        decode_token(forged, keys)
    assert caught.value.problem is TokenProblem.BAD_SIGNATURE


@pytest.mark.parametrize("signing_key", [generate_signing_key(), rsa_signing_key()])
def test_jwk_set_holds_nothing_private(signing_key: str) -> None:
    keys = TokenKeys(SECRET, signing_key)
    (public,) = keys.jwks["keys"]
    assert public["kid"] == json.loads(signing_key)["kid"]
    assert set(public) <= {"kty", "crv", "x", "y", "n", "e", "alg", "use", "kid"}
    assert signing_key not in repr(keys)
    assert SECRET not in repr(keys)


def test_without_a_signing_key_only_the_secret_counts() -> None:
    keys = TokenKeys(SECRET)
    assert keys.jwks == {"keys": []}
    assert decode_token(jwt.encode(CLAIMS, SECRET, "HS256"), keys) == CLAIMS
    assert keys.verifying("ES256", "any") is None
