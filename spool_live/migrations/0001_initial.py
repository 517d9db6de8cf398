import uuid

import django.core.serializers.json
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import spool_live.updates


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Site",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                        verbose_name="created at",
                    ),
                ),
            ],
            options={
                "verbose_name": "site",
                "verbose_name_plural": "sites",
                "db_table": "sites",
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="SiteDelivery",
            fields=[
                ("site_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("last_seq", models.BigIntegerField(default=0)),
                (
                    "merged",
                    models.BigIntegerField(
                        default=0, help_text="Updates that coalescing spared the site."
                    ),
                ),
                (
                    "history_floor",
                    models.BigIntegerField(
                        default=0,
                        help_text="Highest seq that was purged: catch-up cannot go back to it.",
                    ),
                ),
                ("version", models.BigIntegerField(default=1)),
                ("acknowledged_version", models.BigIntegerField(default=0)),
                ("epoch", models.BigIntegerField(default=1)),
                ("acknowledged_epoch", models.BigIntegerField(default=0)),
                ("deleted_at", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
                ("retry_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("last_error", models.TextField(blank=True, default="")),
            ],
            options={
                "verbose_name": "site delivery",
                "verbose_name_plural": "site deliveries",
                "db_table": "live_site_deliveries",
            },
        ),
        migrations.CreateModel(
            name="DeliveryCircuit",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False),
                ),
                ("failures", models.PositiveIntegerField(default=0)),
                ("open_until", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_error", models.TextField(blank=True, default="")),
                ("paced_until", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "delivery circuit",
                "verbose_name_plural": "delivery circuits",
                "db_table": "live_delivery_circuit",
            },
        ),
        migrations.CreateModel(
            name="OutboxEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "update_id",
                    models.UUIDField(default=spool_live.updates.new_update_id, editable=False),
                ),
                ("site_id", models.UUIDField()),
                (
                    "event_type",
                    models.TextField(
                        choices=[
                            ("content.created", "content.created"),
                            ("content.updated", "content.updated"),
                            ("content.published", "content.published"),
                            ("content.deleted", "content.deleted"),
                        ],
                    ),
                ),
                ("collection", models.TextField()),
                ("item_id", models.UUIDField()),
                ("slug", models.TextField(null=True)),
                ("timestamp", models.DateTimeField()),
                (
                    "metadata",
                    models.JSONField(
                        default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder
                    ),
                ),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("pending", "pending"),
                            ("delivered", "delivered"),
                            ("dead", "dead"),
                            ("dropped", "dropped (site deleted)"),
                            ("merged", "merged into an earlier one"),
                            ("left", "left to catch-up"),
                        ],
                        db_default="pending",
                        default="pending",
                    ),
                ),
                ("seq", models.BigIntegerField(null=True)),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                (
                    "merged",
                    models.IntegerField(
                        db_default=0,
                        default=0,
                        help_text="How many later updates of the item were merged into it.",
                    ),
                ),
                ("last_error", models.TextField(blank=True, db_default="", default="")),
                ("settled_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "outbox entry",
                "verbose_name_plural": "outbox entries",
                "db_table": "live_updates_outbox",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["seq", "id"],
                        name="live_outbox_pending",
                    ),
                    models.Index(
                        condition=models.Q(("seq__isnull", False)),
                        fields=["site_id", "seq"],
                        name="live_outbox_site_seq",
                    ),
                    models.Index(
                        condition=models.Q(("state", "dead")),
                        fields=["id"],
                        name="live_outbox_dead",
                    ),
                    models.Index(
                        condition=models.Q(("settled_at__isnull", False)),
                        fields=["settled_at"],
                        name="live_outbox_settled",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SiteApiKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="Who uses it, and where.", max_length=100, verbose_name="name"
                    ),
                ),
                (
                    "prefix",
                    models.CharField(
                        editable=False, max_length=32, unique=True, verbose_name="prefix"
                    ),
                ),
                ("key_hash", models.CharField(editable=False, max_length=64)),
                ("note", models.TextField(blank=True, default="", verbose_name="note")),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="expires at"),
                ),
                (
                    "revoked_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="revoked at"
                    ),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="last used at"),
                ),
                (
                    "mirror_version",
                    models.BigIntegerField(
                        default=0,
                        editable=False,
                        help_text="The version of the site's mirror that first holds this key.",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to="spool_live.site",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "db_table": "site_api_keys",
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="ApiKeyEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="at"),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("created", "created"),
                            ("rotated", "rotated"),
                            ("revoked", "revoked"),
                            ("expiry_changed", "expiry changed"),
                            ("deleted", "deleted"),
                        ],
                        max_length=20,
                        verbose_name="action",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[("admin", "admin"), ("command", "command"), ("code", "code")],
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
                ("key_id", models.UUIDField(verbose_name="key id")),
                ("prefix", models.CharField(max_length=32, verbose_name="prefix")),
                ("key_name", models.CharField(max_length=100, verbose_name="key")),
                ("site_id", models.UUIDField(verbose_name="site id")),
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
                "verbose_name": "API key event",
                "verbose_name_plural": "API key events",
                "db_table": "live_api_key_events",
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["key_id", "id"], name="live_key_events_key")],
            },
        ),
        migrations.CreateModel(
            name="FailedAuthentication",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("hour", models.DateTimeField(verbose_name="hour")),
                (
                    "prefix",
                    models.CharField(blank=True, default="", max_length=32, verbose_name="prefix"),
                ),
                ("address", models.CharField(max_length=64, verbose_name="address")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("missing", "no credentials"),
                            ("unknown", "no such key"),
                            ("wrong_secret", "wrong secret for this prefix"),
                            ("revoked", "revoked key"),
                            ("expired", "expired key"),
                            ("bad_token", "invalid or expired token"),
                        ],
                        max_length=20,
                        verbose_name="reason",
                    ),
                ),
                ("count", models.BigIntegerField(default=0, verbose_name="count")),
                ("last_at", models.DateTimeField(verbose_name="last at")),
            ],
            options={
                "verbose_name": "failed authentication",
                "verbose_name_plural": "failed authentications",
                "db_table": "live_failed_authentications",
                "ordering": ("-last_at",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("hour", "address", "prefix", "reason"),
                        name="live_failed_auth_unique",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IsolationReport",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("is_clean", models.BooleanField(verbose_name="clean")),
                ("is_isolated", models.BooleanField(verbose_name="isolated")),
                ("report", models.JSONField(verbose_name="report")),
            ],
            options={
                "verbose_name": "isolation report",
                "verbose_name_plural": "isolation reports",
                "db_table": "live_isolation_reports",
                "ordering": ("-started_at",),
                "get_latest_by": "started_at",
            },
        ),
    ]
