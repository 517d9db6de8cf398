"""Guesses the collection of a model from the names and types of its fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    ForeignKey,
    Model,
    SlugField,
    UUIDField,
)

from spool_live.models import Site

TITLES = ("title", "headline", "name", "heading")
FLAGS = ("is_published", "published", "is_live", "live", "is_public", "public")
STATES = ("published", "public", "live")
FROM = ("published_at", "publish_at", "pub_date", "publish_date", "published_from", "go_live_at")
UNTIL = ("published_until", "unpublish_at", "expires_at", "expire_at", "expiry_date")
MAX_STEPS = 3
"""Maximum number of foreign keys from an item to its site."""


@dataclass(frozen=True)
class Guess:
    """What a collection of ``model`` may look like. ``declarations`` are lines of its class, in
    Python; ``needs_q`` says whether they name ``Q``."""

    model: type[Model]
    declarations: tuple[str, ...]
    needs_q: bool = False

    @property
    def text(self) -> str:
        """The class, as Python."""
        name = self.model.__name__
        body = "\n".join(f"    {line}" for line in self.declarations or ("pass",))
        return f"@register({name})\nclass {name}Collection(LiveCollection):\n{body}\n"


def guess(model: type[Model], *, one_site: bool = False) -> Guess | None:
    """Return a guess for ``model``; ``None`` if its rows are not the content of a site.

    With ``one_site``, a model without a path to a site belongs to the project's only site.
    """
    meta = model._meta
    if meta.abstract or meta.proxy or meta.auto_created or not meta.managed:
        return None
    path = site_path(model)
    slug = _named(model, ("slug",), SlugField) or next(
        (f.name for f in meta.concrete_fields if isinstance(f, SlugField)), ""
    )
    title = _named(model, TITLES, CharField)
    if (path is None and not (one_site and slug)) or not (slug or title):
        return None
    lines = [f'site_field = "{path}"'] if path not in (None, "site") else []
    if slug:
        lines.append(f'slug_field = "{slug}"')
    state = _state(model)
    if state:
        lines.append(f"published_when = {state}")
    for name, known in (("published_from", FROM), ("published_until", UNTIL)):
        if found := _named(model, known, DateTimeField):
            lines.append(f'{name} = "{found}"')
    if title:
        lines.append(f'metadata_fields = ("{title}",)')
    return Guess(model, tuple(lines), needs_q=bool(state))


def module(guesses: Sequence[Guess]) -> str:
    """Return the text of a ``live.py`` with these collections."""
    names = ", ".join(sorted(one.model.__name__ for one in guesses))
    django = "from django.db.models import Q\n\n" if any(one.needs_q for one in guesses) else ""
    classes = "\n\n".join(one.text for one in guesses)
    return (
        '"""Which changes front ends receive, and with what. A guess: check each line."""\n\n'
        f"{django}from spool_live import LiveCollection, register\n\n"
        f"from .models import {names}\n\n\n{classes}"
    )


def site_path(model: type[Model]) -> str | None:
    """Return the shortest path from an item to its site, for ``site_field``, or ``None``."""
    paths: list[tuple[type[Model], tuple[str, ...]]] = [(model, ())]
    for _ in range(MAX_STEPS):
        longer: list[tuple[type[Model], tuple[str, ...]]] = []
        for start, steps in paths:
            for name, target in _targets(start):
                if target is Site:
                    return ".".join((*steps, name))
                if target is not model:
                    longer.append((target, (*steps, name)))
        paths = longer
    fields = {field.name: field for field in model._meta.concrete_fields}
    return "site_id" if isinstance(fields.get("site_id"), UUIDField) else None


def _targets(model: type[Model]) -> Iterator[tuple[str, type[Model]]]:
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey) and not field.null:
            yield field.name, field.related_model


def _state(model: type[Model]) -> str:
    if flag := _named(model, FLAGS, BooleanField):
        return f"Q({flag}=True)"
    for field in model._meta.concrete_fields:
        for value, _ in getattr(field, "flatchoices", ()):
            if str(value).lower() in STATES:
                return f"Q({field.name}={_literal(value)})"
    return ""


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _named(model: type[Model], names: Sequence[str], kind: type[Field]) -> str:  # type: ignore[type-arg]
    fields = {field.name: field for field in model._meta.concrete_fields}
    return next((name for name in names if isinstance(fields.get(name), kind)), "")
