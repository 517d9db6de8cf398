"""The API's views, called in this process as a subscriber calls them over HTTP."""

from __future__ import annotations

from typing import Any

from django.test import RequestFactory
from django.views.decorators.debug import sensitive_variables

from spool_live.api.views import TokenView, UpdatesView
from spool_live.exceptions import SpoolLiveError


class RequestRefusedError(SpoolLiveError):
    """A view refused the request. The message holds the answer's status and public text."""


@sensitive_variables()
def request_token(plain: str) -> dict[str, Any]:
    """Return the body of ``POST token/`` for the plain text of an API key; raises
    ``RequestRefusedError``."""
    request = RequestFactory().post("/", headers={"Authorization": f"Api-Key {plain}"})
    return _answer("POST token/", TokenView.as_view()(request))


@sensitive_variables()
def request_updates(plain: str, after: int) -> dict[str, Any]:
    """Return the body of ``GET updates/?after=``; raises ``RequestRefusedError``."""
    headers = {"Authorization": f"Api-Key {plain}"}
    request = RequestFactory().get("/", {"after": str(after)}, headers=headers)
    return _answer("GET updates/", UpdatesView.as_view()(request))


def _answer(what: str, response: Any) -> dict[str, Any]:
    if not 200 <= response.status_code < 300:  # noqa: PLR2004 - the classes of HTTP
        raise RequestRefusedError(f"{what} answers {response.status_code}: {response.data}")
    found: dict[str, Any] = response.data
    return found
