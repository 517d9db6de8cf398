"""An article as the public sees it: the one shape behind the pages and the JSON."""

from __future__ import annotations

import re
from typing import Any

from django.urls import reverse

from .models import Article, Publication


def card(publication: Publication, article: Article) -> dict[str, Any]:
    """What a card shows. Times are ISO 8601 in UTC."""
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
    """A card and the text, as a list of paragraphs, with the minutes it takes to read."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", article.body) if part.strip()]
    words = sum(len(part.split()) for part in paragraphs)
    return {
        **card(publication, article),
        "paragraphs": paragraphs,
        "minutes": max(1, round(words / 200)),
    }
