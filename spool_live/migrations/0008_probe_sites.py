"""The sites that verification makes are marked."""

from django.db import migrations, models

from spool_live.supabase.under_traffic import LockTable


class Migration(migrations.Migration):
    dependencies = [
        ("spool_live", "0007_trace_and_trail"),
    ]

    operations = [
        LockTable("Site"),
        migrations.AddField(
            model_name="site",
            name="is_probe",
            field=models.BooleanField(
                db_default=False, default=False, editable=False, help_text="Made by verify_live."
            ),
        ),
    ]
