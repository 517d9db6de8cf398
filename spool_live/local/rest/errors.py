"""Errors of the REST half: PostgREST's codes, messages and HTTP statuses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import psycopg


class ApiError(Exception):
    """An error that is sent to the client: an HTTP status and PostgREST's body of four keys."""

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        details: str | None = None,
        hint: str | None = None,
        wait: int = 0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.hint = hint
        self._wait = wait

    @property
    def body(self) -> dict[str, str | None]:
        """``code``, ``message``, ``details``, ``hint``; the gateway's own errors have no code."""
        if self.code is None:
            return {"message": self.message, "hint": self.hint}
        return {
            "code": self.code,
            "details": self.details,
            "hint": self.hint,
            "message": self.message,
        }

    @property
    def headers(self) -> Mapping[str, str]:
        if self.code is None:
            return {}
        headers = {"Proxy-Status": f"PostgREST; error={self.code}"}
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = self._challenge
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = str(self._wait)
        return headers

    @property
    def _challenge(self) -> str:
        """The value of ``WWW-Authenticate``, which describes a refused token (RFC 6750, section
        3)."""
        if not (self.code or "").startswith("PGRST30"):
            return "Bearer"
        return f'Bearer error="invalid_token", error_description="{self.message}"'


def database_unavailable(wait: float) -> ApiError:
    """Return the error for a missing database; the next attempt to connect is in ``wait``
    seconds."""
    message = "Database client error. Retrying the connection."
    return ApiError(503, "PGRST001", message, wait=int(wait))


def bad_query(message: str, details: str) -> ApiError:
    return ApiError(400, "PGRST100", message, details=details)


def bad_body(message: str) -> ApiError:
    return ApiError(400, "PGRST102", message)


def not_implemented(feature: str) -> ApiError:
    """Return the error for a feature that PostgREST has and the local Supabase has not."""
    details = f"The local Supabase does not support {feature}"
    return ApiError(400, "PGRST127", "Feature not implemented", details=details)


def unknown_column(column: str, table: str) -> ApiError:
    message = f"Could not find the '{column}' column of '{table}' in the schema cache"
    return ApiError(400, "PGRST204", message)


def not_one_row(rows: int) -> ApiError:
    return ApiError(
        406,
        "PGRST116",
        "Cannot coerce the result to a single JSON object",
        details=f"The result contains {rows} rows",
    )


def range_not_satisfiable(details: str) -> ApiError:
    return ApiError(416, "PGRST103", "Requested range not satisfiable", details=details)


def from_postgres(error: psycopg.Error, *, anonymous: bool) -> ApiError:
    """Return ``error`` as PostgREST reports it; ``anonymous`` says whether the role was ``anon``.

    A lost connection (its server process was killed) is a 400 without code and message, once.
    """
    code = error.sqlstate
    if code is None and isinstance(error, psycopg.OperationalError):
        return ApiError(400, "", "")
    if code is None:
        return bad_query("Bad value in request", str(error))
    message = error.diag.message_primary or str(error)
    return ApiError(
        _status_of(code, message, anonymous=anonymous),
        code,
        message,
        details=error.diag.message_detail,
        hint=error.diag.message_hint,
    )


_EXACT = {
    "23503": 409,
    "23505": 409,
    "25006": 405,
    "42883": 404,
    "42P01": 404,
    "42P17": 500,
    "53400": 500,
    "57P01": 503,
    "P0001": 400,
}
_BY_CLASS: Sequence[tuple[str, int]] = (
    ("08", 503),
    ("09", 500),
    ("0L", 403),
    ("0P", 403),
    ("21", 500),
    ("25", 500),
    ("28", 403),
    ("2D", 500),
    ("38", 500),
    ("39", 500),
    ("3B", 500),
    ("40", 500),
    ("53", 503),
    ("54", 500),
    ("55", 500),
    ("57", 500),
    ("58", 500),
    ("F0", 500),
    ("HV", 500),
    ("P0", 500),
    ("XX", 500),
)


def _status_of(code: str, message: str, *, anonymous: bool) -> int:
    if code == "42501":
        return 401 if anonymous else 403
    if code == "22023" and re.fullmatch(r"role .* does not exist", message):
        return 401
    if code == "21000" and message.endswith("requires a WHERE clause"):
        return 400
    if code.startswith("PT"):
        return int(code[2:]) if code[2:].isdigit() else 500
    if code in _EXACT:
        return _EXACT[code]
    return next((status for prefix, status in _BY_CLASS if code.startswith(prefix)), 400)
