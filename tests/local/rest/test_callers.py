"""Who may do what: API keys, tokens, roles, RLS."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from postgrest import ReturnMethod
from postgrest.exceptions import APIError
from supabase import Client

from spool_live.local.config import LocalSupabaseConfig
from tests.local.rest.conftest import Mint

Sql = psycopg.Connection[tuple[Any, ...]]
ANN = "3b241101-e2bb-4255-8caf-4136c566a962"
BOB = "5df0a2b2-7f43-4d6b-9e13-0b9b1b4f9d11"


@pytest.fixture
def diaries(sql: Sql) -> None:
    sql.execute("insert into diary values (1, %s, 'by ann'), (2, %s, 'by bob')", [ANN, BOB])


def get(rest: LocalSupabaseConfig, path: str = "/evt", **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(f"{rest.url}/rest/v1{path}", headers=sent)


@pytest.mark.parametrize("key", ["secret_key", "service_role"])
def test_secret_keys_of_both_generations_run_as_service_role(
    client_of: Callable[..., Client], rest: LocalSupabaseConfig, key: str
) -> None:
    api_key = rest.secret_key if key == "secret_key" else rest.api_key_jwt("service_role")
    answer: Any = client_of(api_key).rpc("whoami", {}).execute().data
    assert answer["user"] == "service_role"


@pytest.mark.parametrize("key", ["publishable_key", "anon"])
def test_public_keys_of_both_generations_run_as_anon(
    client_of: Callable[..., Client], rest: LocalSupabaseConfig, key: str
) -> None:
    api_key = rest.publishable_key if key == "publishable_key" else rest.api_key_jwt("anon")
    answer: Any = client_of(api_key).rpc("whoami", {}).execute().data
    assert answer["user"] == "anon"


def test_user_token_sees_and_changes_only_its_own_rows(
    client_of: Callable[..., Client],
    rest: LocalSupabaseConfig,
    mint: Mint,
    diaries: None,
    sql: Sql,
) -> None:
    ann = client_of(rest.publishable_key, mint(sub=ANN))
    seen: Any = ann.table("diary").select("*").execute().data
    assert [row["id"] for row in seen] == [1]
    changed: Any = ann.table("diary").update({"body": "mine"}).gt("id", 0).execute().data
    assert changed[0]["id"] == 1
    created: Any = ann.table("diary").insert({"id": 3}).execute().data
    assert created[0]["owner"] == ANN
    with pytest.raises(APIError) as refused:
        ann.table("diary").insert({"id": 4, "owner": BOB}, returning=ReturnMethod.minimal).execute()
    assert refused.value.code == "42501"
    assert "row-level security" in str(refused.value.message)
    assert sql.execute("select body from diary where id = 2").fetchone() == ("by bob",)


def test_service_role_bypasses_rls(
    client_of: Callable[..., Client], rest: LocalSupabaseConfig, diaries: None
) -> None:
    assert len(client_of(rest.secret_key).table("diary").select("*").execute().data) == 2


def test_write_only_role_needs_no_select_for_a_minimal_insert(
    client_of: Callable[..., Client], rest: LocalSupabaseConfig, mint: Mint, sql: Sql
) -> None:
    writer = client_of(rest.publishable_key, mint())
    writer.table("journal").insert({"line": "x"}, returning=ReturnMethod.minimal).execute()
    assert sql.execute("select line from journal").fetchall() == [("x",)]
    with pytest.raises(APIError) as refused:
        writer.table("journal").insert({"line": "y"}).execute()
    assert refused.value.code == "42501"
    assert sql.execute("select line from journal").fetchall() == [("x",)]


def test_missing_privilege_is_401_for_anon_and_403_for_users(
    rest: LocalSupabaseConfig, mint: Mint
) -> None:
    anon = get(rest, apikey=rest.publishable_key)
    user = get(rest, apikey=rest.publishable_key, authorization=f"Bearer {mint()}")
    assert (anon.status_code, anon.json()["code"]) == (401, "42501")
    assert (user.status_code, user.json()["code"]) == (403, "42501")
    assert "permission denied for table evt" in user.json()["message"]


def test_unknown_and_missing_api_keys_stop_at_the_gateway(
    rest: LocalSupabaseConfig, mint: Mint
) -> None:
    for headers in (
        {},
        {"apikey": "sb_publishable_of_somebody_else"},
        {"apikey": mint()},
        {"authorization": f"Bearer {rest.secret_key}"},
    ):
        refused = get(rest, **headers)
        assert refused.status_code == 401
        assert set(refused.json()) == {"message", "hint"}
    assert get(rest, apikey="nonsense").json()["message"] == "Invalid API key"


def test_gateway_refusal_reaches_the_official_client_without_code(
    client_of: Callable[..., Client], rest: LocalSupabaseConfig
) -> None:
    with pytest.raises(APIError) as refused:
        client_of("sb_secret_wrong").table("evt").select("*").execute()
    assert (refused.value.code, refused.value.message) == (None, "Invalid API key")


def test_secret_key_is_refused_from_a_browser(rest: LocalSupabaseConfig) -> None:
    refused = get(rest, apikey=rest.secret_key, user_agent="Mozilla/5.0 (X11)")
    assert refused.status_code == 401
    assert "browser" in refused.json()["message"]


TOKENS: list[Any] = [
    pytest.param({"lifetime": -31}, "PGRST303", "JWT expired", id="expired"),
    pytest.param({"nbf": 9_999_999_999}, "PGRST303", "JWT not yet valid", id="not yet valid"),
    pytest.param({"iat": 9_999_999_999}, "PGRST303", "JWT issued at future", id="future"),
    pytest.param({"exp": 9_999_999_999.5}, "PGRST303", "JWT expired", id="fractional exp"),
    pytest.param(
        {"aud": 7},
        "PGRST303",
        "The JWT 'aud' claim must be a string or an array of strings",
        id="numeric aud",
    ),
    pytest.param({"role": "nobody"}, "22023", 'role "nobody" does not exist', id="unknown role"),
]


@pytest.mark.parametrize(("claims", "code", "message"), TOKENS)
def test_bad_tokens_are_401(
    rest: LocalSupabaseConfig, mint: Mint, claims: dict[str, Any], code: str, message: str
) -> None:
    token = mint(**claims)
    refused = get(rest, apikey=rest.publishable_key, authorization=f"Bearer {token}")
    assert (refused.status_code, refused.json()["code"]) == (401, code)
    assert refused.json()["message"] == message
    described = f'Bearer error="invalid_token", error_description="{message}"'
    expected = described if code.startswith("PGRST") else "Bearer"
    assert refused.headers["www-authenticate"] == expected


def test_forged_and_broken_tokens_are_401(rest: LocalSupabaseConfig) -> None:
    forged = jwt.encode({"role": "service_role"}, "x" * 64, algorithm="HS256")
    for token in (forged, "a.b", "nonsense"):
        refused = get(rest, apikey=rest.publishable_key, authorization=f"Bearer {token}")
        assert (refused.status_code, refused.json()["code"]) == (401, "PGRST301")


def test_expired_token_is_good_for_half_a_minute_more(
    rest: LocalSupabaseConfig, mint: Mint
) -> None:
    late = {"apikey": rest.publishable_key, "authorization": f"Bearer {mint(lifetime=-20)}"}
    assert get(rest, "/rpc/whoami", **late).json()["user"] == "authenticated"


def test_token_without_role_runs_as_anon(rest: LocalSupabaseConfig, mint: Mint) -> None:
    answer = get(
        rest,
        "/rpc/whoami",
        apikey=rest.publishable_key,
        authorization=f"Bearer {mint(role=None, site=1)}",
    ).json()
    assert (answer["user"], answer["claims"]["role"], answer["claims"]["site"]) == (
        "anon",
        "anon",
        1,
    )


def test_token_cannot_name_a_role_outside_the_api(rest: LocalSupabaseConfig, mint: Mint) -> None:
    for role in ("postgres", "supabase_admin"):
        headers = {"apikey": rest.publishable_key, "authorization": f"Bearer {mint(role=role)}"}
        refused = get(rest, "/rpc/whoami", **headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "42501")


def test_claims_do_not_leak_into_the_next_request_on_a_connection(
    rest: LocalSupabaseConfig, mint: Mint, diaries: None
) -> None:
    with httpx.Client(base_url=f"{rest.url}/rest/v1") as client:
        for _ in range(12):  # more than the pool has connections
            ann = {"apikey": rest.publishable_key, "authorization": f"Bearer {mint(sub=ANN)}"}
            assert [row["id"] for row in client.get("/diary", headers=ann).json()] == [1]
            plain = client.get("/diary", headers={"apikey": rest.publishable_key})
            assert plain.status_code == 401
            answer = client.get("/rpc/whoami", headers={"apikey": rest.publishable_key}).json()
            assert answer["claims"] == {**answer["claims"], "role": "anon", "iss": "supabase-local"}
            assert "sub" not in answer["claims"]


def test_secrets_are_not_in_reprs(rest: LocalSupabaseConfig) -> None:
    shown = repr(replace(rest)) + json.dumps(str(rest))
    for secret in (rest.secret_key, rest.publishable_key, rest.jwt_secret, rest.database_password):
        assert secret not in shown
