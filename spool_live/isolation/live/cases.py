"""The subscribers of ``verify_live``: what each subscribes to, and what it may receive."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import jwt
from django.utils import timezone

from spool_live import tokens
from spool_live.conf import live_settings
from spool_live.isolation.live.sites import ProbeSite


@dataclass(frozen=True)
class Case:
    """One subscriber.

    It joins the private ``topic``, or subscribes to the table with ``binding``. ``token`` is
    ``None`` if it has only the publishable key. ``own`` is the site whose updates it must receive,
    or ``None`` if it may receive nothing.
    """

    name: str
    token: str | None = field(repr=False)
    own: ProbeSite | None
    topic: str | None = None
    binding: dict[str, str] = field(default_factory=dict)


def leaving_cases(one: ProbeSite, token: dict[str, Any]) -> Iterator[Case]:
    """Yield the subscribers whose key is revoked while they are joined.

    ``token`` is the answer of ``POST token/`` for that key.
    """
    topic = token["realtime"]["broadcast"]["topic"]
    if live_settings().realtime_mode == "broadcast":
        yield Case("key revoked while joined, own topic", token["token"], None, topic)
    yield Case("key revoked while joined, own rows", token["token"], None, binding=_rows_of(one))


def cases(
    one: ProbeSite,
    other: ProbeSite,
    token: dict[str, Any],
    others_token: dict[str, Any],
    revoked: str,
) -> Iterator[Case]:
    """Yield the subscribers that join after the revocation.

    ``token`` and ``others_token`` are answers of ``POST token/`` for a key of each site,
    ``revoked`` is an encoded token whose key is revoked.
    """
    topics = [t["realtime"]["broadcast"]["topic"] for t in (token, others_token)]
    for probe, answer, topic in ((one, token, topics[0]), (other, others_token, topics[1])):
        which = "A" if probe is one else "B"
        if live_settings().realtime_mode == "broadcast":
            yield Case(f"{which}: own topic", answer["token"], probe, topic)
        yield Case(f"{which}: own rows", answer["token"], probe, binding=_rows_of(probe))
        yield Case(f"{which}: rows without a filter", answer["token"], probe, binding={})
    yield Case("A: rows without a filter, any event", token["token"], one, binding={"event": "*"})
    yield Case("A: rows of the other site", token["token"], None, binding=_rows_of(other))
    yield Case("A: the other site's topic", token["token"], None, topics[1])
    yield Case("A: own topic of an old epoch", token["token"], None, _old(topics[0]))
    for name, bad in _bad_tokens(one, revoked):
        yield Case(f"{name}: A's topic", bad, None, topics[0])
        yield Case(f"{name}: A's rows", bad, None, binding=_rows_of(one))
        yield Case(f"{name}: rows without a filter", bad, None, binding={})


def _bad_tokens(one: ProbeSite, revoked: str) -> Iterator[tuple[str, str | None]]:
    key = one.keys["own"]
    yield "publishable key alone", None
    yield "token of a revoked key", revoked
    expired = tokens.mint(key, now=timezone.now() - timedelta(days=1))
    yield "expired token", expired.encoded
    claims = jwt.decode(tokens.mint(key).encoded, options={"verify_signature": False})
    yield "forged token", jwt.encode(claims, secrets.token_urlsafe(64), algorithm="HS256")
    yield "token of the role anon", _signed({**claims, "role": "anon"})
    without_key = {name: value for name, value in claims.items() if name != "key_id"}
    yield "token without a key", _signed(without_key)


def _signed(claims: dict[str, Any]) -> str:
    keys = tokens.signing_keys()
    headers = {"kid": keys.key_id} if keys.key_id else None
    algorithm = live_settings().jwt_algorithm
    return jwt.encode(claims, keys.signing, algorithm=algorithm, headers=headers)


def _rows_of(probe: ProbeSite) -> dict[str, str]:
    return {"filter": f"site_id=eq.{probe.site_id}"}


def _old(topic: str) -> str:
    site, _, epoch = topic.rpartition(":")
    return f"{site}:{int(epoch) - 1}"
