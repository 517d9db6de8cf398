"""The local Supabase: a real PostgreSQL and enough PostgREST and Realtime for the official clients.

For development and tests only. It binds to loopback, prints that it is no production service, and
``manage.py local_supabase`` refuses to start with ``DEBUG=False``.
"""
