"""The API as an OpenAPI document, through drf-spectacular (``pip install spool-live[openapi]``).

The descriptions are all here: the views do not depend on drf-spectacular.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, include, path
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiViewExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

from spool_live import __version__
from spool_live.api.serializers import MAX_SEQ, CursorSerializer
from spool_live.conf import JWT_ALGORITHMS, REALTIME_MODES
from spool_live.updates import EventType

DESCRIPTION = "Tokens for Supabase Realtime, and catch-up, for the subscribers of a site."


def _object(name: str, /, **fields: serializers.Field[Any, Any, Any, Any]) -> Any:
    return inline_serializer(name, fields)


def _number(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=MAX_SEQ, **options)


def _error(name: str, /, codes: list[str], **more: Any) -> Any:
    fields = {"detail": serializers.CharField(), "code": serializers.ChoiceField(codes), **more}
    return _object(name, **fields)


UNAUTHORIZED = _error("Unauthorized", ["invalid_credentials", "not_authenticated"])
THROTTLED = OpenApiResponse(
    _error("Throttled", ["throttled"]), description="Come back after `Retry-After` seconds."
)
NOT_READY = OpenApiResponse(
    _error("KeyNotReadyError", ["key_not_ready"]),
    description="Supabase does not have this key yet: come back after `Retry-After` seconds.",
)
INVALID = _error(
    "Invalid", ["invalid"], errors=serializers.DictField(child=serializers.ListField())
)
UPDATE = _object(
    "LiveUpdate",
    id=serializers.UUIDField(),
    site_id=serializers.UUIDField(),
    event_type=serializers.ChoiceField([event.value for event in EventType]),
    collection=serializers.CharField(),
    slug=serializers.CharField(allow_null=True),
    item_id=serializers.UUIDField(),
    timestamp=serializers.DateTimeField(),
    metadata=serializers.DictField(),
    seq=_number(),
)
TOKEN = _object(
    "Token",
    token=serializers.CharField(help_text=f"A JWT, signed with one of {list(JWT_ALGORITHMS)}."),
    token_type=serializers.ChoiceField(["Bearer"]),
    expires_in=_number(help_text="Seconds."),
    expires_at=serializers.DateTimeField(),
    site_id=serializers.UUIDField(),
    epoch=_number(help_text="Part of the topic; grows when a key of the site loses its right."),
    supabase_url=serializers.CharField(),
    supabase_key=serializers.CharField(help_text="The publishable key."),
    realtime=_object(
        "Realtime",
        mode=serializers.ChoiceField(list(REALTIME_MODES)),
        broadcast=_object(
            "RealtimeBroadcast",
            topic=serializers.CharField(),
            private=serializers.BooleanField(),
            event=serializers.CharField(),
        ),
        postgres_changes=_object(
            "RealtimePostgresChanges",
            topic=serializers.CharField(),
            schema=serializers.CharField(),
            table=serializers.CharField(),
            event=serializers.CharField(),
            filter=serializers.CharField(),
        ),
    ),
    seq=_number(help_text="The site's newest sequence number."),
)
UPDATES = _object(
    "Updates",
    status=serializers.ChoiceField(["recovered", "reset"]),
    results=serializers.ListField(child=UPDATE),
    next=_number(allow_null=True, help_text="Cursor of the next page, if there is one."),
    seq=_number(),
    epoch=_number(),
)
SITE = _object(
    "Site",
    site_id=serializers.UUIDField(),
    name=serializers.CharField(),
    key=_object(
        "SiteKey",
        id=serializers.UUIDField(),
        name=serializers.CharField(),
        prefix=serializers.CharField(),
        expires_at=serializers.DateTimeField(allow_null=True),
    ),
)
REFUSALS = {401: UNAUTHORIZED, 429: THROTTLED}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes ``Authorization: Api-Key <key>``."""

    target_class = "spool_live.api.authentication.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return an ``apiKey`` scheme, OpenAPI's only one for a prefix other than ``Bearer``."""
        description = "`Api-Key <key>`, with the key that the admin showed once."
        place = {"in": "header", "name": "Authorization"}
        return {"type": "apiKey", **place, "description": description}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes ``Authorization: Bearer <token>``."""

    target_class = "spool_live.api.authentication.TokenAuthentication"
    name = "Token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return a bearer scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def _describe(view: str, method: str, responses: dict[int, Any], **options: Any) -> None:
    def handler(self: Any, request: Any) -> None: ...

    handler.schema = AutoSchema  # type: ignore[attr-defined]  # what extend_schema builds upon
    described = extend_schema(responses={**responses, **REFUSALS}, **options)(handler)

    def view_replacement(self: OpenApiViewExtension) -> type:
        base = cast("type[Any]", self.target_class)
        return type(view, (base,), {method: described})

    target = {"target_class": f"spool_live.api.views.{view}", "view_replacement": view_replacement}
    type(f"{view}Extension", (OpenApiViewExtension,), target)


_describe(
    "TokenView",
    "post",
    {200: TOKEN, 503: NOT_READY},
    operation_id="token",
    request=None,
    description="Exchanges an API key for a short-lived token, and all that is needed to connect.",
)
_describe(
    "UpdatesView",
    "get",
    {200: UPDATES, 400: INVALID},
    operation_id="updates",
    parameters=[CursorSerializer, OpenApiParameter("format", exclude=True)],
    description="Catch-up: the updates after a sequence number, oldest first. `reset` where the "
    "history does not reach back that far; go on from `seq` then.",
)
_describe("SiteView", "get", {200: SITE}, operation_id="site", description="Who am I?")


def document(prefix: str, routes: Sequence[URLPattern]) -> dict[str, Any]:
    """Return the OpenAPI document of ``routes``, mounted at ``prefix`` (``"spool-live/"``)."""
    generator = SchemaGenerator(  # type: ignore[no-untyped-call]
        title="spool_live",
        description=DESCRIPTION,
        version=__version__,
        patterns=[path(prefix, include(list(routes)))],
    )
    made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made["info"] = {"title": "spool_live", "version": __version__, "description": DESCRIPTION}
    made["paths"].update(_monitoring(f"/{prefix}"))
    made["components"]["securitySchemes"]["Metrics"] = {"type": "http", "scheme": "bearer"}
    return made


@require_safe
def schema(request: HttpRequest, routes: Sequence[URLPattern]) -> JsonResponse:
    """Answer ``GET schema/`` with the OpenAPI document of ``routes``."""
    prefix = request.path.removesuffix("schema/").lstrip("/")
    return JsonResponse(document(prefix, routes))


def _monitoring(prefix: str) -> dict[str, Any]:
    def operation(name: str, *statuses: tuple[str, str], **more: Any) -> dict[str, Any]:
        responses = {status: {"description": text} for status, text in statuses}
        return {"get": {"operationId": name, "responses": responses, **more}}

    live = ("200", "The process answers."), ("405", "GET only.")
    ready = (
        ("200", "Tokens and catch-up can be served."),
        ("503", "Tokens and catch-up cannot be served."),
    )
    state = (
        ("200", "An edit made now would arrive."),
        ("401", "The token is not METRICS_TOKEN."),
        ("503", "It would arrive late, or wait until a person acts."),
    )
    numbers = (
        ("200", "Prometheus text."),
        ("401", "The token is not METRICS_TOKEN."),
        ("404", "METRICS_TOKEN is not set."),
    )
    return {
        f"{prefix}health/": operation("health", *live),
        f"{prefix}health/ready/": operation("ready", *ready),
        f"{prefix}health/status/": operation("status", *state, security=[{}, {"Metrics": []}]),
        f"{prefix}metrics/": operation("metrics", *numbers, security=[{"Metrics": []}]),
    }
