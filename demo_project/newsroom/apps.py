from django.apps import AppConfig


class NewsroomConfig(AppConfig):
    """The demo's content: two papers, their editors and their public pages."""

    name = "demo_project.newsroom"
    label = "newsroom"
    default_auto_field = "django.db.models.BigAutoField"
