"""The views of the API, independent of the project's own defaults for Django REST framework."""

from __future__ import annotations

from typing import Any, cast

from django.db import router
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    NotAuthenticated,
    ValidationError,
)
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from spool_live import counts, outbox, tokens
from spool_live.api import cors, serializers
from spool_live.api.authentication import (
    ApiKeyAuthentication,
    IsSubscriber,
    Subscriber,
    TokenAuthentication,
)
from spool_live.api.throttles import SubscriberThrottle, address_of, failed
from spool_live.conf import live_settings
from spool_live.keys.addresses import note_address
from spool_live.models import OutboxEntry


class KeyNotReadyError(APIException):
    """The Supabase database does not know the key yet, a second or so after its creation."""

    status_code = 503
    default_detail = "This API key is new and not active everywhere yet. Try again shortly."
    default_code = "key_not_ready"
    wait = 1


class JsonAlways(BaseContentNegotiation):
    """Content negotiation that always chooses JSON, whatever the request accepts."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class SubscriberView(APIView):
    """Base of the views for subscribers."""

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [IsSubscriber]
    renderer_classes = [JSONRenderer]
    parser_classes = [JSONParser]
    throttle_classes = [SubscriberThrottle]
    content_negotiation_class = JsonAlways
    versioning_class = None
    rate_setting = "updates_rate"
    """The name of the setting with the rate of this view, for each ``rate_subject``."""
    for_pages = True
    """Whether pages from ``CORS_ALLOWED_ORIGINS`` may use it."""
    gives_tokens = False
    """Whether a use of it is noted as a request for a token."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer ``OPTIONS``, which browsers send without credentials; pass the rest to DRF."""
        if request.method == "OPTIONS":
            return cors.preflight(request, self.allowed_methods, for_pages=self.for_pages)
        return super().dispatch(request, *args, **kwargs)

    @property
    def subscriber(self) -> Subscriber:
        """The subscriber that sent the request."""
        return cast("Subscriber", self.request.user)

    @property
    def rate_subject(self) -> str:
        """The name under which ``SubscriberThrottle`` counts: the key's id."""
        return str(self.subscriber.key.pk)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the request as DRF does; then note that its address used the key."""
        super().initial(request, *args, **kwargs)
        note_address(self.subscriber.key, address_of(request), for_token=self.gives_tokens)

    def get_exception_handler(self) -> Any:
        """Return DRF's own handler, whatever the project has configured."""
        return exception_handler

    def handle_exception(self, exc: Exception) -> Response:
        """Return DRF's answer, with a stable ``code`` beside its ``detail``."""
        if isinstance(exc, (AuthenticationFailed, NotAuthenticated)):
            exc = failed(self.request, exc)
        response = super().handle_exception(exc)
        if isinstance(exc, APIException):
            response.data = _with_code(exc, response.data)
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Forbid caches to keep the answer, and let allowed pages read it."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        if self.for_pages:
            cors.allow_origin(request, response)
        return response


class TokenView(SubscriberView):
    """``POST token/``: exchanges an API key for a token, and all that is needed to connect."""

    rate_setting = "token_rate"
    for_pages = False  # only servers have API keys
    gives_tokens = True

    @property
    def rate_subject(self) -> str:
        """The key's id and the epoch: a new epoch starts a new count, because all of the key's
        clients then ask for new tokens at once."""
        return f"{self.subscriber.key.pk}:{self.subscriber.delivery.acknowledged_epoch}"

    @sensitive_variables("token")
    def post(self, request: Request) -> Response:
        """Answer with a token and where to connect with it.

        401 ``invalid_credentials``; 503 ``key_not_ready`` while Supabase does not know the key yet.
        """
        key, delivery = self.subscriber.key, self.subscriber.delivery
        if key.mirror_version > delivery.acknowledged_version:
            outbox.want(key.site_id)
            raise KeyNotReadyError
        token = tokens.mint(key)
        counts.count(counts.TOKENS)
        return Response(serializers.token_response(token, key, delivery, live_settings()))


class UpdatesView(SubscriberView):
    """``GET updates/?after=&limit=``: catch-up, by key or token, also while Supabase is down."""

    authentication_classes = [ApiKeyAuthentication, TokenAuthentication]

    def get(self, request: Request) -> Response:
        """Answer with a page of updates; 400 ``invalid`` for a cursor that is not a number."""
        query = serializers.CursorSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        page = outbox.catch_up(
            router.db_for_write(OutboxEntry), self.subscriber.key.site_id, **query.validated_data
        )
        counts.count(counts.CATCH_UPS, status=page.status)
        return Response(serializers.catch_up_response(page))


class SiteView(SubscriberView):
    """``GET site/``: the site and the key behind a key or token."""

    authentication_classes = [ApiKeyAuthentication, TokenAuthentication]

    def get(self, request: Request) -> Response:
        """Return ``{site_id, name, key: {id, name, prefix, expires_at}}``."""
        return Response(serializers.site_response(self.subscriber.key))


def _with_code(error: APIException, data: Any) -> dict[str, Any]:
    if isinstance(error, ValidationError):
        return {"detail": "The request is not valid.", "code": "invalid", "errors": data}
    return {"detail": data["detail"], "code": str(error.get_codes())}
