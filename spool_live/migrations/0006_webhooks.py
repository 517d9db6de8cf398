"""Webhooks: endpoints, their secrets, what waits for another attempt, and the log."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from spool_live.supabase.operations import CloseTables


class Migration(migrations.Migration):
    dependencies = [
        ("spool_live", "0005_waiting_entries"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "url",
                    models.CharField(
                        help_text="It begins with https://.", max_length=2000, verbose_name="URL"
                    ),
                ),
                (
                    "description",
                    models.CharField(
                        blank=True, default="", max_length=200, verbose_name="description"
                    ),
                ),
                (
                    "event_types",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Empty: all.",
                        verbose_name="event types",
                    ),
                ),
                (
                    "collections",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Empty: all.",
                        verbose_name="collections",
                    ),
                ),
                (
                    "rate",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Most messages per second. 0: no limit.",
                        verbose_name="rate",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "disabled",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("by_hand", "disabled by a person"),
                            ("gone", "the receiver answered 410 Gone"),
                            ("failed", "every attempt failed for too long"),
                        ],
                        default="",
                        editable=False,
                        max_length=10,
                        verbose_name="disabled",
                    ),
                ),
                (
                    "disabled_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="disabled at"),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="webhook_endpoints",
                        to="spool_live.site",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook endpoint",
                "verbose_name_plural": "webhook endpoints",
                "db_table": "live_webhook_endpoints",
                "ordering": ("created_at",),
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "endpoint",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="delivery",
                        serialize=False,
                        to="spool_live.webhookendpoint",
                    ),
                ),
                (
                    "cursor_seq",
                    models.BigIntegerField(
                        default=0, help_text="The highest seq that was tried or passed over."
                    ),
                ),
                (
                    "failures",
                    models.PositiveIntegerField(default=0, help_text="Failed attempts in a row."),
                ),
                ("failing_since", models.DateTimeField(null=True)),
                ("last_error", models.TextField(blank=True, default="")),
                ("last_success_at", models.DateTimeField(null=True)),
                ("last_run_at", models.DateTimeField(null=True)),
                ("resting_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "webhook delivery",
                "verbose_name_plural": "webhook deliveries",
                "db_table": "live_webhook_deliveries",
            },
        ),
        migrations.CreateModel(
            name="WebhookSecret",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "scheme",
                    models.CharField(
                        choices=[("v1", "v1 (HMAC-SHA256)"), ("v1a", "v1a (Ed25519)")],
                        editable=False,
                        max_length=3,
                        verbose_name="scheme",
                    ),
                ),
                ("encrypted", models.TextField(editable=False)),
                (
                    "public_key",
                    models.CharField(
                        blank=True,
                        default="",
                        editable=False,
                        max_length=100,
                        verbose_name="public key",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "expires_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="expires at"),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="secrets",
                        to="spool_live.webhookendpoint",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook secret",
                "verbose_name_plural": "webhook secrets",
                "db_table": "live_webhook_secrets",
                "ordering": ("created_at",),
            },
        ),
        migrations.CreateModel(
            name="WebhookAttempt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("update_id", models.UUIDField(verbose_name="update")),
                ("seq", models.BigIntegerField(null=True, verbose_name="seq")),
                ("number", models.PositiveIntegerField(default=1, verbose_name="attempt")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("milliseconds", models.PositiveIntegerField(verbose_name="milliseconds")),
                ("status", models.PositiveSmallIntegerField(null=True, verbose_name="status")),
                ("is_success", models.BooleanField(verbose_name="taken")),
                ("error", models.TextField(blank=True, default="", verbose_name="error")),
                ("request", models.TextField(blank=True, default="", verbose_name="request")),
                ("answer", models.TextField(blank=True, default="", verbose_name="answer")),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="spool_live.webhookendpoint",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook attempt",
                "verbose_name_plural": "webhook attempts",
                "db_table": "live_webhook_attempts",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["endpoint", "id"], name="live_webhook_attempts_of"),
                    models.Index(fields=["at"], name="live_webhook_attempts_at"),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookMessage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("entry_id", models.BigIntegerField(editable=False)),
                ("update_id", models.UUIDField(verbose_name="update")),
                ("seq", models.BigIntegerField(verbose_name="seq")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting for the next attempt"),
                            ("failed", "given up"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("due_at", models.DateTimeField(verbose_name="due at")),
                (
                    "first_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="first attempt at"
                    ),
                ),
                ("last_error", models.TextField(blank=True, default="", verbose_name="last error")),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="spool_live.webhookendpoint",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook message",
                "verbose_name_plural": "webhook messages",
                "db_table": "live_webhook_messages",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        fields=["endpoint", "state", "due_at"], name="live_webhook_messages_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("endpoint", "update_id"), name="live_webhook_messages_once"
                    )
                ],
            },
        ),
        CloseTables(
            "live_webhook_endpoints",
            "live_webhook_deliveries",
            "live_webhook_secrets",
            "live_webhook_messages",
            "live_webhook_attempts",
        ),
    ]
