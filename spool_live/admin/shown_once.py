"""Secrets that are shown once: each waits in the session, encrypted, between the POST that creates
it and the page that shows it.

Loading that page again neither shows the secret nor creates another. Whoever reads the session
store, or a cookie with the session, needs ``SECRET_KEY`` to read the secret.
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
_KEPT = 600
"""Seconds that a secret waits for the page that shows it."""


@sensitive_variables("plain")
def put(request: HttpRequest, pk: uuid.UUID, plain: str) -> None:
    """Keep ``plain``, the secret of the object ``pk``, for the page that shows it."""
    sealed = seal(plain, label=_LABEL, place=str(pk))
    request.session[_SESSION] = {**_waiting(request), str(pk): [time.time(), sealed]}


@sensitive_variables("plain")
def take(request: HttpRequest, pk: uuid.UUID) -> HiddenText | None:
    """Return the secret that ``put`` kept for ``pk``, and forget it; ``None`` if there is none."""
    waiting = _waiting(request)
    _, sealed = waiting.pop(str(pk), (0, ""))
    if sealed or _SESSION in request.session:
        request.session[_SESSION] = waiting
    plain = unseal(sealed, label=_LABEL, place=str(pk))
    return None if plain is None else HiddenText(plain)


def _waiting(request: HttpRequest) -> dict[str, Any]:
    now = time.time()
    known: dict[str, Any] = request.session.get(_SESSION) or {}
    return {pk: held for pk, held in known.items() if abs(now - held[0]) < _KEPT}
