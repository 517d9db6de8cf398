drop table if exists public.sites;
