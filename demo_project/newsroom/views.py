"""The public pages of the papers, and the JSON that their live script reads.

Every query starts from ``_public``, so that unpublished articles cannot be reached.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from . import art
from .models import Article, ArticleQuerySet, Category, Publication
from .presentation import card, story


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the start page: what the demo is, and links to its parts."""
    papers = [
        {"paper": paper, "lead": next(iter(_cards(paper)), None)} for paper in _publications()
    ]
    return render(request, "newsroom/index.html", {"papers": papers})


@require_safe
def split(request: HttpRequest) -> HttpResponse:
    """Show both papers side by side."""
    return render(request, "newsroom/split.html", {"publications": _publications()})


@never_cache
@require_safe
def front(request: HttpRequest, publication: str, section: str | None = None) -> HttpResponse:
    """Show the front page, or one section of it."""
    paper = _publication(publication)
    chosen = get_object_or_404(Category, site=paper.site_id, slug=section) if section else None
    context = {
        **_furniture(paper),
        "section": chosen,
        "cards": _cards(paper, section),
        "page": _page(paper, section=section),
    }
    return render(request, "newsroom/front.html", context)


@never_cache
@require_safe
def article(request: HttpRequest, publication: str, article: str) -> HttpResponse:
    """Show one article in full."""
    paper = _publication(publication)
    item = get_object_or_404(_public(paper), slug=article)
    others = [found for found in _cards(paper) if found["id"] != str(item.pk)]
    context = {
        **_furniture(paper),
        "story": story(paper, item),
        "others": others[:4],
        "page": _page(paper, item=str(item.pk)),
    }
    return render(request, "newsroom/article.html", context)


@never_cache
@require_safe
def cards_json(request: HttpRequest, publication: str) -> JsonResponse:
    """Return ``{server_time, cards}``: the front page's cards, newest first, or ``?section=``'s."""
    paper = _publication(publication)
    cards = _cards(paper, request.GET.get("section"))
    return JsonResponse({"server_time": _now_ms(), "cards": cards})


@never_cache
@require_safe
def story_json(request: HttpRequest, publication: str, item: str) -> JsonResponse:
    """Return ``{server_time, story}`` of a public article; 404 for every other."""
    paper = _publication(publication)
    found = get_object_or_404(_public(paper), pk=item)
    return JsonResponse({"server_time": _now_ms(), "story": story(paper, found)})


@require_safe
def art_svg(request: HttpRequest, publication: str, item: str) -> HttpResponse:
    """Return the picture of a public article."""
    paper = _publication(publication)
    found = get_object_or_404(_public(paper), pk=item)
    drawing = art.draw(paper.theme, found.category.slug, f"{paper.slug}/{found.slug}")
    return HttpResponse(drawing, content_type="image/svg+xml")


def _publications() -> list[Publication]:
    return list(Publication.objects.select_related("site"))


def _publication(slug: str) -> Publication:
    return get_object_or_404(Publication.objects.select_related("site"), slug=slug)


def _public(paper: Publication) -> ArticleQuerySet:
    articles = Article.objects.public().filter(site=paper.site_id)
    return articles.select_related("category").prefetch_related("tags")


def _cards(paper: Publication, section: str | None = None) -> list[dict[str, Any]]:
    articles = _public(paper)
    if section:
        articles = articles.filter(category__slug=section)
    return [card(paper, found) for found in articles]


def _furniture(paper: Publication) -> dict[str, Any]:
    sections = Category.objects.filter(site=paper.site_id)
    return {"paper": paper, "sections": sections, "today": timezone.now()}


def _page(paper: Publication, **extra: str | None) -> dict[str, str | None]:
    """Return the configuration of the page's script: addresses on its own server, no secrets."""
    story_pattern = reverse(
        "newsroom:story", args=[paper.slug, "00000000-0000-0000-0000-000000000000"]
    )
    return {
        "cards_url": reverse("newsroom:cards", args=[paper.slug]),
        "story_url": story_pattern,
        "site_id": str(paper.site_id),
        "live_url": reverse("newsroom:live", args=[paper.slug]),
        **extra,
    }


def _now_ms() -> int:
    return int(timezone.now().timestamp() * 1000)
