"""What editors write of a site and what delivery writes of it become two tables; a mirror call
takes many sites."""

from django.db import migrations, models

from spool_live.sql import read_sql
from spool_live.supabase.operations import ProvisionSupabase, RunSupabaseSQL
from spool_live.supabase.under_traffic import LockTable


class Migration(migrations.Migration):
    dependencies = [("spool_live", "0002_supabase")]

    operations = [
        LockTable("SiteDelivery"),
        migrations.CreateModel(
            name="SiteMirror",
            fields=[
                ("site_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("version", models.BigIntegerField(default=1)),
                ("epoch", models.BigIntegerField(default=1)),
                ("deleted_at", models.DateTimeField(null=True)),
                (
                    "pending",
                    models.SmallIntegerField(
                        choices=[(0, "nothing"), (1, "changed"), (2, "a right was lost")],
                        default=1,
                        help_text=(
                            "Where to look; whether it is so is decided by the acknowledged "
                            "version."
                        ),
                    ),
                ),
            ],
            options={
                "verbose_name": "site mirror",
                "verbose_name_plural": "site mirrors",
                "db_table": "live_site_mirrors",
                "indexes": [
                    models.Index(
                        condition=models.Q(("pending__gt", 0)),
                        fields=["-pending", "site_id"],
                        name="live_site_mirrors_pending",
                    )
                ],
            },
        ),
        migrations.RunSQL(
            read_sql("0003_site_mirrors"),
            read_sql("0003_site_mirrors.reverse"),
            hints={"model_name": "sitedelivery"},
        ),
        migrations.RemoveField("SiteDelivery", "version"),
        migrations.RemoveField("SiteDelivery", "epoch"),
        migrations.AlterField(
            "SiteDelivery",
            "deleted_at",
            models.DateTimeField(
                null=True,
                help_text="When the Supabase database was found to hold a tombstone.",
            ),
        ),
        migrations.AddField(
            "SiteDelivery",
            "mirror_run",
            models.UUIDField(
                null=True, help_text="The run that asked for the site to be mirrored once more."
            ),
        ),
        migrations.AddField(
            "SiteDelivery",
            "refused_version",
            models.BigIntegerField(
                default=0, help_text="The version of the mirror that was refused last."
            ),
        ),
        migrations.AddField("SiteDelivery", "mirror_retry_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "SiteDelivery", "mirror_error", models.TextField(blank=True, default="")
        ),
        migrations.AddIndex(
            "SiteDelivery",
            models.Index(
                condition=models.Q(("mirror_run__isnull", False)),
                fields=["site_id"],
                name="live_site_mirror_runs",
            ),
        ),
        RunSupabaseSQL("0003_mirror"),
        ProvisionSupabase(withdraws=False),
    ]
