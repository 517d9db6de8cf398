"""What depends on Supabase: its alias, its provisioning and its migration operations."""
