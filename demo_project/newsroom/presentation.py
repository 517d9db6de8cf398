"""An article as readers see it, in the one form that the pages and the JSON use."""

from __future__ import annotations

import re
from typing import Any

from django.urls import reverse

from .models import Article, Publication


def card(publication: Publication, article: Article) -> dict[str, Any]:
    """Return the fields of a card. Times are ISO 8601 in UTC."""
    assert article.publish_at is not None  # a public article has its hour  # noqa: S101
    return {
        "id": str(article.pk),
        "title": article.title,
        "summary": article.summary,
        "section": article.category.name,
        "section_slug": article.category.slug,
        "byline": article.byline,
        "published_at": article.publish_at.isoformat(),
        "updated_at": article.updated_at.isoformat(),
        "tags": [tag.name for tag in article.tags.all()],
        "url": reverse("newsroom:article", args=[publication.slug, article.slug]),
        "art": reverse("newsroom:art", args=[publication.slug, article.pk]),
    }


def story(publication: Publication, article: Article) -> dict[str, Any]:
    """Return the fields of a card, the text as a list of paragraphs, and the reading minutes."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", article.body) if part.strip()]
    words = sum(len(part.split()) for part in paragraphs)
    return {
        **card(publication, article),
        "paragraphs": paragraphs,
        "minutes": max(1, round(words / 200)),
    }
