"""What operators look at: addresses that use keys, attempts to deliver, and their own acts."""

import django.core.serializers.json
import django.utils.timezone
from django.db import migrations, models

from spool_live.supabase.operations import CloseTables


class Migration(migrations.Migration):
    dependencies = [
        ("spool_live", "0008_probe_sites"),
    ]

    operations = [
        migrations.CreateModel(
            name="OperatorEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="at")),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("site_deleted", "site deleted"),
                            ("verified", "isolation verified"),
                            ("repaired", "repaired"),
                        ],
                        max_length=20,
                        verbose_name="action",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("admin", "admin"),
                            ("command", "command"),
                            ("code", "code"),
                            ("probe", "isolation probe"),
                        ],
                        max_length=10,
                        verbose_name="origin",
                    ),
                ),
                (
                    "actor_id",
                    models.CharField(
                        blank=True, default="", max_length=64, verbose_name="actor id"
                    ),
                ),
                (
                    "actor_name",
                    models.CharField(blank=True, default="", max_length=254, verbose_name="actor"),
                ),
                ("site_id", models.UUIDField(null=True, verbose_name="site id")),
                (
                    "subject",
                    models.CharField(
                        blank=True, default="", max_length=300, verbose_name="subject"
                    ),
                ),
                (
                    "detail",
                    models.JSONField(
                        default=dict,
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                        verbose_name="detail",
                    ),
                ),
            ],
            options={
                "verbose_name": "operator event",
                "verbose_name_plural": "operator events",
                "db_table": "live_operator_events",
                "ordering": ("-id",),
            },
        ),
        migrations.AlterModelOptions(
            name="site",
            options={
                "ordering": ("name",),
                "verbose_name": "live site",
                "verbose_name_plural": "live sites",
            },
        ),
        migrations.CreateModel(
            name="ApiKeyUse",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key_id", models.UUIDField(verbose_name="key id")),
                ("site_id", models.UUIDField(verbose_name="site id")),
                ("address", models.CharField(max_length=64, verbose_name="address")),
                ("last_at", models.DateTimeField(verbose_name="last used at")),
                (
                    "last_token_at",
                    models.DateTimeField(null=True, verbose_name="last asked for a token at"),
                ),
            ],
            options={
                "verbose_name": "API key use",
                "verbose_name_plural": "API key uses",
                "db_table": "live_api_key_uses",
                "indexes": [
                    models.Index(fields=["site_id", "last_at"], name="live_key_uses_site"),
                    models.Index(fields=["last_at"], name="live_key_uses_age"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("key_id", "address"), name="live_key_uses_unique"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DeliveryAttempt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("site_id", models.UUIDField(verbose_name="site id")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("milliseconds", models.PositiveIntegerField(verbose_name="milliseconds")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("postponed", "postponed"),
                            ("refused", "refused, to be tried again"),
                            ("dead", "refused permanently"),
                        ],
                        max_length=10,
                        verbose_name="outcome",
                    ),
                ),
                ("reason", models.TextField(blank=True, default="", verbose_name="reason")),
                ("first_entry", models.BigIntegerField()),
                ("last_entry", models.BigIntegerField()),
                (
                    "entries",
                    models.JSONField(
                        default=list,
                        help_text="Primary keys of the outbox entries, in ascending order.",
                    ),
                ),
            ],
            options={
                "verbose_name": "delivery attempt",
                "verbose_name_plural": "delivery attempts",
                "db_table": "live_delivery_attempts",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["site_id", "id"], name="live_attempts_site"),
                    models.Index(fields=["at"], name="live_attempts_age"),
                ],
            },
        ),
        CloseTables("live_api_key_uses", "live_operator_events", "live_delivery_attempts"),
    ]
