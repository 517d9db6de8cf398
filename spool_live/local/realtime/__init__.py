"""The realtime half of the local Supabase: Phoenix channels over WebSocket.

It does not depend on any particular tables: changes and database broadcasts come from PostgreSQL's
logical decoding, and PostgreSQL itself decides, under the subscriber's role and claims, who may see
them.
"""
