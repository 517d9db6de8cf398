"""The REST half of the local Supabase: what the official clients ask of PostgREST 14.

One request is one statement in one transaction under the caller's role and claims; PostgreSQL makes
the JSON. What is not there (embedding, aggregates, full-text search, CSV) is refused by name.
"""
