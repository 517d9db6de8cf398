"""The exceptions of the client.

Sorted by what you have to do about them:

    LiveUpdatesError
    ├── ConfigurationError              fix the configuration; the client stops
    │   ├── InvalidCredentialsError     the key is unknown, revoked or expired
    │   ├── WrongSiteError              the key belongs to another site
    │   └── IncompatibleServerError     api_url leads to something that is not spool_live
    ├── TransientError                  do nothing; the client retries by itself
    │   ├── ServerUnreachableError      the CMS does not answer
    │   ├── RealtimeUnavailableError    Supabase Realtime does not answer, or closed the connection
    │   ├── TokenExpiredError           Realtime counts the token as expired
    │   ├── SubscriptionRefusedError    Realtime refuses the join; updates come by polling
    │   └── RateLimitedError            waits ``retry_after`` seconds
    ├── DisconnectedError               connect first; the client is not connected (any more)
    ├── GivenUpError                    the client has stopped; fix the cause, then connect again
    └── WebhookVerificationError        refuse this request: it was not signed with your secret
"""

from __future__ import annotations


class LiveUpdatesError(Exception):
    """Base of all errors of ``spool_live.client``. Messages say what to do and hold no secrets."""


class ConfigurationError(LiveUpdatesError):
    """An option is missing or wrong: somebody has to change it, waiting does not help."""


class InvalidCredentialsError(ConfigurationError):
    """HTTP 401 from the CMS: unknown, revoked and expired keys all look like this."""

    def __init__(self, detail: str = "", *, code: str = "") -> None:
        self.code = code
        """The CMS's error code, ``invalid_credentials``; ``""`` if something other than the CMS
        answered."""
        super().__init__(
            "The CMS refused the API key: it is unknown, revoked or expired. "
            "Check SPOOL_API_KEY and SPOOL_SITE_ID." + (f" (It said: {detail})" if detail else "")
        )


class WrongSiteError(ConfigurationError):
    """The key is valid, but for another site than ``site_id``."""

    def __init__(self, *, wanted: str, actual: str) -> None:
        super().__init__(
            f"This API key belongs to site {actual}, not to {wanted}. Set SPOOL_SITE_ID to "
            f"{actual}, or use a key of site {wanted} as SPOOL_API_KEY."
        )


class IncompatibleServerError(ConfigurationError):
    """The answer does not have the form of spool_live's API."""


class TransientError(LiveUpdatesError):
    """A failure that may pass by itself; the client tries again."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds that the server asks us to wait, or ``None``."""


class ServerUnreachableError(TransientError):
    """The CMS cannot be reached, or answers with a server error."""


class RealtimeUnavailableError(TransientError):
    """Supabase Realtime cannot be reached, or the connection to it was lost."""


class TokenExpiredError(TransientError):
    """Realtime's clock says that the token has expired."""


class SubscriptionRefusedError(TransientError):
    """Realtime refuses our token or topic."""


class RateLimitedError(TransientError):
    """HTTP 429, or a rate limit of Realtime."""

    def __init__(self, message: str, *, retry_after: float = 60.0) -> None:
        super().__init__(
            f"{message} Trying again in {retry_after:.0f} seconds.", retry_after=retry_after
        )


class DisconnectedError(LiveUpdatesError):
    """The client is not connected, or was disconnected during the call."""


class GivenUpError(LiveUpdatesError):
    """All ``max_reconnect_attempts`` have failed; the client has stopped."""


class WebhookVerificationError(LiveUpdatesError):
    """The request's signature, timestamp or body is not valid. Answer 401 and do nothing."""
