"""Which sites a user of the admin may see, according to the setting ``SITES_FOR_USER``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.module_loading import import_string

from spool_live.conf import live_settings
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.models import Site

SitesForUser = Callable[[Any], Any]


def sites_for_user() -> SitesForUser | None:
    """Return the callable in the setting, ``None`` where that is empty.

    Raises ``SpoolLiveConfigurationError`` where it cannot be imported or called.
    """
    given = live_settings().sites_for_user
    if not given:
        return None
    if isinstance(given, str):
        try:
            given = import_string(given)
        except ImportError as error:
            raise SpoolLiveConfigurationError(
                f'SPOOL_LIVE["SITES_FOR_USER"] cannot be imported: {error}'
            ) from error
    if not callable(given):
        raise SpoolLiveConfigurationError(
            'SPOOL_LIVE["SITES_FOR_USER"] must be a callable, or the dotted path of one.'
        )
    return given


def sites_of(user: Any) -> frozenset[uuid.UUID] | None:
    """Return the ids of the sites that ``user`` may see; ``None`` for all, as permissions allow.

    Raises ``SpoolLiveConfigurationError`` where the callable returns anything but a queryset of
    sites, an iterable of sites or ids, or ``None``; and whatever the callable itself raises. In
    both cases the page fails, so the user sees no site.
    """
    chosen_for = sites_for_user()
    if chosen_for is None:
        return None
    found = chosen_for(user)
    if found is None:
        return None
    if isinstance(found, QuerySet) and found.model is Site:
        found = found.values_list("pk", flat=True)
    if isinstance(found, str | bytes) or not isinstance(found, Iterable):
        raise _unusable(found)
    return frozenset(_as_id(one) for one in found)


def _as_id(given: Any) -> uuid.UUID:
    if isinstance(given, Model):
        if not isinstance(given, Site):
            raise _unusable(given)
        given = given.pk
    if isinstance(given, tuple) and len(given) == 1:  # values_list() without flat=True
        [given] = given
    try:
        return given if isinstance(given, uuid.UUID) else uuid.UUID(given)
    except (TypeError, ValueError, AttributeError) as error:
        raise _unusable(given) from error


def _unusable(found: object) -> SpoolLiveConfigurationError:
    return SpoolLiveConfigurationError(
        'SPOOL_LIVE["SITES_FOR_USER"] must return a queryset of sites, an iterable of sites or of '
        f"their ids (UUIDs), or None for all; it returned or held {type(found).__name__}."
    )
