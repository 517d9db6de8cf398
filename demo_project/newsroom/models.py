"""A small newsroom: who publishes, what they write, and who may edit it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from spool_live.models import Site

if TYPE_CHECKING:
    from datetime import datetime


class Theme(models.TextChoices):
    """The two themes in the demo's style sheet."""

    HARBOUR = "harbour", "Harbour: a town's daily"
    ORBIT = "orbit", "Orbit: a science weekly"


class Publication(models.Model):
    """The public face of a site: its address, tagline and look."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, primary_key=True)
    slug = models.SlugField(unique=True)
    tagline = models.CharField(max_length=120)
    theme = models.CharField(max_length=20, choices=Theme, default=Theme.HARBOUR)

    class Meta:
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return self.site.name

    def get_absolute_url(self) -> str:
        return reverse("newsroom:front", args=[self.slug])


class SiteEditor(models.Model):
    """A user's right to edit the content of one site."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="edited_sites"
    )
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="editors")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "site"], name="newsroom_editor_once_per_site")
        ]

    def __str__(self) -> str:
        return f"{self.user} edits {self.site}"


class Category(models.Model):
    """A section of one site's paper."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="categories")
    name = models.CharField(max_length=60)
    slug = models.SlugField()

    class Meta:
        verbose_name_plural = "categories"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "slug"], name="newsroom_category_slug_per_site")
        ]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """A keyword of one site."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=60)
    slug = models.SlugField()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "slug"], name="newsroom_tag_slug_per_site")
        ]

    def __str__(self) -> str:
        return self.name


class ArticleQuerySet(models.QuerySet["Article"]):
    """Queries for the articles that readers may see, and for those that are due."""

    def public(self, now: datetime | None = None) -> ArticleQuerySet:
        """Return published articles whose time has come: the only ones that a public page reads."""
        moment = now or timezone.now()
        return self.filter(status=Article.Status.PUBLISHED, publish_at__lte=moment)

    def due(self, now: datetime | None = None) -> ArticleQuerySet:
        """Return scheduled articles whose time has come."""
        moment = now or timezone.now()
        return self.filter(status=Article.Status.SCHEDULED, publish_at__lte=moment)


class Article(models.Model):
    """An article. Readers see it while it is published and its time has come."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        PUBLISHED = "published", "Published"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="articles")
    title = models.CharField(max_length=140)
    slug = models.SlugField(max_length=140)
    summary = models.TextField(max_length=300, help_text="One or two sentences under the title.")
    body = models.TextField(help_text="Plain text; an empty line begins a new paragraph.")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    publish_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: the moment it is published."
    )
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="articles")
    tags = models.ManyToManyField(Tag, blank=True, related_name="articles")
    byline = models.CharField(max_length=80)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ArticleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = [models.F("publish_at").desc(nulls_first=True), "title"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "slug"], name="newsroom_article_slug_per_site"),
            models.CheckConstraint(
                condition=Q(status="draft") | Q(publish_at__isnull=False),
                name="newsroom_article_has_its_hour",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["site", "status", "publish_at"], name="newsroom_public_articles")
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._give_hour()
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("newsroom:article", args=[self.site.publication.slug, self.slug])

    def clean(self) -> None:
        """Refuse a time that contradicts the status, and a section of another site."""
        self._give_hour()
        category = getattr(self, "category", None)  # the form may not have found one
        if category is not None and category.site_id != self.site_id:
            raise ValidationError({"category": "This section belongs to another site."})
        if self.status == self.Status.SCHEDULED and self.publish_at is None:
            raise ValidationError({"publish_at": "A scheduled article needs its hour."})
        in_future = self.publish_at is not None and self.publish_at > timezone.now()
        if self.status == self.Status.PUBLISHED and in_future:
            raise ValidationError(
                {"status": "Its hour is in the future: choose Scheduled, or an earlier hour."}
            )

    @property
    def is_public(self) -> bool:
        """Whether readers may see the article now; the same rule as ``ArticleQuerySet.public``."""
        return (
            self.status == self.Status.PUBLISHED
            and self.publish_at is not None
            and self.publish_at <= timezone.now()
        )

    def _give_hour(self) -> None:
        """Save the article. One that is published without a time is published now."""
        if self.status == self.Status.PUBLISHED and self.publish_at is None:
            self.publish_at = timezone.now()
