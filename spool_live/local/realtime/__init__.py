"""The realtime half of the local Supabase: Phoenix channels over WebSocket.

It knows nothing of anybody's tables: changes and database broadcasts come out of PostgreSQL's
logical decoding, and PostgreSQL itself decides, under the subscriber's role and claims, who may see
them.
"""
