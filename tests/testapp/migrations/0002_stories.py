from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import tests.testapp.fields


class Migration(migrations.Migration):
    dependencies = [
        ("spool_live", "0001_initial"),
        ("testapp", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Story",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(default="Ferry", max_length=100)),
                ("slug", models.SlugField(default="ferry")),
                ("status", models.CharField(default="draft", max_length=20)),
                (
                    "is_live",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(status="published", then=True), default=False
                        ),
                        output_field=models.BooleanField(),
                    ),
                ),
                ("views", models.IntegerField(default=0)),
                ("price", models.DecimalField(decimal_places=2, default=0, max_digits=8)),
                ("ratio", models.FloatField(default=0.5)),
                ("featured", models.BooleanField(default=False)),
                ("day", models.DateField(null=True)),
                ("moment", models.DateTimeField(null=True)),
                ("hour", models.TimeField(null=True)),
                ("length", models.DurationField(null=True)),
                ("token", models.UUIDField(null=True)),
                ("address", models.GenericIPAddressField(null=True)),
                ("extra", models.JSONField(default=dict)),
                ("rank", models.IntegerField(db_default=7)),
                ("code", tests.testapp.fields.LowercaseField(default="x", max_length=20)),
                ("words", tests.testapp.fields.WordsField(default="", max_length=50)),
                ("scan", models.FileField(blank=True, upload_to="scans")),
                ("changed_at", models.DateTimeField(auto_now=True)),
                ("body", models.TextField(blank=True)),
                (
                    "model_of",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, to="testapp.story"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="spool_live.site"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SeenTitle",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=100, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="Feature",
            fields=[
                (
                    "story_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to="testapp.story",
                    ),
                ),
                ("hero", models.CharField(default="hero", max_length=50)),
            ],
            bases=("testapp.story",),
        ),
        migrations.CreateModel(
            name="StoryProxy",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("testapp.story",),
        ),
    ]
