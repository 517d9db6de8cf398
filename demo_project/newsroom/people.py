"""The sites that the newsroom's users may see in the admin of ``spool_live``."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from spool_live.models import Site


def sites_for_user(user: Any) -> QuerySet[Site] | None:
    """Return every site for superusers, and those of their own papers for editors."""
    return None if user.is_superuser else Site.objects.filter(editors__user=user.pk)
