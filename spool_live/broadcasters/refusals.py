"""What PostgREST's refusals mean for a batch. A pure table: error code in, our error out.

Sources: PostgREST's error reference, PostgreSQL's appendix A (SQLSTATE).
"""

from __future__ import annotations

import re

from spool_live.exceptions import (
    BroadcastError,
    BroadcastRefused,
    BroadcastUnavailable,
    SequenceTaken,
    UnknownSite,
)

FOREIGN_KEY = "23503"
UNIQUE = "23505"
# Data exceptions, not-null and check violations, a value out of a column's range, a bad body, 413.
_REFUSED = re.compile(r"22...|23502|23514|54000|PGRST102|PGRST204|413")
_CREDENTIALS = re.compile(r"42501|PGRST30.|401|403")
_SCHEMA = re.compile(r"42P01|42883|PGRST20[25]|404")


def error_for(code: str | None, message: str, details: str) -> BroadcastError:
    """The error that a refusal with this PostgREST ``code`` (or HTTP status) stands for.

    What is not known to be the updates' own fault is a reason to try again later.
    """
    said = f"{code}: {message}" if code else message
    if code == FOREIGN_KEY:
        return UnknownSite(said)
    if code == UNIQUE and "seq" in f"{message} {details}":
        return SequenceTaken(said)
    if code and _REFUSED.fullmatch(code):
        return BroadcastRefused(said)
    if code is None or _CREDENTIALS.fullmatch(code):
        return BroadcastUnavailable(
            f'{said}. Check SPOOL_LIVE["SUPABASE_SECRET_KEY"], and run manage.py live_setup.'
        )
    if _SCHEMA.fullmatch(code):
        return BroadcastUnavailable(
            f"{said}. The live tables are not there: run manage.py migrate, then live_setup."
        )
    return BroadcastUnavailable(said)
