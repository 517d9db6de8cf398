"""Awkward content: every shape of model that capture has to get right."""

from __future__ import annotations

import uuid

from django.db import models

from spool_live.models import Site
from tests.testapp.fields import LowercaseField, WordsField


class Tag(models.Model):
    name = models.CharField(max_length=50)


class Section(models.Model):
    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    name = models.CharField(max_length=50)


class Article(models.Model):
    """UUID primary key, publish state, slug, relations."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    title = models.CharField(max_length=200)
    slug = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=20, default="draft")
    body = models.TextField(blank=True)
    tags = models.ManyToManyField(Tag, related_name="articles")
    related = models.ManyToManyField("self")
    sources = models.ManyToManyField("self", symmetrical=False, related_name="cited_by")


class ArticleProxy(Article):
    class Meta:
        proxy = True


class Note(models.Model):
    """Integer primary key, neither slug nor publish state; its columns have other names."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, db_column="tenant")
    text = models.CharField(max_length=200, db_column="t")


class Snippet(models.Model):
    """Belongs to a site through its section."""

    section = models.ForeignKey(Section, on_delete=models.CASCADE, null=True)
    text = models.CharField(max_length=200)


class Page(models.Model):
    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    title = models.CharField(max_length=200)
    tags = models.ManyToManyField(Tag, related_name="pages")


class LandingPage(Page):
    """Multi-table inheritance: announced in its parent's collection."""

    hero = models.CharField(max_length=200)
    teasers = models.ManyToManyField(Section, related_name="teased_on")


class Product(models.Model):
    """Names its site by id, without a foreign key."""

    tenant = models.UUIDField(null=True)
    sku = models.CharField(max_length=20, unique=True)
    stock = models.IntegerField(default=0)


class Contribution(models.Model):
    person = models.ForeignKey(Tag, on_delete=models.CASCADE)
    dossier = models.ForeignKey("Dossier", on_delete=models.CASCADE)
    role = models.CharField(max_length=20, default="author")


class Dossier(models.Model):
    """Many-to-many with a through model; drafts are left out of the feed."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    title = models.CharField(max_length=100)
    public = models.BooleanField(default=False)
    people = models.ManyToManyField(Tag, through=Contribution)


class Unregistered(models.Model):
    site = models.ForeignKey(Site, on_delete=models.CASCADE)


class Status(models.TextChoices):
    DRAFT = "draft"
    PUBLISHED = "published"


class Story(models.Model):
    """Columns of every kind, some of which the database computes or stores in its own way."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    title = models.CharField(max_length=100, default="Ferry")
    slug = models.SlugField(default="ferry")
    status = models.CharField(max_length=20, default=Status.DRAFT)
    is_live = models.GeneratedField(
        expression=models.Case(models.When(status="published", then=True), default=False),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    views = models.IntegerField(default=0)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    ratio = models.FloatField(default=0.5)
    featured = models.BooleanField(default=False)
    day = models.DateField(null=True)
    moment = models.DateTimeField(null=True)
    hour = models.TimeField(null=True)
    length = models.DurationField(null=True)
    token = models.UUIDField(null=True)
    address = models.GenericIPAddressField(null=True)
    extra = models.JSONField(default=dict)
    rank = models.IntegerField(db_default=7)
    code = LowercaseField(max_length=20, default="x")
    words = WordsField(max_length=50, default="")
    scan = models.FileField(upload_to="scans", blank=True)
    changed_at = models.DateTimeField(auto_now=True)
    body = models.TextField(blank=True)
    model_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)


class StoryProxy(Story):
    class Meta:
        proxy = True


class Feature(Story):
    """Multi-table inheritance of all that."""

    hero = models.CharField(max_length=50, default="hero")


class SeenTitle(models.Model):
    """What a project's own receiver writes."""

    title = models.CharField(max_length=100, unique=True)
