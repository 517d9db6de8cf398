"""Views for load balancers and Prometheus: liveness, readiness, state and metrics."""

from __future__ import annotations

import hmac
from importlib.util import find_spec

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_safe

from spool_live import status as system
from spool_live.conf import live_settings


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """Answer ``GET health/``: 200 as long as the process answers. Uses no database or cache."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Answer ``GET health/ready/``: 200 if tokens and catch-up can be served, else 503.

    The body has one word for each part. A throttle cache that does not answer is ``degraded``: the
    process is ready all the same.
    """
    checks = system.readiness()
    failing = "failing" in checks.values()
    body = {"status": "failing" if failing else "ok", "checks": checks}
    return JsonResponse(body, status=503 if failing else 200)


@require_safe
@never_cache
@sensitive_variables()
def status(request: HttpRequest) -> HttpResponse:
    """Answer ``GET health/status/``: 200 while an edit made now would arrive, else 503.

    The body is ``{state, age_seconds}``; with ``Authorization: Bearer <METRICS_TOKEN>`` it is the
    whole status. The database is asked every few seconds at most, however often this is called.
    """
    token = live_settings().metrics_token
    trusted = "Authorization" in request.headers and bool(token)
    if trusted and not _is_authorized(request, token):
        return _unauthorized()
    found = system.current()
    full = system.as_json(found)
    body = full if trusted else {"state": full["state"], "age_seconds": full["age_seconds"]}
    return JsonResponse(body, status=200 if found.state is system.State.OK else 503)


@require_safe
@never_cache
@sensitive_variables()
def prometheus(request: HttpRequest) -> HttpResponse:
    """Answer ``GET metrics/``, which needs ``Authorization: Bearer <METRICS_TOKEN>``.

    404 while that setting is empty, and 501 where the extra ``metrics`` is not installed.
    """
    token = live_settings().metrics_token
    if not token:
        raise Http404
    if not _is_authorized(request, token):
        return _unauthorized()
    if not find_spec("prometheus_client"):
        return HttpResponse("pip install 'spool-live[metrics]'\n", status=501)
    from spool_live import metrics  # noqa: PLC0415 - needs that extra

    return HttpResponse(metrics.render(), content_type=metrics.CONTENT_TYPE)


def _is_authorized(request: HttpRequest, token: str) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(given.encode(), token.encode())


def _unauthorized() -> HttpResponse:
    answer = HttpResponse("The metrics token is not valid.\n", status=401)
    answer["WWW-Authenticate"] = 'Bearer realm="spool-live metrics"'
    return answer
