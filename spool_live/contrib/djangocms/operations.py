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
"""Operations on plugins that send no signals of models."""
_EDITS = "spool_live_djangocms_edits"


def connect() -> None:
    """Wrap the operations and connect to the signals. Call it once, when all is loaded."""
    for name in ("save", "update", "update_urls", "update_urls_from_content"):
        _wrap(Page, name, lambda watch, page, *a, **k: watch.branch(page))
    for name in ("delete", "delete_translations", "_update_url_path_recursive"):
        _wrap(Page, name, lambda watch, page, *a, **k: watch.branch(page))
    _wrap(Page, "set_as_homepage", _homes)
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
            _wrap(version, name, _versions_page)
    post_save.connect(plugin_saved, dispatch_uid="spool_live.djangocms")
    post_delete.connect(plugin_saved, dispatch_uid="spool_live.djangocms")
    post_placeholder_operation.connect(plugins_moved, dispatch_uid="spool_live.djangocms")


def plugin_saved(sender: Any, instance: Any, using: str, raw: bool = False, **kwargs: Any) -> None:
    """Receiver of ``post_save`` and ``post_delete``: a plugin of a public page changed."""
    if isinstance(instance, CMSPlugin) and not raw and instance.placeholder_id:
        placeholder = instance.placeholder
        _edited(placeholder.source if placeholder else None, using)


def plugins_moved(sender: Any, operation: str, **kwargs: Any) -> None:
    """Receiver of ``post_placeholder_operation``: plugins were moved by SQL."""
    if operation in _BY_SQL:
        names = ("placeholder", "source_placeholder", "target_placeholder")
        for placeholder in filter(None, map(kwargs.get, names)):
            _edited(placeholder.source, router.db_for_write(Page))


def _edited(content: Any, using: str) -> None:
    """Record an update of the page that ``content`` is public on, once a transaction."""
    if not isinstance(content, PageContent):
        return
    page, language = content.page_id, content.language
    if not PageContent.objects.using(using).filter(pk=content.pk).exists():
        return  # a draft
    if _is_first(page, language, using):
        with watching(using, lambda watch: watch.page(page)) as watch:
            if watch is not None:
                watch.edited(page, language)


def _is_first(page: int, language: str, using: str) -> bool:
    """Return whether no edit of the page was recorded in this transaction. The note of it lives
    among the callbacks of the transaction, so that it goes with a rollback."""
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
        return  # of another version of django CMS

    @wraps(operation)
    def watched(*args: Any, **kwargs: Any) -> Any:
        using = router.db_for_write(Page)
        with watching(using, lambda watch: look(watch, *args, **kwargs)) as watch:
            place = args[0].path if moved else None
            done = operation(*args, **kwargs)
            if watch is not None and isinstance(args[0] if args else None, Page):
                page = args[0]
                watch.created(page.pk)
                if moved and page.path != place:
                    watch.edited(page.pk)
        return done

    setattr(owner, name, watched)


def _homes(watch: PageWatch, page: Any, *args: Any, **kwargs: Any) -> None:
    watch.branch(page)
    for home in Page.objects.using(watch.using).filter(is_home=True, site=page.site_id):
        watch.branch(home)


def _versions_page(watch: PageWatch, version: Any, *args: Any, **kwargs: Any) -> None:
    if isinstance(version.content, PageContent):
        watch.branch(version.content.page)
