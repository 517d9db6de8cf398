"""Every shape of claims that a policy may meet, and which site each may read.

PostgREST and Realtime put the claims of a token into the setting ``request.jwt.claims``. The matrix
also has the values that the setting has before and after a request. Nothing here asks a database.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CLAIMS = "request.jwt.claims"
_FUTURE = 4102444800
_INJECTIONS = (
    "' or '1'='1",
    "'; drop table public.live_updates; --",
    "$$; select spool_live.authorized_site_id(); $$",
    '"; reset role; --',
    "%",
    "*",
    "null",
    "\\",
    "${site_id}",
    "00000000-0000-0000-0000-000000000000' union select site_id from public.live_updates --",
)
_LONG = "x" * 10_240
_DEEP = 20_000


@dataclass(frozen=True, slots=True)
class ProbeIds:
    """The ids in the claims: two sites with their keys, and a deleted site with its key."""

    site_a: str = field(default_factory=lambda: str(uuid.uuid4()))
    site_b: str = field(default_factory=lambda: str(uuid.uuid4()))
    site_deleted: str = field(default_factory=lambda: str(uuid.uuid4()))
    key_a: str = field(default_factory=lambda: str(uuid.uuid4()))
    key_a_other: str = field(default_factory=lambda: str(uuid.uuid4()))
    key_a_revoked: str = field(default_factory=lambda: str(uuid.uuid4()))
    key_a_expired: str = field(default_factory=lambda: str(uuid.uuid4()))
    key_b: str = field(default_factory=lambda: str(uuid.uuid4()))
    key_deleted: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class ClaimsCase:
    """One shape of claims, and what it entitles to.

    ``text`` is the value of ``request.jwt.claims``, or ``None`` if it was never set; ``settings``
    are further settings of the request. Only ``site`` may be read; with ``must`` it has to be
    readable.
    """

    name: str
    text: str | None
    site: str | None = None
    must: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    def all_settings(self) -> dict[str, str]:
        """Return all settings of a request with these claims."""
        return {**self.settings, **({} if self.text is None else {CLAIMS: self.text})}


def token_claims(site: str, key: str, **more: Any) -> dict[str, Any]:
    """Return the claims of a token as the app mints it, updated with ``more``."""
    return {
        "role": "authenticated",
        "aud": "authenticated",
        "iss": "spool-live",
        "sub": key,
        "site_id": site,
        "key_id": key,
        "iat": 1,
        "exp": _FUTURE,
        "jti": str(uuid.uuid4()),
        **more,
    }


def claims_matrix(ids: ProbeIds) -> list[ClaimsCase]:
    """Return all cases. The one without claims comes first, as a setting that was set once cannot
    be unset in the same session."""
    return [
        ClaimsCase("no claims at all", None),
        *_rights(ids),
        *_rights_with_hostile_claims(ids),
        *_spellings(ids),
        *_without_right(ids),
        *_wrong_places(ids),
        *_wrong_types(ids),
        *_not_json(ids),
        *_other_settings(ids),
    ]


def _case(name: str, claims: Any, site: str | None = None, *, must: bool = False) -> ClaimsCase:
    return ClaimsCase(name, json.dumps(claims), site, must)


def _rights(ids: ProbeIds) -> Iterator[ClaimsCase]:
    a, b = ids.site_a, ids.site_b
    yield _case("a token of site A", token_claims(a, ids.key_a), a, must=True)
    yield _case("a token of A's other key", token_claims(a, ids.key_a_other), a, must=True)
    yield _case("a token of site B", token_claims(b, ids.key_b), b, must=True)


def _rights_with_hostile_claims(ids: ProbeIds) -> Iterator[ClaimsCase]:
    """Yield valid ids beside hostile values in other claims, which must not matter."""
    a, b = ids.site_a, ids.site_b
    for role in ("anon", "service_role", "postgres", "supabase_admin"):
        claims = token_claims(a, ids.key_a, role=role)
        yield _case(f"A's ids, claim role {role}", claims, a, must=True)
    hostile = ("sub", "role", "aud", "iss", "jti", "exp", "extra")
    for place, injection in enumerate(_INJECTIONS):
        name = hostile[place % len(hostile)]
        claims = token_claims(a, ids.key_a, **{name: injection})
        yield _case(f"A's ids, SQL in {name}: {injection}", claims, a, must=True)
    for name in hostile:
        claims = token_claims(a, ids.key_a, **{name: b})
        yield _case(f"A's ids, site B as {name}", claims, a, must=True)
        claims = token_claims(a, ids.key_a, **{name: _LONG})
        yield _case(f"A's ids, 10 kB in {name}", claims, a, must=True)
    claims = token_claims(a, ids.key_a, sites=[a, b], site_ids=[b], app_metadata={"site_id": b})
    yield _case("A's ids, site B in other claims", claims, a, must=True)
    inner = json.dumps(token_claims(a, ids.key_a))[1:]
    yield ClaimsCase("site B, then A: the last counts", f'{{"site_id": "{b}", {inner}', a)
    doubled = f'{{"site_id": "{a}", "site_id": "{b}", "key_id": "{ids.key_a}"}}'
    yield ClaimsCase("site A, then B, with a key of A", doubled)


def _spellings(ids: ProbeIds) -> Iterator[ClaimsCase]:
    """Yield other spellings of A's ids, which PostgreSQL may or may not accept as the same."""
    for name, spell in (
        ("upper case", str.upper),
        ("braces", lambda text: "{" + text + "}"),
        ("no dashes", lambda text: text.replace("-", "")),
        ("a trailing space", lambda text: text + " "),
        ("a trailing line break", lambda text: text + "\n"),
    ):
        claims = token_claims(spell(ids.site_a), spell(ids.key_a))
        yield _case(f"A's ids with {name}", claims, ids.site_a)


def _without_right(ids: ProbeIds) -> Iterator[ClaimsCase]:
    a, b = ids.site_a, ids.site_b
    for name, site, key in (
        ("site B with a key of A", b, ids.key_a),
        ("site A with a key of B", a, ids.key_b),
        ("a revoked key", a, ids.key_a_revoked),
        ("an expired key", a, ids.key_a_expired),
        ("site B with a revoked key of A", b, ids.key_a_revoked),
        ("a key of a deleted site", ids.site_deleted, ids.key_deleted),
        ("site A with the key of a deleted site", a, ids.key_deleted),
        ("an unknown key", a, str(uuid.uuid4())),
        ("an unknown site with a key of A", str(uuid.uuid4()), ids.key_a),
        ("the site as its key", a, a),
        ("the key as its site", ids.key_a, ids.key_a),
        ("nil ids", str(uuid.UUID(int=0)), str(uuid.UUID(int=0))),
        ("site A with the nil key", a, str(uuid.UUID(int=0))),
        ("both sites in one claim", f"{a},{b}", ids.key_a),
        ("both sites as an array literal", f"{{{a},{b}}}", ids.key_a),
    ):
        yield _case(name, token_claims(site, key))


def _wrong_places(ids: ProbeIds) -> Iterator[ClaimsCase]:
    a, pair = ids.site_a, {"site_id": ids.site_a, "key_id": ids.key_a}
    bare: dict[str, Any] = {"role": "authenticated", "aud": "authenticated", "exp": _FUTURE}
    for name, claims in (
        ("role only", bare),
        ("role service_role only", {**bare, "role": "service_role"}),
        ("role postgres only", {**bare, "role": "postgres"}),
        ("site only", {**bare, "site_id": a}),
        ("key only", {**bare, "key_id": ids.key_a}),
        ("site, and the key as sub", {**bare, "site_id": a, "sub": ids.key_a}),
        ("sub is the site", {**bare, "sub": a}),
        ("ids in app_metadata", {**bare, "app_metadata": pair}),
        ("ids in user_metadata", {**bare, "user_metadata": pair}),
        ("ids in Hasura's namespace", {**bare, "https://hasura.io/jwt/claims": pair}),
        ("ids under names in upper case", {k.upper(): v for k, v in pair.items()}),
        ("ids under names in camel case", {"siteId": a, "keyId": ids.key_a}),
        ("ids under names with spaces", {f" {k}": v for k, v in pair.items()}),
        ("the API key's name for the key", {**bare, "site_id": a, "api_key": ids.key_a}),
        ("an array around the claims", [token_claims(a, ids.key_a)]),
        ("the claims as a string", json.dumps(token_claims(a, ids.key_a))),
    ):
        yield _case(name, claims)


def _wrong_types(ids: ProbeIds) -> Iterator[ClaimsCase]:
    right = {"site_id": ids.site_a, "key_id": ids.key_a}
    for name, own in right.items():
        wrong: list[tuple[str, Any]] = [
            ("null", None),
            ("true", True),
            ("0", 0),
            ("-1.5", -1.5),
            ("a huge number", 10**400),
            ("an array", [own]),
            ("an object", {"eq": own}),
            ("an empty string", ""),
            ("a space", " "),
            ("not a UUID", "abc"),
            ("a truncated UUID", own[:-1]),
            ("a UUID with a digit too many", own + "0"),
            ("a UUID after a space", f" {own}"),
            ("full-width digits", own.translate({ord(str(n)): 0xFF10 + n for n in range(10)})),
            ("10 kB", _LONG),
            ("a UUID and 10 kB", own + _LONG),
            ("a null character", f"{own}\0"),
            *((f"SQL: {injection}", injection) for injection in _INJECTIONS),
            *((f"a UUID and SQL: {injection}", own + injection) for injection in _INJECTIONS[:3]),
        ]
        for shape, value in wrong:
            yield _case(f"{name} is {shape}", token_claims(**_ids(right), **{name: value}))
        for shape, escape in (("high", "\\ud800"), ("low", "\\udc00")):
            text = json.dumps(token_claims(**_ids(right))).replace(own, own + escape)
            yield ClaimsCase(f"{name} ends in a lone {shape} surrogate", text)


def _ids(right: Mapping[str, str]) -> dict[str, str]:
    return {"site": right["site_id"], "key": right["key_id"]}


def _not_json(ids: ProbeIds) -> Iterator[ClaimsCase]:
    whole = json.dumps(token_claims(ids.site_a, ids.key_a))
    deep = "[" * _DEEP + "]" * _DEEP
    for name, text in (
        ("a session used before: the empty string", ""),
        ("spaces", "   "),
        ("text that is not JSON", "abc"),
        ("null", "null"),
        ("true", "true"),
        ("a number", "42"),
        ("a string", '"abc"'),
        ("an empty array", "[]"),
        ("an empty object", "{}"),
        ("truncated JSON", whole[: len(whole) // 2]),
        ("JSON without its end", whole[:-1]),
        ("JSON and other text", whole + " garbage"),
        ("JSON twice", whole + whole),
        ("single quotes", whole.replace('"', "'")),
        ("a trailing comma", whole[:-1] + ",}"),
        ("10 kB that are not JSON", _LONG),
        ("a byte order mark", "\ufeff" + whole),
        ("a null character elsewhere", whole[:-1] + ', "x": "\\u0000"}'),
        ("a null character in a name", whole[:-1] + ', "\\u0000": 1}'),
        ("a lone surrogate elsewhere", whole[:-1] + ', "x": "\\ud800"}'),
        ("a surrogate pair the wrong way round", whole[:-1] + ', "x": "\\udc00\\ud800"}'),
        ("a number that is too large", whole[:-1] + ', "x": 1e999999}'),
        ("20 000 levels", whole[:-1] + f', "x": {deep}}}'),
        ("SQL", "' or true --"),
        ("a URL-encoded token", whole.replace('"', "%22")),
    ):
        yield ClaimsCase(name, text)


def _other_settings(ids: ProbeIds) -> Iterator[ClaimsCase]:
    """Yield other data of a request that reaches the database and must not count as claims."""
    a, pair = ids.site_a, {"site_id": ids.site_a, "key_id": ids.key_a}
    legacy = {f"request.jwt.claim.{name}": value for name, value in pair.items()}
    headers = {"x-site-id": a, "x-key-id": ids.key_a, "api-key": ids.key_a, **pair}
    for name, settings in (
        ("settings of single claims", {**legacy, "request.jwt.claim.sub": ids.key_a}),
        ("the other name of the claims", {"request.jwt.claim": json.dumps(pair)}),
        ("request headers", {"request.headers": json.dumps(headers)}),
        ("request cookies", {"request.cookies": json.dumps(pair)}),
        ("settings of an application", {"app.site_id": a, "app.current_site": a}),
    ):
        yield ClaimsCase(f"A's ids in {name}", '{"role": "authenticated"}', settings=settings)
    own = json.dumps(token_claims(ids.site_b, ids.key_b))
    yield ClaimsCase("a token of B, A's ids in headers", own, ids.site_b, True, legacy)
