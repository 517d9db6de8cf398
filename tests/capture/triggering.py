"""Collections that are declared differently for the length of a test, with their triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Model, Q

from spool_live import LiveCollection, unregister
from spool_live.capture import triggers
from spool_live.collections import registry
from tests.testapp.models import Article, Contribution, Dossier, Note, Page, Product

on_postgresql = pytest.mark.skipif(
    settings.CONTENT != "postgresql", reason="the content is not on PostgreSQL"
)
DECLARED: dict[type[Model], dict[str, Any]] = {
    Article: {
        "slug_field": "slug",
        "published_when": Q(status="published"),
        "metadata_fields": ("title", "status"),
    },
    Note: {"metadata_fields": {"content": "text"}},
    Contribution: {"site_field": "dossier.site", "metadata_fields": ("role",)},
    Page: {"metadata_fields": ("title",)},
    Product: {"name": "goods", "site_field": "tenant", "metadata_fields": ("sku", "stock")},
    Dossier: {"announced_when": Q(public=True), "metadata_fields": ("title",)},
}
"""Every shape of model, declared by attributes only."""


@contextmanager
def declared(model: type[Model], **body: Any) -> Iterator[LiveCollection]:
    """Registers ``model`` with a collection of this body, instead of the one it has."""
    before = next((type(c) for c in registry if c.model is model), None)
    if before is not None:
        unregister(model)
    try:
        yield registry.register(model, type("Declared", (LiveCollection,), body))
    finally:
        unregister(model)
        if before is not None:
            registry.register(model, before)


@contextmanager
def captured_by(capture: str) -> Iterator[None]:
    """All of ``DECLARED``, captured by ``signals`` or by ``trigger``.

    In a transaction the triggers go with its rollback; otherwise they are removed.
    """
    with ExitStack() as stack:
        for model, body in DECLARED.items():
            stack.enter_context(declared(model, capture=capture, **body))
        triggers.install("default")
        yield
        if not connection.in_atomic_block:
            triggers.remove("default")
