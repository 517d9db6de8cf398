"""Connects the app to the models and signals of Wagtail."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, pre_delete
from wagtail.models import Page, PageViewRestriction
from wagtail.models import Site as WagtailSite
from wagtail.signals import pre_page_move

from spool_live.capture.connection import observe_saves
from spool_live.collections import registry_changed
from spool_live.contrib.wagtail import moves, pages, privacy, sites, snippets


def connect() -> None:
    """Observe pages, view restrictions, Wagtail's sites, and what pages use. Connecting twice is
    harmless."""
    for models, begin in (
        (lambda: [Page], pages.begin),
        (lambda: [WagtailSite], sites.begin),
        (lambda: [PageViewRestriction], privacy.begin),
        (snippets.models, snippets.begin),
    ):
        observe_saves(models, begin)
    pre_page_move.connect(moves.before_move, dispatch_uid="spool_live.wagtail.before_move")
    for module, model in (
        (pages, Page),
        (sites, WagtailSite),
        (privacy, PageViewRestriction),
    ):
        _observe_deletions(module, model)
    observe_snippets()
    registry_changed.connect(observe_snippets, dispatch_uid="spool_live.wagtail.snippets")


def observe_snippets(**kwargs: Any) -> None:
    """Observe deletions of what pages use and of the snippets that are registered now."""
    for model in snippets.models():
        _observe_deletions(snippets, model)


def _observe_deletions(module: Any, model: Any) -> None:
    uid = f"{module.__name__}.{model._meta.label}"
    pre_delete.connect(module.before_delete, sender=model, dispatch_uid=uid)
    post_delete.connect(module.after_delete, sender=model, dispatch_uid=uid)
