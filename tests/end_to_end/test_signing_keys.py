"""Tokens as projects of today sign them: ES256 by a key with a kid, over the whole road."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jwt
import pytest

from tests.end_to_end.conftest import Road
from tests.end_to_end.listening import listening, private_topic, table_changes


@pytest.fixture
def modern(road: Road, settings: Any) -> Road:
    """The road with the project's signing key in place of its legacy secret."""
    signing = {"JWT_ALGORITHM": "ES256", "JWT_SIGNING_KEY": road.supabase.signing_key}
    settings.SPOOL_LIVE = {**settings.SPOOL_LIVE, **signing}
    return road


def test_es256_token_opens_realtime_in_both_modes_and_the_rest_api(modern: Road) -> None:
    site, key = modern.site("A")
    answer = modern.token(key)
    header = jwt.get_unverified_header(answer["token"])
    url, api_key, token = answer["supabase_url"], answer["supabase_key"], answer["token"]
    published = httpx.get(f"{url}/auth/v1/.well-known/jwks.json").raise_for_status().json()
    assert (header["alg"], header["kid"]) == ("ES256", published["keys"][0]["kid"])
    with (
        listening(
            url, api_key, token, private_topic(answer["realtime"]["broadcast"]["topic"])
        ) as on_topic,
        listening(url, api_key, token, table_changes(str(site.pk))) as on_table,
    ):
        on_topic.until_system("Replication connection established")
        on_table.until_system("Subscribed to PostgreSQL")
        modern.edit(site, "signed")
        assert on_topic.next_update()["slug"] == "signed"
        assert on_table.next_update()["slug"] == "signed"
    headers = {"apikey": api_key, "Authorization": f"Bearer {token}"}
    rows = httpx.get(f"{url}/rest/v1/live_updates?select=slug", headers=headers)
    assert rows.raise_for_status().json() == [{"slug": "signed"}]
    caught_up = httpx.get(f"{modern.api_url}updates/", headers={"Authorization": f"Bearer {token}"})
    assert [row["slug"] for row in caught_up.raise_for_status().json()["results"]] == ["signed"]


def test_same_claims_by_a_key_of_ones_own_open_nothing(modern: Road) -> None:
    _, key = modern.site("A")
    answer = modern.token(key)
    claims = jwt.decode(answer["token"], options={"verify_signature": False})
    kid = jwt.get_unverified_header(answer["token"])["kid"]
    own = modern.supabase.generate(modern.supabase.state_dir).signing_key
    forged = jwt.encode(claims, jwt.PyJWK(json.loads(own)).key, "ES256", {"kid": kid})
    topic = answer["realtime"]["broadcast"]["topic"]
    url, api_key = answer["supabase_url"], answer["supabase_key"]
    with listening(url, api_key, forged, private_topic(topic)) as listener:
        listener.until_state("CHANNEL_ERROR")
    headers = {"apikey": api_key, "Authorization": f"Bearer {forged}"}
    assert httpx.get(f"{url}/rest/v1/live_updates", headers=headers).status_code == 401
    of_ours = httpx.get(f"{modern.api_url}site/", headers={"Authorization": f"Bearer {forged}"})
    assert of_ours.status_code == 401
