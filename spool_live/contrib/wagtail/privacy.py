"""View restrictions: a page that has one is not public, and neither are the pages below it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet
from wagtail.models import Page, PageViewRestriction

from spool_live.contrib.wagtail.declarations import page_collections
from spool_live.contrib.wagtail.moment import Moment, behind, restricted
from spool_live.contrib.wagtail.roots import read_roots
from spool_live.contrib.wagtail.subtrees import record_change

_BEFORE = "spool_live_wagtail_restricted"


def begin(
    instance: Any, using: str, raw: bool, update_fields: Collection[str] | None
) -> RestrictionSave | None:
    """Return what captures a save of a view restriction; ``None`` for fixtures."""
    return None if raw or not page_collections() else RestrictionSave(instance, using)


class RestrictionSave:
    """One save of a view restriction."""

    needs_transaction = True

    def __init__(self, restriction: PageViewRestriction, using: str) -> None:
        self.restriction = restriction
        self.using = using
        self.paths: frozenset[str] = frozenset()

    def before(self) -> None:
        """Read what is restricted."""
        self.paths = restricted(self.using)

    def after(self, *, created: bool) -> None:
        """Record what is restricted now; another kind of restriction changes nothing publicly."""
        record_privacy(self.paths, restricted(self.using), self.using)


def before_delete(
    sender: Any, instance: Any, using: str, origin: Any = None, **kwargs: Any
) -> None:
    """Read what is restricted (receiver of ``pre_delete``), unless the page itself is deleted."""
    model = origin.model if isinstance(origin, QuerySet) else type(origin)
    if page_collections() and issubclass(model, PageViewRestriction):
        instance._state.__dict__[_BEFORE] = restricted(using)


def after_delete(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Record that pages behind the restriction are public again (receiver of ``post_delete``)."""
    before = instance._state.__dict__.pop(_BEFORE, None)
    if before is not None:
        record_privacy(before, restricted(using), using)


def record_privacy(before: frozenset[str], after: frozenset[str], using: str) -> None:
    """Record the changes of pages whose tree path is in only one of ``before`` and ``after`` (the
    restricted paths), and of the pages below them."""
    changed = before ^ after
    if not changed:
        return
    roots = read_roots(using)
    was, now = Moment(roots, behind(before)), Moment(roots, behind(after))
    pages = Page.objects.using(using).filter(path__in=changed).order_by("path")
    for page in pages.specific():
        if behind(changed)(page.path[: -Page.steplen]):
            continue  # below another that changes
        if was.is_private(page.path) != now.is_private(page.path):
            record_change(page, was, now, using, was=page)
