"""Kinds of Supabase's API keys, distinguished by their form, without a request."""

from __future__ import annotations

from typing import Literal

import jwt


def role_of(key: str) -> Literal["anon", "service_role"] | None:
    """Return the role that ``key`` stands for: by its prefix, or by the claim of a legacy JWT key.

    ``None`` for anything else. The signature is not checked: this is for finding mix-ups.
    """
    if key.startswith("sb_publishable_"):
        return "anon"
    if key.startswith("sb_secret_"):
        return "service_role"
    try:
        role = jwt.decode(key, options={"verify_signature": False}).get("role")
    except jwt.PyJWTError:
        return None
    return role if role in ("anon", "service_role") else None
