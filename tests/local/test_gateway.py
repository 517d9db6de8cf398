from __future__ import annotations

import httpx
import pytest

from spool_live.local.config import LocalSupabaseConfig

ORIGIN = "http://127.0.0.1:3000"
CLIENT_HEADERS = (
    "apikey,authorization,content-profile,accept-profile,prefer,x-client-info,content-type,"
    "x-retry-count,x-supabase-api-version"
)


@pytest.mark.parametrize("path", ["/rest/v1/evt", "/realtime/v1/api/broadcast"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_preflight_allows_what_browsers_send(
    local_supabase: LocalSupabaseConfig, path: str, method: str
) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": CLIENT_HEADERS,
    }
    allowed = httpx.options(f"{local_supabase.url}{path}", headers=headers)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "*"
    assert method in allowed.headers["access-control-allow-methods"]
    assert allowed.headers["access-control-allow-headers"] == CLIENT_HEADERS


def test_answers_and_refusals_can_be_read_by_scripts(local_supabase: LocalSupabaseConfig) -> None:
    for key in (local_supabase.publishable_key, "nonsense"):
        headers = {"Origin": ORIGIN, "apikey": key}
        answer = httpx.get(f"{local_supabase.url}/rest/v1/nothing", headers=headers)
        assert answer.status_code in (401, 404)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Content-Range" in answer.headers["access-control-expose-headers"]


def test_health_answers(local_supabase: LocalSupabaseConfig) -> None:
    assert httpx.get(f"{local_supabase.url}/health").json() == {"status": "ok"}


def test_services_that_are_not_there_are_404_by_name(local_supabase: LocalSupabaseConfig) -> None:
    refused = httpx.post(f"{local_supabase.url}/auth/v1/token")
    assert refused.status_code == 404
    assert "/auth/v1/token" in refused.json()["message"]
