"""The trace that an edit is part of, the audit trail of the outbox, and counters over time."""

import django.core.serializers.json
import django.utils.timezone
from django.db import migrations, models

from spool_live.supabase.operations import CloseTables
from spool_live.supabase.under_traffic import LockTable


class Migration(migrations.Migration):
    dependencies = [
        ("spool_live", "0006_webhooks"),
    ]

    operations = [
        LockTable("OutboxEntry"),
        migrations.AddField(
            model_name="outboxentry",
            name="trace_context",
            field=models.TextField(
                editable=False,
                help_text="W3C Trace Context of the edit, as a JSON object.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="outboxentry",
            name="state",
            field=models.TextField(
                choices=[
                    ("pending", "pending"),
                    ("delivered", "delivered"),
                    ("dead", "dead"),
                    ("dropped", "dropped (site deleted)"),
                    ("merged", "merged into an earlier one"),
                    ("left", "left to catch-up"),
                    ("discarded", "discarded by a person"),
                ],
                db_default="pending",
                default="pending",
            ),
        ),
        migrations.AlterField(
            model_name="apikeyevent",
            name="origin",
            field=models.CharField(
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
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="at"),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[("requeued", "requeued"), ("discarded", "discarded")],
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
                ("site_id", models.UUIDField(verbose_name="site id")),
                ("entries", models.PositiveIntegerField(verbose_name="entries")),
                ("reason", models.TextField(blank=True, default="", verbose_name="reason")),
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
                "verbose_name": "outbox event",
                "verbose_name_plural": "outbox events",
                "db_table": "live_outbox_events",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="CounterSample",
            fields=[
                (
                    "slot",
                    models.BigIntegerField(
                        help_text="Five minutes since 1970.", primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField(db_index=True)),
                ("values", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "counter sample",
                "verbose_name_plural": "counter samples",
                "db_table": "live_counter_samples",
            },
        ),
        migrations.AlterField(
            model_name="heartbeat",
            name="part",
            field=models.CharField(
                choices=[
                    ("worker", "Celery worker"),
                    ("delivery", "delivery"),
                    ("sweep", "sweep"),
                    ("mirror", "mirror"),
                    ("supabase", "Supabase"),
                    ("broker", "broker"),
                    ("cache", "throttle cache"),
                    ("realtime", "Realtime"),
                    ("cleanup", "cleanup"),
                    ("alerts", "alerts"),
                    ("verify_rls", "isolation in the database"),
                    ("verify_live", "isolation end to end"),
                ],
                max_length=20,
                primary_key=True,
                serialize=False,
            ),
        ),
        CloseTables("live_outbox_events", "live_counter_samples"),
    ]
