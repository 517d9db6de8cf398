"""What monitoring keeps: heartbeats, counters, alerts."""

import django.db.models.deletion
from django.db import migrations, models

from spool_live.supabase.operations import CloseTables


class Migration(migrations.Migration):
    dependencies = [
        ("spool_live", "0002_supabase"),
    ]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("worker", "Celery worker"),
                            ("delivery", "delivery"),
                            ("sweep", "sweep"),
                            ("mirror", "mirror"),
                            ("supabase", "Supabase"),
                            ("broker", "broker"),
                            ("cache", "throttle cache"),
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
                ("at", models.DateTimeField(help_text="When it was last active, well or not.")),
                (
                    "active_since",
                    models.DateTimeField(
                        help_text="Since when it has been active without a longer break.", null=True
                    ),
                ),
                ("succeeded_at", models.DateTimeField(null=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(blank=True, default="")),
                ("detail", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "heartbeat",
                "verbose_name_plural": "heartbeats",
                "db_table": "live_heartbeats",
            },
        ),
        migrations.CreateModel(
            name="AlertEpisode",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("rule", models.CharField(max_length=40, verbose_name="rule")),
                (
                    "subject",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="A site's id, or empty.",
                        max_length=80,
                        verbose_name="subject",
                    ),
                ),
                (
                    "open_key",
                    models.CharField(
                        default=None, editable=False, max_length=125, null=True, unique=True
                    ),
                ),
                ("state", models.CharField(max_length=10, verbose_name="state")),
                ("summary", models.TextField(verbose_name="summary")),
                ("remedy", models.TextField(blank=True, default="", verbose_name="remedy")),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("found_at", models.DateTimeField(verbose_name="found at")),
                (
                    "notified_at",
                    models.DateTimeField(
                        help_text="When it had lasted long enough for a notice.",
                        null=True,
                        verbose_name="notified at",
                    ),
                ),
                ("seen_at", models.DateTimeField(verbose_name="last seen at")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
            ],
            options={
                "verbose_name": "alert",
                "verbose_name_plural": "alerts",
                "db_table": "live_alert_episodes",
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["ended_at"], name="live_alert_episodes_ended")],
            },
        ),
        migrations.CreateModel(
            name="Counter",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80)),
                (
                    "labels",
                    models.CharField(default="", help_text="Canonical JSON.", max_length=160),
                ),
                ("value", models.FloatField(default=0)),
            ],
            options={
                "verbose_name": "counter",
                "verbose_name_plural": "counters",
                "db_table": "live_counters",
                "constraints": [
                    models.UniqueConstraint(fields=("name", "labels"), name="live_counters_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertNotice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("firing", "firing"), ("recovered", "recovered")],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("channel", models.CharField(max_length=10, verbose_name="channel")),
                (
                    "due_at",
                    models.DateTimeField(
                        help_text="When it may be tried next.", verbose_name="due at"
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("sent_at", models.DateTimeField(null=True, verbose_name="sent at")),
                ("error", models.TextField(blank=True, default="", verbose_name="error")),
                (
                    "episode",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="spool_live.alertepisode",
                    ),
                ),
            ],
            options={
                "verbose_name": "alert notice",
                "verbose_name_plural": "alert notices",
                "db_table": "live_alert_notices",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("episode", "kind", "channel"), name="live_alert_notices_unique"
                    )
                ],
            },
        ),
        CloseTables(
            "live_heartbeats", "live_counters", "live_alert_episodes", "live_alert_notices"
        ),
    ]
