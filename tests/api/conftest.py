"""A caller of the HTTP API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

Call = Callable[..., Any]


@pytest.fixture
def call() -> Call:
    """Calls an endpoint: ``call("post", "token/", plain)``; a key, or a token with ``bearer``."""
    client = Client(raise_request_exception=False)

    def ask(
        method: str, path: str, credential: str | None = None, *, bearer: bool = False, **meta: Any
    ) -> Any:
        if credential is not None:
            meta["HTTP_AUTHORIZATION"] = f"{'Bearer' if bearer else 'Api-Key'} {credential}"
        return getattr(client, method)(f"/spool-live/{path}", **meta)

    return ask
