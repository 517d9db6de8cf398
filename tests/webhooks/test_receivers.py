"""The receivers that the documentation shows, as they stand there, against the sender."""

from __future__ import annotations

import socket
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from spool_live import webhooks
from spool_live.delivery import deliver_and_mirror
from spool_live.models import Site, WebhookEndpoint
from spool_live.webhooks import replay
from spool_live.webhooks.secrets import add_secret
from tests.blocks import blocks_of
from tests.outbox.conftest import Clock, waiting

pytestmark = pytest.mark.django_db(databases="__all__")
BLOCKS = blocks_of("docs/how-to/receive-webhooks.md")
Serve = Callable[[str], Any]


def example(framework: str) -> list[str]:
    """The Python blocks of a section of the page."""
    return [one.text for one in BLOCKS if (one.section, one.language) == (framework, "python")]


def module(name: str, source: str, **given: Any) -> types.ModuleType:
    made = types.ModuleType(name)
    made.__dict__.update(given)
    exec(compile(source, name, "exec"), made.__dict__)
    return made


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Nothing."""


@contextmanager
def wsgi(application: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/webhooks/spool/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def asgi(application: Any) -> Iterator[str]:
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks/spool/"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


@contextmanager
def flask(secret: str, got: list[Any]) -> Iterator[str]:
    pytest.importorskip("flask")
    made = module("flask_example", example("Flask")[0])
    made.on_webhook = lambda event: handle(got, event)  # type: ignore[attr-defined]
    with wsgi(made.app) as url:
        yield url


@contextmanager
def fastapi(secret: str, got: list[Any]) -> Iterator[str]:
    pytest.importorskip("fastapi")
    made = module("fastapi_example", example("FastAPI")[0])

    async def on_webhook(event: Any) -> None:
        handle(got, event)

    made.on_webhook = on_webhook  # type: ignore[attr-defined]
    with asgi(made.app) as url:
        yield url


@contextmanager
def django(secret: str, got: list[Any]) -> Iterator[str]:
    views, urls = example("Django")
    package = types.ModuleType("django_example")
    package.__path__ = []
    sys.modules["django_example"] = package
    try:
        with override_settings(SPOOL_WEBHOOK_SECRET=secret, ROOT_URLCONF="django_example.urls"):
            made = module("django_example.views", views)
            made.purge = lambda collection, slug: handle(got, slug)  # type: ignore[attr-defined]
            package.views = made  # type: ignore[attr-defined]
            sys.modules["django_example.views"] = made
            source = urls.replace("from . import views", "from django_example import views")
            sys.modules["django_example.urls"] = module("django_example.urls", source)
            with wsgi(WSGIHandler()) as url:
                yield url
    finally:
        for name in [name for name in sys.modules if name.startswith("django_example")]:
            del sys.modules[name]


def handle(got: list[Any], event: Any) -> None:
    """What the site does: at the first call it fails."""
    got.append(event)
    if len(got) == 1:
        raise RuntimeError("the cache is away")


@pytest.mark.parametrize("framework", [flask, fastapi, django], ids=lambda f: f.__name__)
def test_example_takes_what_is_sent(
    framework: Any, site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = WebhookEndpoint.objects.create(site=site, url="http://127.0.0.1:1/")
    secret = str(add_secret(endpoint, using="default"))
    monkeypatch.setenv("SPOOL_WEBHOOK_SECRET", secret)
    got: list[Any] = []
    with framework(secret, got) as url:
        WebhookEndpoint.objects.update(url=url)
        waiting(site, 3, slug="hello")
        deliver_and_mirror("default")
        report = webhooks.send_pending("default")
        assert (report.sent, report.failed) == (2, 1), report.reasons
        clock.advance(seconds=10)
        assert webhooks.send_pending("default").sent == 1
        assert len(got) == 4, "the one that failed came again, and nothing twice"
        replay.resend_all(endpoint, since_seq=1, using="default")
        assert webhooks.send_pending("default").sent == 3
        assert len(got) == 4, "known ids are taken and not handled again"


@pytest.mark.parametrize("framework", [flask, fastapi, django], ids=lambda f: f.__name__)
def test_example_refuses_another_secret(
    framework: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = WebhookEndpoint.objects.create(site=site, url="http://127.0.0.1:1/")
    add_secret(endpoint, using="default")
    other = "whsec_" + "A" * 43 + "="
    monkeypatch.setenv("SPOOL_WEBHOOK_SECRET", other)
    got: list[Any] = []
    with framework(other, got) as url:
        WebhookEndpoint.objects.update(url=url)
        waiting(site)
        deliver_and_mirror("default")
        assert webhooks.send_pending("default").reasons == {"HTTP 401"}
    assert got == []
