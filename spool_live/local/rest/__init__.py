"""The REST half of the local Supabase: the part of PostgREST 14 that the official clients use.

Each request is one statement in one transaction under the caller's role and claims; PostgreSQL
builds the JSON. What is missing (embedding, aggregates, full-text search, CSV) is refused by name.
"""
