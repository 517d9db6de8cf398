"""Mistakes in a collection's declaration, however it is captured: found at start, not by a save."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import CharField, DateTimeField, ForeignKey, Model, Q, UUIDField

from spool_live.collections import LiveCollection, django_sites
from spool_live.conditions import faults, own_field
from spool_live.models import Site

CAPTURES = ("signals", "trigger")
_BY_DATABASE = {
    getattr(models, name): f"{name} {does}"
    for name, does in (
        ("DB_CASCADE", "deletes"),
        ("DB_SET_NULL", "changes"),
        ("DB_SET_DEFAULT", "changes"),
    )
    if hasattr(models, name)
}
"""What the database, rather than Django, does to rows whose foreign key's target is deleted
(Django 6.1)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake in a collection's declaration, and what to do about it."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}. {self.remedy}"


def faults_of(collection: LiveCollection) -> Iterator[Fault]:
    """Yield what ``collection`` declares that is not valid, or not a part of its model."""
    if collection.capture not in CAPTURES:
        problem = f"capture = {collection.capture!r} is not a way to capture"
        yield Fault(problem, f"Choose one of {', '.join(CAPTURES)}.")
    for name in ("published_when", "visible_when"):
        for fault in faults(getattr(collection, name) or Q(), collection.model):
            remedy = "Compare columns of the item with values, or override the method."
            yield Fault(f"{name}: {fault}", remedy)
    yield from _column_faults(collection)
    yield from _site_faults(collection)
    slug = collection.slug_field
    if slug and type(collection).get_slug is LiveCollection.get_slug:
        found = _field(collection.model, slug)
        if found is None and not hasattr(collection.model, slug):
            problem = f"slug_field: {collection.model._meta.label} has no field named {slug!r}"
            yield Fault(problem, "Name a field or property of the item, or override get_slug().")


def silent_changes(collection: LiveCollection) -> Iterator[Fault]:
    """Yield a fault for each foreign key whose target, when deleted, deletes or changes items of
    ``collection`` without a signal, so that only a trigger or the audit notices."""
    if collection.capture == "trigger":
        return
    path = collection.site_path[0]
    for field in collection.model._meta.concrete_fields:
        if not isinstance(field, ForeignKey):
            continue
        remote = field.remote_field
        target = field.related_model._meta.label
        on_delete = getattr(remote, "on_delete", None)
        if on_delete is not None and on_delete in _BY_DATABASE:
            yield Fault(
                f"{field.name}: {_BY_DATABASE[on_delete]} items in the database when a "
                f"{target} is deleted, and sends no signals: nothing is recorded",
                'Set capture = "trigger" (PostgreSQL), use models.CASCADE, or run '
                "manage.py live_audit --repair after such deletions.",
            )
        elif path in (field.name, field.attname) and on_delete in (
            models.SET_NULL,
            models.SET_DEFAULT,
        ):
            yield Fault(
                f"{field.name}: when a {target} is deleted, its items lose their site by "
                "an UPDATE that sends no signals: nothing is recorded",
                'Set capture = "trigger" (PostgreSQL), use models.CASCADE or PROTECT, or run '
                "manage.py live_audit --repair after such deletions.",
            )


def _column_faults(collection: LiveCollection) -> Iterator[Fault]:
    metadata = collection.metadata_fields
    fields = metadata.values() if isinstance(metadata, dict) else metadata
    for attribute, names, remedy in (
        ("metadata_fields", fields, "Name columns of the item, or override get_metadata()."),
        (
            "watched_fields",
            collection.watched_fields or (),
            "Name columns of the item; changes of many-to-many fields are chosen by m2m_fields.",
        ),
    ):
        for name in names:
            try:
                own_field(collection.model, name)
            except FieldDoesNotExist as error:
                yield Fault(f"{attribute}: {error}", remedy)
    for name in collection.moment_fields:
        if not isinstance(_field(collection.model, name), DateTimeField):
            problem = f"{name!r} of {collection.model._meta.label} is not a DateTimeField"
            yield Fault(
                f"published_from, published_until: {problem}",
                "Name fields of the item that hold the moments.",
            )
    for name in collection.follows:
        if not isinstance(_field(collection.model, name), ForeignKey):
            problem = f"follows: {collection.model._meta.label} has no foreign key {name!r}"
            yield Fault(problem, "Name foreign keys of the item.")
    related = {
        field.name
        for model in apps.get_models()
        if issubclass(model, collection.model)
        for field in model._meta.many_to_many
    }
    for name in collection.m2m_fields or ():
        if name not in related:
            label = collection.model._meta.label
            problem = f"m2m_fields: {label} has no many-to-many field {name!r}"
            yield Fault(problem, "Name many-to-many fields of the item.")


def _site_faults(collection: LiveCollection) -> Iterator[Fault]:
    if collection.is_of_one_site or type(collection).get_site is not LiveCollection.get_site:
        return
    model: type[Model] = collection.model
    remedy = (
        "Set site_field to the path from an item to its Site, override get_site(), or name the one "
        "site of the project in SPOOL_LIVE['SITE']."
    )
    steps = collection.site_field.split(".")
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        field = _field(model, step)
        if field is None:
            if not hasattr(model, step):
                problem = f"site_field: {model._meta.label} has no field named {step!r}"
                yield Fault(problem, remedy)
            return  # a property, whose value is not known before it is read
        if following is None:
            yield from _end_faults(field, step, remedy)
        elif field.is_relation and not field.many_to_many and field.related_model is not None:
            model = field.related_model
        else:
            problem = f"site_field: {step!r} is not a foreign key, and {following!r} cannot follow"
            yield Fault(problem, remedy)
            return


def _end_faults(field: Any, step: str, remedy: str) -> Iterator[Fault]:
    related: type[Model] | None = field.related_model
    if related is not None:
        if related._meta.label == django_sites.LABEL:
            if not apps.is_installed(django_sites.APP):
                yield Fault(
                    f"site_field: {step!r} leads to django.contrib.sites' Site, which is "
                    "not the Site of spool_live",
                    f"Add {django_sites.APP!r} to INSTALLED_APPS, which creates a live site for "
                    "each Django site, or override get_site().",
                )
        elif not issubclass(related, Site):
            problem = f"site_field: {step!r} leads to {related._meta.label}, which is not a Site"
            yield Fault(problem, remedy)
    elif not isinstance(field, (UUIDField, CharField)):
        kind = type(field).__name__
        yield Fault(f"site_field: {step!r} ({kind}) does not end at the UUID of a site", remedy)


def _field(model: type[Model], name: str) -> Any:
    try:
        return model._meta.pk if name == "pk" else model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
