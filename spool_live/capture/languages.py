"""The language that is active while a collection describes an item: never the editor's.

An update must not depend on the language of the admin. With modeltranslation ``item.slug`` is the
slug in the active language, with parler the slug in the language that the object was given: saving
one translation would look like a new slug of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.db import DatabaseError
from django.db.models import Model
from django.utils import translation

from spool_live.collections import LiveCollection

LOCALE = "locale"
"""Key of the language in the metadata."""
_NO_CHANGE = nullcontext()


def in_its_language(collection: LiveCollection, item: Model) -> AbstractContextManager[object]:
    """Return a context manager that activates the item's language, or else ``LANGUAGE_CODE``."""
    language = _language_of(collection, item)
    if hasattr(item, "set_current_language"):
        return _with_own_language(item, language)
    if not settings.USE_I18N or translation.get_language() == language:
        return _NO_CHANGE
    return translation.override(language)


def _language_of(collection: LiveCollection, item: Model) -> str:
    if collection.has_locale:
        try:
            locale = collection.get_locale(item)
        except DatabaseError:
            raise
        except Exception:  # noqa: BLE001 - whatever a collection may raise; ``Meaning`` reports it
            locale = None
        if locale and _is_language(str(locale)):
            return str(locale)
    return settings.LANGUAGE_CODE


@contextmanager
def _with_own_language(item: Any, language: str) -> Iterator[None]:
    """Activate ``language`` in Django, and in ``item``: an object of parler keeps its own."""
    own = item.get_current_language()
    with translation.override(language):
        item.set_current_language(language)
        try:
            yield
        finally:
            item.set_current_language(own)


@cache
def _is_language(locale: str) -> bool:
    """Return whether ``locale``, which may be any text, is the code of a language."""
    known = {code for code, _ in settings.LANGUAGES}
    return locale in known or translation.check_for_language(locale)


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting == "LANGUAGES":
        _is_language.cache_clear()


setting_changed.connect(_forget, dispatch_uid="spool_live.languages")
