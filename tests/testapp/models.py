"""Awkward content: every shape of model that capture has to get right."""

from __future__ import annotations

import uuid

from django.db import models

from spool_live.models import Site


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
