"""Live content updates for multi-tenant Django CMSs through Supabase Realtime."""

__version__ = "0.1.0"
