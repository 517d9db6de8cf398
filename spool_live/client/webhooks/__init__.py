"""A site's webhook handler: ``WebhookReceiver`` verifies a request, ``django_view`` makes a view of
it.

In development, ``DevelopmentFeed`` runs a live client that calls the same function instead.
"""
