"""Moments that publish and withdraw content by the clock."""

from django.db import migrations, models

from spool_live.supabase.operations import CloseTables


class Migration(migrations.Migration):
    dependencies = [
        ("spool_live", "0009_operators"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScheduledMoment",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("collection", models.CharField(max_length=200)),
                ("item_id", models.UUIDField()),
                ("item_key", models.TextField(help_text="The primary key of the item, as text.")),
                ("at", models.DateTimeField(db_index=True)),
            ],
            options={
                "verbose_name": "scheduled moment",
                "verbose_name_plural": "scheduled moments",
                "db_table": "live_scheduled_moments",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["collection", "item_id", "at"],
                        name="live_scheduled_moments_unique",
                    )
                ],
            },
        ),
        CloseTables("live_scheduled_moments"),
    ]
