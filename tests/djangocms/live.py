"""What a project writes in order to have its pages reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spool_live.contrib.djangocms import PageCollection, register_pages


@register_pages
class Pages(PageCollection):
    def get_metadata(self, content: Any) -> Mapping[str, Any]:
        return {"title": content.title, "menu": content.menu_title}
