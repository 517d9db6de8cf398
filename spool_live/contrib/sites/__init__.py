"""Sites of ``django.contrib.sites`` as tenants: put ``"spool_live.contrib.sites"`` into
``INSTALLED_APPS``.

Each of them is one of our sites, whose id follows from its primary key, with its domain for a name.
``migrate`` makes them, and saves and deletions keep them in step; ``site_field`` may then lead to a
``Site`` of Django's.
"""
