"""A new content table must not be left open to Supabase's API roles."""

from __future__ import annotations

from django.apps import apps

from spool_live.models import LiveUpdate
from spool_live.supabase.provisioning import CONTENT_TABLES


def test_every_content_table_is_closed_by_provisioning() -> None:
    models = apps.get_app_config("spool_live").get_models()
    tables = {model._meta.db_table for model in models if model is not LiveUpdate}
    assert set(CONTENT_TABLES) == tables, "add the new table to provisioning.CONTENT_TABLES"
