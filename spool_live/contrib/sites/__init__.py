"""Sites of ``django.contrib.sites`` as tenants: put ``"spool_live.contrib.sites"`` into
``INSTALLED_APPS``.

For each of them there is a live site, whose id is a UUIDv5 of the Django site's primary key and
whose name is its domain. ``migrate`` creates the live sites, and saves and deletions of Django's
keep them in step; ``site_field`` may then lead to a ``Site`` of Django's.
"""
