"""What depends on Supabase: which alias is its database, what is set up there, its migrations."""
