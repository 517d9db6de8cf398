"""The index that delivery goes by begins with the site. Built while editors go on."""

from django.db import migrations, models

from spool_live.supabase.under_traffic import AddIndexUnderTraffic, RemoveIndexUnderTraffic


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("spool_live", "0003_site_mirrors"),
        ("spool_live", "0004_monitoring"),
    ]

    operations = [
        AddIndexUnderTraffic(
            "OutboxEntry",
            models.Index(
                condition=models.Q(("state", "pending")),
                fields=["site_id", "seq", "id"],
                name="live_outbox_waiting",
            ),
        ),
        RemoveIndexUnderTraffic("OutboxEntry", "live_outbox_pending"),
    ]
