"""The dashboard and who may see it: a permission, no table. Samples are one a minute."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("spool_live", "0010_scheduled_moments"),
    ]

    operations = [
        migrations.CreateModel(
            name="Dashboard",
            fields=[],
            options={
                "verbose_name": "dashboard",
                "verbose_name_plural": "dashboard",
                "permissions": (("ping_dashboard", "Can send a test update from the dashboard"),),
                "proxy": True,
                "default_permissions": ("view",),
                "indexes": [],
                "constraints": [],
            },
            bases=("spool_live.countersample",),
        ),
        migrations.AlterField(
            model_name="countersample",
            name="slot",
            field=models.BigIntegerField(
                help_text="Minutes since 1970.", primary_key=True, serialize=False
            ),
        ),
    ]
