"""Tables that map each answer other than success to the error it means for a batch.

Sources: PostgREST's error reference, PostgreSQL's appendix A (SQLSTATE), RFC 9110, and what
PostgREST 14 answers when its database is killed, full or slow, or its schema cache is stale.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from spool_live.exceptions import (
    BatchTooSlow,
    BroadcastError,
    BroadcastRefused,
    BroadcastUnavailable,
    SequenceTaken,
    UnclearRefusal,
    UnknownSite,
)

FOREIGN_KEY = "23503"
UNIQUE = "23505"
UNAUTHORIZED = 401
UNAVAILABLE = 503
_STATUS = re.compile("[1-5][0-9][0-9]")
_MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
LONGEST = 500
"""Maximum of characters of an answer that a reason repeats."""

_CREDENTIALS = 'Check SPOOL_LIVE["SUPABASE_SECRET_KEY"], and run manage.py live_setup.'
_SCHEMA = (
    "The live tables are missing or were changed, or PostgREST has not read them yet: run "
    "manage.py migrate, then live_setup."
)
_ADDRESS = 'Check SPOOL_LIVE["SUPABASE_URL"]: what answers there is not PostgREST.'
_OVERLOADED = "The database is out of connections, memory or disk: see the project's health."
_DATABASE = "PostgREST has no working connection to its database; it tries again by itself."
_GATEWAY = (
    "The gateway does not get an answer from the project: it may be restarting or overloaded."
)
_FIREWALL = (
    "Something in front of PostgREST, a firewall or a gateway, refuses the request: let the CMS's "
    "requests to /rest/v1/ pass, whatever they contain."
)
_UNKNOWN = "If every update meets this, look at the triggers on live_updates and at the gateway."


def _suspect(message: str) -> BroadcastUnavailable:
    return BroadcastUnavailable(message, may_be_content=True)


@dataclass(frozen=True, slots=True)
class _Class:
    """Codes with the same meaning: the error that they stand for, and what to do about it."""

    codes: re.Pattern[str]
    error: Callable[[str], BroadcastError]
    remedy: str = ""

    def error_with(self, message: str) -> BroadcastError:
        return self.error(f"{message.rstrip('.')}. {self.remedy}" if self.remedy else message)


def _class(codes: str, error: Callable[[str], BroadcastError], remedy: str = "") -> _Class:
    return _Class(re.compile(codes), error, remedy)


_CLOCK = (
    "The key is a token that has expired or is not valid yet: check "
    'SPOOL_LIVE["SUPABASE_SECRET_KEY"] and the clocks of this machine and of Supabase.'
)
_CLASSES = (
    _class("PGRST303", BroadcastUnavailable, _CLOCK),
    _class("42501|PGRST3..|28...", BroadcastUnavailable, _CREDENTIALS),
    _class("PGRST106", BroadcastUnavailable, "Expose the schema public in the API settings."),
    # Our columns and functions never change: if one of them is unknown, the schema is wrong.
    _class("42...|3[DF]000|PGRST2..", BroadcastUnavailable, _SCHEMA),
    _class("PGRST00[012]|57P..|08...", BroadcastUnavailable, _DATABASE),
    _class("53...|PGRST003", BroadcastUnavailable, _OVERLOADED),
    _class("57014", BatchTooSlow, "Writing takes longer than the API role's statement_timeout."),
    # Data exceptions, not-null and check violations, a row too big for an index, a bad body.
    _class("22...|23502|23514|54000|PGRST102", BroadcastRefused),
    _class("40...|55...|57...|58...|25...|F0...|PGRST[01]..", BroadcastUnavailable),
    _class("XX...", _suspect),
)
_STATUSES = (
    _class("3..", BroadcastUnavailable, _ADDRESS),
    _class("401", BroadcastUnavailable, _CREDENTIALS),
    _class(
        "402",
        BroadcastUnavailable,
        "The Supabase project is restricted: a quota is used up or a bill is not paid. See the "
        "organisation's billing page.",
    ),
    _class("403|406|451", UnclearRefusal, _FIREWALL),
    _class("404|405|410|421", BroadcastUnavailable, _ADDRESS),
    _class("407", BroadcastUnavailable, "The proxy asks for credentials: see HTTPS_PROXY."),
    _class("408|504|524", BatchTooSlow, _GATEWAY),
    _class("413", BroadcastRefused, "The gateway limits the size of a request."),
    _class("429", BroadcastUnavailable, "Supabase asks for fewer requests."),
    _class("500", _suspect),
    _class("52[56]", BroadcastUnavailable, "TLS between the gateway and the project fails."),
    _class(
        "540",
        BroadcastUnavailable,
        "The Supabase project is paused: restore it in the dashboard.",
    ),
    _class("5..", _suspect, _GATEWAY),
)


def error_for(
    code: str | None, message: str, details: str = "", *, status: int | None = None
) -> BroadcastError:
    """Return the error that a refusal stands for.

    ``code``, ``message`` and ``details`` are those of PostgREST's error. If the answer did not come
    from PostgREST, ``code`` is the HTTP ``status`` as text. For a code that is in no table the
    error is an ``UnclearRefusal``.
    """
    message = _brief(message)
    reason = f"{code}: {message}" if code else message
    error: BroadcastError
    if not reason:
        # Each pooled connection of PostgREST answers this once after its database was killed.
        reason = f"an error without code and message (HTTP {status or 'status unknown'})"
        error = BroadcastUnavailable(f"{reason}. {_DATABASE}")
    elif status == UNAUTHORIZED and not (code or "").startswith("PGRST"):
        error = BroadcastUnavailable(f"{reason}. {_CREDENTIALS}")  # 22023: no such role
    elif code == FOREIGN_KEY:
        error = UnknownSite(reason)
    elif code == UNIQUE and "seq" in f"{message} {details}":
        error = SequenceTaken(reason)
    else:
        error = _by_code(code or str(status), reason)
        if isinstance(error, BroadcastUnavailable) and status == UNAVAILABLE and code != "503":
            error.may_be_content = False  # PostgREST's own error, which no update can cause
    return error


def _by_code(code: str, message: str) -> BroadcastError:
    table = _STATUSES if _STATUS.fullmatch(code) else _CLASSES
    for one in table:
        if one.codes.fullmatch(code):
            return one.error_with(message)
    return UnclearRefusal(f"{message.rstrip('.')}. {_UNKNOWN}")


def _brief(text: str) -> str:
    """Return ``text`` as one line of at most ``LONGEST`` characters, without HTML markup."""
    if "<" in text and ">" in text:
        text = re.sub(
            r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE
        )
    text = " ".join(text.replace("\x00", "").split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
