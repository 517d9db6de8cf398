"""People who use the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client


@pytest.fixture
def staff(db: None) -> Callable[..., Client]:
    """Logs somebody in who has exactly the given permissions of spool_live."""

    def log_in(*codenames: str) -> Client:
        user: Any = get_user_model().objects.create_user("grace", is_staff=True)
        permissions = Permission.objects.filter(
            content_type__app_label="spool_live", codename__in=codenames
        )
        user.user_permissions.set(permissions)
        client = Client()
        client.force_login(user)
        return client

    return log_in
