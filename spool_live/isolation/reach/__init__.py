"""Determines what API callers can reach in the database, from its catalog.

``catalog`` reads the catalog, ``code`` reads the code of functions and views, and ``walk`` follows
both from each API role. ``fingerprint`` hashes an object with everything it reaches, for the file
of accepted findings.
"""
