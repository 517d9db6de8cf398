select public.spool_live_mirror(%(site)s::jsonb)::text as answer
