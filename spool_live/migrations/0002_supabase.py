"""The live table, its policies and functions, on the Supabase database and nowhere else."""

import uuid

import django.utils.timezone
from django.db import migrations, models

from spool_live.supabase.operations import ProvisionSupabase, RunSupabaseSQL


class Migration(migrations.Migration):
    dependencies = [("spool_live", "0001_initial")]

    operations = [
        RunSupabaseSQL("0002_sites", separate_only=True),
        RunSupabaseSQL("0002_authorization"),
        RunSupabaseSQL("0002_live_updates"),
        RunSupabaseSQL("0002_broadcast"),
        RunSupabaseSQL("0002_mirror"),
        RunSupabaseSQL("0002_cleanup"),
        ProvisionSupabase(),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="LiveUpdate",
                    fields=[
                        (
                            "id",
                            models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False),
                        ),
                        ("site_id", models.UUIDField()),
                        ("event_type", models.TextField()),
                        ("collection", models.TextField()),
                        ("slug", models.TextField(null=True)),
                        ("item_id", models.UUIDField()),
                        ("timestamp", models.DateTimeField(default=django.utils.timezone.now)),
                        ("metadata", models.JSONField(default=dict)),
                        ("seq", models.BigIntegerField(null=True)),
                        ("inserted_at", models.DateTimeField(default=django.utils.timezone.now)),
                    ],
                    options={
                        "verbose_name": "live update",
                        "verbose_name_plural": "live updates",
                        "db_table": "live_updates",
                    },
                ),
            ]
        ),
    ]
