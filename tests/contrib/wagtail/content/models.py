"""A harbour newspaper: sections, articles, events; authors and notices as snippets."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from modelcluster.fields import ParentalKey
from modelcluster.models import ClusterableModel
from wagtail.admin.panels import FieldPanel, InlinePanel
from wagtail.blocks import CharBlock, RichTextBlock
from wagtail.fields import RichTextField, StreamField
from wagtail.images.blocks import ImageChooserBlock
from wagtail.models import (
    DraftStateMixin,
    Orderable,
    Page,
    RevisionMixin,
    Site,
    TranslatableMixin,
)
from wagtail.snippets.blocks import SnippetChooserBlock
from wagtail.snippets.models import register_snippet

from spool_live.contrib.wagtail.panels import LiveUpdatesPanel


@register_snippet
class Author(DraftStateMixin, RevisionMixin, TranslatableMixin, ClusterableModel):
    """A snippet with drafts, in several languages."""

    name = models.CharField(max_length=100)
    portrait = models.ForeignKey(
        "wagtailimages.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    panels = [FieldPanel("name"), FieldPanel("portrait")]

    class Meta(TranslatableMixin.Meta):
        pass

    def __str__(self) -> str:
        return self.name


@register_snippet
class Notice(models.Model):
    """A snippet of one site."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=100)
    objects: ClassVar[models.Manager[Self]]
    panels = [FieldPanel("site"), FieldPanel("text")]

    def __str__(self) -> str:
        return self.text


class SectionPage(Page):
    """A page with pages below it."""

    introduction = RichTextField(blank=True)
    content_panels = [*Page.content_panels, FieldPanel("introduction")]


class ArticlePage(Page):
    """An article."""

    teaser = models.CharField(max_length=200, blank=True)
    lead_image = models.ForeignKey(
        "wagtailimages.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    body = StreamField(
        [
            ("heading", CharBlock()),
            ("text", RichTextBlock()),
            ("image", ImageChooserBlock()),
            ("author", SnippetChooserBlock(Author)),
        ],
        blank=True,
    )
    content_panels = [
        *Page.content_panels,
        FieldPanel("teaser"),
        FieldPanel("lead_image"),
        FieldPanel("body"),
        InlinePanel("links", label="links"),
    ]
    settings_panels = [*Page.settings_panels, LiveUpdatesPanel()]


class Link(Orderable):
    """A link of an article."""

    page = ParentalKey(ArticlePage, on_delete=models.CASCADE, related_name="links")
    url = models.URLField()


class EventPage(ArticlePage):
    """A page type two tables below ``Page``."""

    venue = models.CharField(max_length=100, blank=True)
    content_panels = [*ArticlePage.content_panels, FieldPanel("venue")]


class InternalPage(Page):
    """A page type that is not reported."""
