"""What the demo keeps to itself."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from django.utils.module_loading import import_string
from django.views.debug import ExceptionReporter

from demo_project import settings as demo
from demo_project.safety import JSONSerializer, NoAddresses


@pytest.mark.parametrize("value", [0, 7, -1, 1.5, "text", None, True, {"a": [1, None]}, [], "7"])
def test_value_of_the_cache_comes_back_as_it_was(value: object) -> None:
    stored = JSONSerializer().dumps(value)
    data = str(stored).encode() if isinstance(stored, int) else stored
    assert JSONSerializer().loads(data) == value


def test_every_cache_of_the_demo_is_written_so() -> None:
    serializers = [import_string(cache["OPTIONS"]["serializer"]) for cache in demo.CACHES.values()]
    assert set(serializers) == {JSONSerializer}


def test_cache_does_not_unpickle() -> None:
    import pickle

    with pytest.raises(ValueError):
        JSONSerializer().loads(pickle.dumps({"a": 1}))


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError):
        JSONSerializer().dumps(object())


def test_debug_page_shows_no_address_with_a_password(settings: object) -> None:
    secret = "hunter2-of-redis"
    url = f"redis://:{secret}@127.0.0.1:1/0"
    settings.REDIS_URL = settings.CELERY_BROKER_URL = url  # type: ignore[attr-defined]
    settings.CELERY_RESULT_BACKEND = url  # type: ignore[attr-defined]
    settings.CACHES = {"default": {"BACKEND": "x", "LOCATION": url}}  # type: ignore[attr-defined]
    settings.DEFAULT_EXCEPTION_REPORTER_FILTER = (  # type: ignore[attr-defined]
        f"{NoAddresses.__module__}.{NoAddresses.__qualname__}"
    )
    page = ExceptionReporter(RequestFactory().get("/"), None, None, None)
    page.filter = NoAddresses()
    text = page.get_traceback_html()
    assert "CELERY_BROKER_URL" in text
    assert secret not in text
