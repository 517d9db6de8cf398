"""Which live site each Wagtail site is."""

import django.db.models.deletion
from django.db import migrations, models

from spool_live.supabase.operations import CloseTables


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("spool_live", "0002_supabase"),
        ("wagtailcore", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="SiteMapping",
            fields=[
                (
                    "wagtail_site",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="live_mapping",
                        serialize=False,
                        to="wagtailcore.site",
                        verbose_name="Wagtail site",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="wagtail_mappings",
                        to="spool_live.site",
                        verbose_name="live site",
                    ),
                ),
            ],
            options={
                "verbose_name": "mapping of a Wagtail site",
                "verbose_name_plural": "mappings of Wagtail sites",
                "db_table": "live_wagtail_sites",
            },
        ),
        CloseTables("live_wagtail_sites"),
    ]
