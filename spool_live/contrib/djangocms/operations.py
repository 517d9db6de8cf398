"""Which operations of django CMS and djangocms-versioning change what the public sees."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from cms import api
from cms.admin.pageadmin import PageAdmin, PageContentAdmin
from cms.models import CMSPlugin, Page, PageContent, PageUrl
from cms.operations import (
    CLEAR_PLACEHOLDER,
    CUT_PLUGIN,
    MOVE_PLUGIN,
    PASTE_PLACEHOLDER,
    PASTE_PLUGIN,
)
from cms.signals import post_placeholder_operation
from django.apps import apps
from django.db import connections, router
from django.db.models.signals import post_delete, post_save

from spool_live.contrib.djangocms.watching import PageWatch, watching

Look = Callable[..., None]
_BY_SQL = (MOVE_PLUGIN, CUT_PLUGIN, PASTE_PLUGIN, PASTE_PLACEHOLDER, CLEAR_PLACEHOLDER)
"""Operations on plugins that run SQL and send no model signals."""
_EDITS = "spool_live_djangocms_edits"


def connect() -> None:
    """Wrap the operations and connect to the signals. Call it once, when all apps are loaded."""
    for name in ("save", "update", "update_urls", "update_urls_from_content"):
        _wrap(Page, name, lambda watch, page, *a, **k: watch.branch(page))
    for name in ("delete", "delete_translations", "_update_url_path_recursive"):
        _wrap(Page, name, lambda watch, page, *a, **k: watch.branch(page))
    _wrap(Page, "set_as_homepage", _watch_home_pages)
    _wrap(Page, "move_page", lambda watch, page, *a, **k: watch.branch(page), moved=True)
    for model in (PageContent, PageUrl):
        for name in ("save", "delete"):
            _wrap(model, name, lambda watch, row, *a, **k: watch.page(row.page_id))
    for name in ("create_page", "create_page_content"):
        _wrap(api, name, lambda watch, *a, **k: None)
    _wrap(PageContentAdmin, "_changeform_view", lambda watch, *a, **k: None)
    _wrap(PageAdmin, "_changeform_view", lambda watch, *a, **k: None)
    _wrap(
        PageContentAdmin, "delete_model", lambda watch, admin, request, obj: watch.branch(obj.page)
    )
    if apps.is_installed("djangocms_versioning"):
        from djangocms_versioning.models import Version as version  # noqa: N813, PLC0415 - optional

        for name in ("publish", "unpublish", "delete"):
            _wrap(version, name, _watch_page_of_version)
    post_save.connect(plugin_saved, dispatch_uid="spool_live.djangocms")
    post_delete.connect(plugin_saved, dispatch_uid="spool_live.djangocms")
    post_placeholder_operation.connect(plugins_moved, dispatch_uid="spool_live.djangocms")


def plugin_saved(sender: Any, instance: Any, using: str, raw: bool = False, **kwargs: Any) -> None:
    """Record a change of a plugin of a public page (receiver of ``post_save``, ``post_delete``)."""
    if isinstance(instance, CMSPlugin) and not raw and instance.placeholder_id:
        placeholder = instance.placeholder
        _record_edit(placeholder.source if placeholder else None, using)


def plugins_moved(sender: Any, operation: str, **kwargs: Any) -> None:
    """Record that plugins were moved by SQL (receiver of ``post_placeholder_operation``)."""
    if operation in _BY_SQL:
        names = ("placeholder", "source_placeholder", "target_placeholder")
        for placeholder in filter(None, map(kwargs.get, names)):
            _record_edit(placeholder.source, router.db_for_write(Page))


def _record_edit(content: Any, using: str) -> None:
    """Record an update of the page of ``content``, if that is public, once in a transaction."""
    if not isinstance(content, PageContent):
        return
    page, language = content.page_id, content.language
    if not PageContent.objects.using(using).filter(pk=content.pk).exists():
        return  # a draft
    if _is_first_edit(page, language, using):
        with watching(using, lambda watch: watch.page(page)) as watch:
            if watch is not None:
                watch.edited(page, language)


def _is_first_edit(page: int, language: str, using: str) -> bool:
    """Return whether no edit of the page was recorded in this transaction before. A commit callback
    notes each edit, so that a rollback discards the note."""
    connection = connections[using]
    if not connection.in_atomic_block:
        return True
    for _, callback, *_ in connection.run_on_commit:
        if getattr(callback, _EDITS, None) == (page, language):
            return False

    def note() -> None:
        """Do nothing."""

    setattr(note, _EDITS, (page, language))
    connection.on_commit(note)
    return True


def _wrap(owner: Any, name: str, look: Look, *, moved: bool = False) -> None:
    operation = getattr(owner, name, None)
    if operation is None:
        return  # this version of django CMS does not have it

    @wraps(operation)
    def watched(*args: Any, **kwargs: Any) -> Any:
        using = router.db_for_write(Page)
        with watching(using, lambda watch: look(watch, *args, **kwargs)) as watch:
            old_path = args[0].path if moved else None
            result = operation(*args, **kwargs)
            if watch is not None and isinstance(args[0] if args else None, Page):
                page = args[0]
                watch.created(page.pk)
                if moved and page.path != old_path:
                    watch.edited(page.pk)
        return result

    setattr(owner, name, watched)


def _watch_home_pages(watch: PageWatch, page: Any, *args: Any, **kwargs: Any) -> None:
    watch.branch(page)
    for home in Page.objects.using(watch.using).filter(is_home=True, site=page.site_id):
        watch.branch(home)


def _watch_page_of_version(watch: PageWatch, version: Any, *args: Any, **kwargs: Any) -> None:
    if isinstance(version.content, PageContent):
        watch.branch(version.content.page)
