"""One model for each neighbour."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.contrib.sites.models import Site as DjangoSite
from django.db import models
from mptt.models import MPTTModel, TreeForeignKey
from parler.models import TranslatableModel, TranslatedFields
from polymorphic.models import PolymorphicModel
from simple_history.models import HistoricalRecords
from treebeard.al_tree import AL_Node
from treebeard.mp_tree import MP_Node
from treebeard.ns_tree import NS_Node

from spool_live.models import Site


class Content(models.Model):
    """What all have: a site, a title, a slug."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    title = models.CharField(max_length=100)
    slug = models.CharField(max_length=100)
    is_public = models.BooleanField(default=True)
    objects: ClassVar[models.Manager[Self]]

    class Meta:
        abstract = True


class Report(Content):
    """Kept by simple-history."""

    history = HistoricalRecords()


class Dossier(Content):
    """Kept by django-reversion."""

    tags: models.ManyToManyField[Any, Any] = models.ManyToManyField("Keyword")


class Keyword(models.Model):
    name = models.CharField(max_length=20)
    objects: ClassVar[models.Manager[Self]]


class Price(Content):
    """Imported in bulk."""


class Page(Content, MP_Node):
    pass


class Shelf(Content, NS_Node):
    pass


class Topic(Content, AL_Node):
    parent = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, db_index=True, related_name="children_set"
    )
    sib_order = models.PositiveIntegerField()


class Category(Content, MPTTModel):
    parent = TreeForeignKey("self", on_delete=models.CASCADE, null=True, related_name="children")
    objects: ClassVar[Any]


class Block(PolymorphicModel, Content):
    """A base of several kinds."""

    objects: ClassVar[Any]


class Quote(Block):
    author = models.CharField(max_length=50)


class Recipe(TranslatableModel):
    """A translation of parler is an item; what all translations share is in this row."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    is_public = models.BooleanField(default=True)
    translations = TranslatedFields(
        title=models.CharField(max_length=100), slug=models.CharField(max_length=100)
    )


class Leaflet(TranslatableModel):
    """An item of its own, whatever language it is edited in."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    translations = TranslatedFields(slug=models.CharField(max_length=100))


class Notice(Content):
    """Translated by modeltranslation: a column for each language."""

    slug_de: str
    slug_en: str


class Bulletin(models.Model):
    """Its tenant is a site of django.contrib.sites."""

    site = models.ForeignKey(DjangoSite, on_delete=models.CASCADE)
    title = models.CharField(max_length=100)
    objects: ClassVar[models.Manager[Self]]


class Attachment(models.Model):
    """Belongs to a site by its bulletin."""

    bulletin = models.ForeignKey(Bulletin, on_delete=models.CASCADE)
    objects: ClassVar[models.Manager[Self]]
