"""A page without a socket: it is rendered once, and again after a webhook of the CMS.

Visitors get the copy in the cache. Only the site's webhook removes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.core.cache import cache as copies
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from spool_live.client import WebhookEvent, create_spool_webhook_handler

from .models import Publication
from .views import _cards, _publication


@never_cache
@require_safe
def printed(request: HttpRequest, publication: str) -> HttpResponse:
    """Return the front page as it was rendered last."""
    paper = _publication(publication)
    page = copies.get(_name(publication))
    if page is None:
        page = _print(paper)
        copies.set(_name(publication), page, None)
    return HttpResponse(page)


@csrf_exempt
def webhook(request: HttpRequest, publication: str) -> HttpResponse:
    """Handle the CMS's webhook, whose signature proves the sender."""
    secret = settings.CREDENTIALS.webhook_secrets.get(publication)
    if not secret:
        raise Http404
    answer: HttpResponse = _handler(publication, secret)(request)
    return answer


@cache
def _handler(publication: str, secret: str) -> Callable[[HttpRequest], Any]:
    def on_webhook(event: WebhookEvent) -> None:
        copies.delete(_name(publication))

    return create_spool_webhook_handler(secret=secret, on_webhook=on_webhook)


def _print(paper: Publication) -> str:
    context = {"paper": paper, "cards": _cards(paper)[:6], "now": timezone.now()}
    return render_to_string("newsroom/printed.html", context)


def _name(publication: str) -> str:
    return f"newsroom-printed-{publication}"
