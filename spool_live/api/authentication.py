"""Authentication of subscribers, by an API key or by a token that was minted from one."""

from __future__ import annotations

from dataclasses import dataclass

from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from spool_live import keys, tokens
from spool_live.keys import Identity, PlainKey, Reason, Refusal
from spool_live.keys.last_use import note_use
from spool_live.models import SiteApiKey, SiteDelivery

API_KEY = "Api-Key"
BEARER = "Bearer"
REALM = f'{API_KEY} realm="spool-live"'


class InvalidCredentials(AuthenticationFailed):
    """The API key or token is not accepted. The answer does not reveal why."""

    default_detail = "The API key or token is not valid."
    default_code = "invalid_credentials"

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


@dataclass(frozen=True)
class Subscriber:
    """The ``request.user`` of the API: a front end that holds a key of one site."""

    key: SiteApiKey
    delivery: SiteDelivery
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    @property
    def pk(self) -> str:
        """The id by which DRF's throttles count."""
        return str(self.key.pk)


class ApiKeyAuthentication(BaseAuthentication):
    """Authentication by ``Authorization: Api-Key <key>``."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[Subscriber, SiteApiKey] | None:
        """Return the subscriber and its key, or ``None`` for another scheme.

        Raises ``InvalidCredentials``.
        """
        given = _credentials(request, API_KEY)
        if given is None:
            return None
        return _subscriber(keys.identify(given))

    def authenticate_header(self, request: Request) -> str:
        return REALM


class TokenAuthentication(BaseAuthentication):
    """Authentication by ``Authorization: Bearer <token>``, while the token's key is active."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[Subscriber, SiteApiKey] | None:
        """Return the subscriber and its key, or ``None`` for another scheme.

        Raises ``InvalidCredentials``.
        """
        given = _credentials(request, BEARER)
        if given is None:
            return None
        claims = tokens.verify(given)
        if claims is None:
            raise InvalidCredentials(Refusal(Reason.BAD_TOKEN))
        return _subscriber(keys.identify_by_id(claims.key_id, claims.site_id))

    def authenticate_header(self, request: Request) -> str:
        return REALM


class IsSubscriber(BasePermission):
    """Permission for subscribers only, whomever else the project authenticates."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Subscriber)


def _subscriber(found: Identity | Refusal) -> tuple[Subscriber, SiteApiKey]:
    if isinstance(found, Refusal):
        raise InvalidCredentials(found)
    note_use(found.key)
    return Subscriber(found.key, found.delivery), found.key


@sensitive_variables()
def _credentials(request: Request, scheme: str) -> PlainKey | None:
    parts = get_authorization_header(request).split(None, 1)
    if len(parts) != 2 or parts[0].lower() != scheme.lower().encode():  # noqa: PLR2004
        return None
    try:
        return PlainKey(parts[1].decode("ascii"))
    except UnicodeDecodeError:
        raise InvalidCredentials(Refusal(Reason.UNKNOWN)) from None
