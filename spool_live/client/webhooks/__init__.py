"""A site's webhook handler: ``WebhookReceiver`` verifies a request, ``django_view`` has the Django
view.

In development, ``DevelopmentFeed`` runs a live client that calls the same function instead.
"""
