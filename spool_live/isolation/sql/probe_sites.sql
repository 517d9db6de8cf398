insert into public.sites (id, name)
select site, 'verify_rls probe' from unnest(%(sites)s::uuid[]) site
returning id
