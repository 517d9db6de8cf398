"""Where a page was before it was moved.

Wagtail moves the tree first and saves the page afterwards, in one transaction. So the place of the
page is noted at ``pre_page_move``, and read when the page is saved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asgiref.local import Local
from django.db import router
from wagtail.models import Page

from spool_live.contrib.wagtail.moment import STEP, behind, restricted

_local = Local()


@dataclass(frozen=True, slots=True)
class PageMove:
    """The page's place in the tree before the move, and whether it was behind a view restriction of
    a page above it."""

    tree_path: str
    was_behind: bool


def before_move(sender: Any, instance: Page, **kwargs: Any) -> None:
    """Note where the page is (receiver of Wagtail's ``pre_page_move``)."""
    using = instance._state.db or router.db_for_write(Page)
    pages = Page._base_manager.using(using).filter(pk=instance.pk)
    tree_path = pages.values_list("path", flat=True).first() or instance.path
    was_behind = behind(restricted(using))(tree_path[:-STEP])
    _local.move = (instance.pk, PageMove(tree_path, was_behind))


def completed_by(page: Page) -> PageMove | None:
    """Return the move that the save of ``page`` completes, or ``None``. A move that was abandoned,
    so that the page is where it was, does not count."""
    pk, move = getattr(_local, "move", (None, None))
    if pk != page.pk or move is None:
        return None
    _local.move = (None, None)
    return move if move.tree_path != page.path else None
