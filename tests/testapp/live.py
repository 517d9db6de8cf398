from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spool_live import LiveCollection, register
from tests.testapp.models import Article, Dossier, Note, Page, Product, Snippet


@register(Article)
class ArticleCollection(LiveCollection):
    slug_field = "slug"

    def is_published(self, item: Article) -> bool:
        return item.status == "published"

    def get_metadata(self, item: Article) -> Mapping[str, Any]:
        return {"title": item.title}


@register(Note)
class NoteCollection(LiveCollection):
    pass


@register(Snippet)
class SnippetCollection(LiveCollection):
    site_field = "section.site_id"


@register(Page)
class PageCollection(LiveCollection):
    pass


@register(Product)
class ProductCollection(LiveCollection):
    name = "goods"
    site_field = "tenant"


@register(Dossier)
class DossierCollection(LiveCollection):
    def announces(self, item: Dossier) -> bool:
        return item.public
