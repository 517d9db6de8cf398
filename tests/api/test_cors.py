"""Pages of other origins: none by default, those that are named with a token, never with a key."""

from __future__ import annotations

from typing import Any

import pytest

from spool_live import tokens
from tests.api.conftest import Call

pytestmark = pytest.mark.django_db
PAGE = "https://www.example.org"
ALLOWED = {"HTTP_ORIGIN": PAGE}
STRANGER = {"HTTP_ORIGIN": "https://www.example.org.evil.test"}
CORS = "Access-Control-Allow-Origin"


@pytest.fixture
def named(live: Any) -> None:
    live(CORS_ALLOWED_ORIGINS=[PAGE, "http://localhost:3000"])


@pytest.mark.parametrize("path", ["token/", "updates/", "site/"])
def test_nobody_is_allowed_by_default(call: Call, path: str) -> None:
    answer = call("options", path, **ALLOWED)
    assert answer.status_code == 204
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("path", ["updates/", "site/"])
def test_named_origin_may_ask_with_a_token(call: Call, make_key: Any, path: str) -> None:
    asked = call("options", path, **ALLOWED, HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET")
    assert (asked.status_code, asked[CORS]) == (204, PAGE)
    assert asked["Access-Control-Allow-Methods"] == "GET"
    assert asked["Access-Control-Allow-Headers"] == "Authorization"
    assert "Origin" in asked["Vary"]
    key, _ = make_key()
    answer = call("get", path, tokens.mint(key).encoded, bearer=True, **ALLOWED)
    assert (answer.status_code, answer[CORS]) == (200, PAGE)
    assert answer["Access-Control-Expose-Headers"] == "Retry-After"
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.usefixtures("named")
def test_page_may_read_why_it_was_refused(call: Call) -> None:
    refused = call("get", "updates/", "nonsense", bearer=True, **ALLOWED)
    assert (refused.status_code, refused[CORS]) == (401, PAGE)


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("origin", [STRANGER["HTTP_ORIGIN"], "null", "", PAGE.upper(), f"{PAGE}/"])
def test_other_origin_may_not(call: Call, make_key: Any, origin: str) -> None:
    key, _ = make_key()
    token = tokens.mint(key).encoded
    for answer in (
        call("options", "updates/", HTTP_ORIGIN=origin),
        call("get", "updates/", token, bearer=True, HTTP_ORIGIN=origin),
    ):
        assert CORS not in answer
        assert "Origin" in answer["Vary"]


@pytest.mark.usefixtures("named")
def test_token_endpoint_is_not_for_pages(call: Call, make_key: Any) -> None:
    _, plain = make_key()
    assert CORS not in call("options", "token/", **ALLOWED)
    assert CORS not in call("post", "token/", plain, **ALLOWED)
