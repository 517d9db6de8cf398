"""The keys that tokens are verified with: the older shared secret, and the newer signing keys.

A hosted project verifies user tokens with its JWT secret (HS256) and with the public halves of its
signing keys, which are found by the ``kid`` of a token's header (RFC 7515, 4.1.4) and published as
a JWK Set (RFC 7517, 5).
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

_SHARED = ("HS256", "HS384", "HS512")
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "alg", "use", "kid")


@dataclass(frozen=True)
class TokenKeys:
    """The keys of a project. ``signing_key`` is a private JWK (JSON text), empty for none."""

    secret: str = field(repr=False)
    signing_key: str = field(repr=False, default="")

    def verifying(self, algorithm: object, key_id: object) -> Any | None:
        """Return the key for a token with this ``alg`` and ``kid``, or None if there is none."""
        if algorithm in _SHARED:
            return self.secret
        public = _public_key(self.signing_key) if self.signing_key else None
        if public is None or (algorithm, key_id) != (public.algorithm_name, public.key_id):
            return None
        return public.key

    @property
    def ids(self) -> frozenset[str]:
        """The ``kid`` of every key that has one; the shared secret has none."""
        return frozenset(key["kid"] for key in self.jwks["keys"] if "kid" in key)

    @property
    def jwks(self) -> dict[str, Any]:
        """The public JWK Set: it has no secret and no private member."""
        return {"keys": [_public_members(self.signing_key)] if self.signing_key else []}


def generate_signing_key() -> str:
    """Return a private ES256 key with a ``kid``, as ``supabase gen signing-key`` prints one."""
    private = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    return json.dumps({**private, "kid": str(uuid.uuid4()), "use": "sig", "alg": "ES256"})


@cache
def _public_key(signing_key: str) -> jwt.PyJWK:
    return jwt.PyJWK(_public_members(signing_key))


def _public_members(signing_key: str) -> dict[str, Any]:
    members = json.loads(signing_key)
    return {name: members[name] for name in _PUBLIC_MEMBERS if name in members}
