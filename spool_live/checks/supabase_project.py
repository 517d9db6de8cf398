"""Checks of the Supabase project's address and keys: values copied from the wrong place."""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import jwt
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from spool_live.conf import LiveSettings

HOSTED = ".supabase.co"
SERVICES = ("/rest/v1", "/realtime/v1", "/auth/v1", "/storage/v1", "/functions/v1")
KEYS = ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY")
_ADDRESS = 'It is "https://<project>.supabase.co", or where your own gateway answers.'
_KEYS_PAGE = "Copy it again from the project's API keys (Settings, API Keys)."


def project_address_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    """Yield what is wrong with ``SUPABASE_URL``, as far as the text shows it."""
    url = settings.supabase_url
    if not url:
        return
    if problem := _misplaced(url):
        yield Error(f'SPOOL_LIVE["SUPABASE_URL"] {problem}.', hint=_ADDRESS, id="spool_live.E023")
    elif urlsplit(url).scheme == "http" and _is_far_away(urlsplit(url).hostname or ""):
        yield Warning(
            'SPOOL_LIVE["SUPABASE_URL"] begins with http://: the secret key crosses the network '
            "unencrypted.",
            hint="Use https://.",
            id="spool_live.W018",
        )


def project_key_messages(settings: LiveSettings) -> Iterator[CheckMessage]:
    """Yield what is wrong with the API keys, of either generation, publishable and secret."""
    for name in KEYS:
        key = getattr(settings, name.lower())
        if not key or (key.startswith(("sb_publishable_", "sb_secret_")) and key == key.strip()):
            continue
        claims = _claims(key)
        if claims is None or key != key.strip():
            yield Warning(
                f'SPOOL_LIVE["{name}"] does not look like an API key of Supabase, which begins '
                "with sb_publishable_, sb_secret_ or eyJ.",
                hint=f"{_KEYS_PAGE} Without quotes and spaces around it; the JWT secret is "
                "another thing, and goes into JWT_SIGNING_KEY.",
                id="spool_live.W019",
            )
            continue
        project, owner = _project(settings.supabase_url), claims.get("ref")
        if project and owner and project != owner:
            yield Error(
                f'SPOOL_LIVE["{name}"] is a key of the project {owner}, but SUPABASE_URL is that '
                f"of {project}.",
                hint=_KEYS_PAGE,
                id="spool_live.E024",
            )
        expires = claims.get("exp")
        if isinstance(expires, (int, float)) and expires < time.time():
            yield Error(
                f'SPOOL_LIVE["{name}"] has expired.',
                hint=f"{_KEYS_PAGE} Or check this machine's clock.",
                id="spool_live.E025",
            )


def _misplaced(url: str) -> str:
    """Return what is wrong with ``url``, as the end of a sentence about the setting, or ""."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "is not an address"
    if url != url.strip():
        return "has spaces around it"
    if parts.scheme not in {"http", "https"} or not host:
        return "is not an address: it begins with https://"
    return _elsewhere(parts, host)


def _elsewhere(parts: SplitResult, host: str) -> str:
    if host in {"supabase.com", "app.supabase.com", "www.supabase.com"}:
        return "is the address of the dashboard, not of the project's API"
    if (host.startswith("db.") and host.endswith(HOSTED)) or host.endswith(".pooler.supabase.com"):
        return "is the address of the database, not of the project's API"
    for service in SERVICES:
        if parts.path.rstrip("/").endswith(service):
            return f"ends with {service}, which the clients append themselves"
    if parts.query or parts.fragment:
        return "has something after a ? or a #"
    return ""


def _is_far_away(host: str) -> bool:
    """Return whether requests to ``host`` leave the private network, as far as the name shows."""
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal"))


def _project(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return host.removesuffix(HOSTED) if host.endswith(HOSTED) else ""


def _claims(key: str) -> dict[str, object] | None:
    try:
        claims: dict[str, object] = jwt.decode(key, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None
    return claims
