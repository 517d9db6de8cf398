"""What is shown once: it waits in the session, sealed, between the POST that made it and the page
that shows it.

A reload of that page, or a way back to it, shows nothing again and makes nothing again. Neither the
store of sessions nor a cookie holds the text: it takes ``SECRET_KEY`` to read it.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from spool_live.keys.secrets import HiddenText
from spool_live.sealing import seal, unseal

_SESSION = "spool_live_shown_once"
_LABEL = "spool_live: shown once, version 1"
_WAITS = 600
"""Seconds that it waits for the page that shows it."""


@sensitive_variables("plain")
def put(request: HttpRequest, pk: uuid.UUID, plain: str) -> None:
    """Keep ``plain``, which belongs to the object ``pk``, for the next page."""
    sealed = seal(plain, label=_LABEL, place=str(pk))
    request.session[_SESSION] = {**_waiting(request), str(pk): [time.time(), sealed]}


@sensitive_variables("plain")
def take(request: HttpRequest, pk: uuid.UUID) -> HiddenText | None:
    """Return what ``put`` was given for ``pk``, once; ``None`` ever after."""
    waiting = _waiting(request)
    _, sealed = waiting.pop(str(pk), (0, ""))
    if sealed or _SESSION in request.session:
        request.session[_SESSION] = waiting
    plain = unseal(sealed, label=_LABEL, place=str(pk))
    return None if plain is None else HiddenText(plain)


def _waiting(request: HttpRequest) -> dict[str, Any]:
    now = time.time()
    known: dict[str, Any] = request.session.get(_SESSION) or {}
    return {pk: held for pk, held in known.items() if abs(now - held[0]) < _WAITS}
