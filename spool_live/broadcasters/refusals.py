"""What an answer other than success means for a batch. Pure tables: an answer in, our error out.

Sources: PostgREST's error reference, PostgreSQL's appendix A (SQLSTATE), RFC 9110, and what
PostgREST 14 answers when its database is killed, stale, full or slow.
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
"""Most characters of an answer that a reason repeats."""

_CREDENTIALS = 'Check SPOOL_LIVE["SUPABASE_SECRET_KEY"], and run manage.py live_setup.'
_SCHEMA = (
    "The live tables are not there, are not what we made, or PostgREST has not seen them yet: run "
    "manage.py migrate, then live_setup."
)
_ADDRESS = 'Check SPOOL_LIVE["SUPABASE_URL"]: no PostgREST answers there.'
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


def _suspect(said: str) -> BroadcastUnavailable:
    return BroadcastUnavailable(said, may_be_content=True)


@dataclass(frozen=True, slots=True)
class _Class:
    """Codes that mean the same: the error that they stand for, and what to do about it."""

    codes: re.Pattern[str]
    error: Callable[[str], BroadcastError]
    remedy: str = ""

    def of(self, said: str) -> BroadcastError:
        return self.error(f"{said.rstrip('.')}. {self.remedy}" if self.remedy else said)


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
    # The columns and functions that we name are fixed: what is unknown is the schema's fault.
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

    ``code``, ``message`` and ``details`` are PostgREST's; where the answer was not PostgREST's, the
    code is the HTTP ``status`` as text. What is not known is an ``UnclearRefusal``.
    """
    message = _brief(message)
    said = f"{code}: {message}" if code else message
    error: BroadcastError
    if not said:
        # What each pooled connection of PostgREST answers once after its database was killed.
        said = f"an error without code and message (HTTP {status or 'status unknown'})"
        error = BroadcastUnavailable(f"{said}. {_DATABASE}")
    elif status == UNAUTHORIZED and not (code or "").startswith("PGRST"):
        error = BroadcastUnavailable(f"{said}. {_CREDENTIALS}")  # 22023: no such role
    elif code == FOREIGN_KEY:
        error = UnknownSite(said)
    elif code == UNIQUE and "seq" in f"{message} {details}":
        error = SequenceTaken(said)
    else:
        error = _by_code(code or str(status), said)
        if isinstance(error, BroadcastUnavailable) and status == UNAVAILABLE and code != "503":
            error.may_be_content = False  # PostgREST's own, which it says of itself alone
    return error


def _by_code(code: str, said: str) -> BroadcastError:
    table = _STATUSES if _STATUS.fullmatch(code) else _CLASSES
    for one in table:
        if one.codes.fullmatch(code):
            return one.of(said)
    return UnclearRefusal(f"{said.rstrip('.')}. {_UNKNOWN}")


def _brief(text: str) -> str:
    """Return ``text`` in one line that fits a log and a column; of a page what it says."""
    if "<" in text and ">" in text:
        text = re.sub(
            r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE
        )
    text = " ".join(text.replace("\x00", "").split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
