"""What is reported: articles (and events among them), and every other page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spool_live.contrib.wagtail import (
    PageCollection,
    SnippetCollection,
    register_pages,
    register_snippets,
)
from tests.contrib.wagtail.content.models import ArticlePage, Author, Notice, SectionPage


@register_pages(ArticlePage)
class Articles(PageCollection):
    name = "articles"
    most_moved = 4
    most_descendants = 4

    def get_metadata(self, item: Any) -> Mapping[str, Any]:
        links = [link.url for link in item.links.all()]
        return {**super().get_metadata(item), "teaser": item.teaser, "links": links}


@register_pages(SectionPage)
class Sections(PageCollection):
    name = "sections"
    most_descendants = 4


@register_snippets(Author)
class Authors(SnippetCollection):
    every_site = True


@register_snippets(Notice)
class Notices(SnippetCollection):
    pass
