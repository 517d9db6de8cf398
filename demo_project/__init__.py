"""The demo: a small newsroom whose sites follow their editors live."""

from .celery import app as celery_app

# Without it, shared tasks called in the web process would talk to Celery's default broker.
__all__ = ["celery_app"]
