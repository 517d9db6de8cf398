"""In which language a collection is asked about an item: never that of the editor.

What an update says must not depend on the language of the admin. With modeltranslation
``item.slug`` is the slug of the active language, with parler that of the language an object was
given: a save of one translation would look like a new slug of another.
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
"""The name in the metadata."""
_AS_IT_IS = nullcontext()


def in_its_language(collection: LiveCollection, item: Model) -> AbstractContextManager[object]:
    """Return a block in which the language of ``item``, or else ``LANGUAGE_CODE``, is active."""
    language = _language_of(collection, item)
    if hasattr(item, "set_current_language"):
        return _both(item, language)
    if not settings.USE_I18N or translation.get_language() == language:
        return _AS_IT_IS
    return translation.override(language)


def _language_of(collection: LiveCollection, item: Model) -> str:
    if collection.has_locale:
        try:
            locale = collection.get_locale(item)
        except DatabaseError:
            raise
        except Exception:  # noqa: BLE001 - whatever a collection may raise; reported with metadata
            locale = None
        if locale and _is_language(str(locale)):
            return str(locale)
    return settings.LANGUAGE_CODE


@contextmanager
def _both(item: Any, language: str) -> Iterator[None]:
    """Activate the language, also the one that an object of parler keeps for itself."""
    own = item.get_current_language()
    with translation.override(language):
        item.set_current_language(language)
        try:
            yield
        finally:
            item.set_current_language(own)


@cache
def _is_language(locale: str) -> bool:
    """Return whether there is such a language. What a column holds may be anything."""
    known = {code for code, _ in settings.LANGUAGES}
    return locale in known or translation.check_for_language(locale)


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting == "LANGUAGES":
        _is_language.cache_clear()


setting_changed.connect(_forget, dispatch_uid="spool_live.languages")
