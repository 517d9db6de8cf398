"""The API does what its OpenAPI document says: schemathesis asks, with right and wrong requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from spool_live.api.openapi import document
from spool_live.api.urls import urlpatterns
from spool_live.keys import PlainKey
from spool_live.models import SiteApiKey
from tests.api.conftest import Call
from tests.api.test_views import record

pytestmark = pytest.mark.django_db(databases="__all__")
MakeKey = Callable[..., tuple[SiteApiKey, PlainKey]]
PREFIX = "spool-live/"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def api() -> Iterator[Any]:
    """The API behind WSGI, on the connection of the test as Django's own test client has it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi(f"/{PREFIX}schema/", get_wsgi_application())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_every_route_is_described() -> None:
    routes = {f"/{PREFIX}{route.pattern}" for route in urlpatterns if route.name != "schema"}
    assert set(document(PREFIX, urlpatterns)["paths"]) == routes


def test_document_is_served_for_where_the_api_is_mounted(call: Call) -> None:
    answer = call("get", "schema/")
    assert answer.status_code == 200
    assert answer.json() == document(PREFIX, urlpatterns)


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("token/", GenerationMode.POSITIVE),
        ("updates/", GenerationMode.POSITIVE),
        ("updates/", GenerationMode.NEGATIVE),  # the only one that takes anything
        ("site/", GenerationMode.POSITIVE),
        ("health/", GenerationMode.POSITIVE),
        ("health/ready/", GenerationMode.POSITIVE),
    ],
)
@pytest.mark.parametrize("who", ["subscriber", "stranger"])
def test_answers_conform(
    api: Any, make_key: MakeKey, live: Any, path: str, who: str, mode: GenerationMode
) -> None:
    live(TOKEN_RATE="", UPDATES_RATE="", ADDRESS_RATE="")
    key, plain = make_key()
    record(key.site, 3)
    operations = [op.ok() for op in api.get_all_operations()]
    (operation,) = [op for op in operations if op.path == f"/{PREFIX}{path}"]
    credential = {"Authorization": f"Api-Key {plain}"} if who == "subscriber" else None
    statuses: set[int] = set()

    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.headers = {k: v for k, v in (case.headers or {}).items() if k != "Authorization"}
        response = case.call_and_validate(headers=credential, checks=CHECKS)
        statuses.add(response.status_code)

    ask()
    if not path.startswith("health"):
        expected = {"subscriber": {200, 400}, "stranger": {401, 429}}[who]
        assert statuses <= expected
