"""The collections that the newsroom sends to its sites' front ends."""

from __future__ import annotations

from typing import Any

from spool_live import LiveCollection, register

from .models import Article, Category


@register(Article)
class ArticleCollection(LiveCollection):
    """Articles. The updates of an article that is not public yet only say that it exists."""

    name = "articles"
    slug_field = "slug"

    def is_published(self, item: Article) -> bool:
        return item.is_public

    def get_metadata(self, item: Article) -> dict[str, Any]:
        # Every token of a site can read the metadata of its drafts, so theirs has no text.
        if not item.is_public:
            return {"status": item.status}
        return {
            "title": item.title,
            "summary": item.summary,
            "status": item.status,
            "category": item.category.slug,
        }


@register(Category)
class CategoryCollection(LiveCollection):
    """Sections. Renaming one changes every card that names it."""

    name = "categories"
    slug_field = "slug"

    def get_metadata(self, item: Category) -> dict[str, Any]:
        return {"title": item.name}
