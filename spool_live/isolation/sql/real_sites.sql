-- Sites with their keys: a random sample, or all.
select s.site_id::text as site,
       (select k.id::text from spool_live.api_keys k
        where k.site_id = s.site_id and k.revoked_at is null
          and (k.expires_at is null or k.expires_at > now())
        limit 1) as key,
       (select k.id::text from spool_live.api_keys k
        where k.site_id = s.site_id and (k.revoked_at is not null or k.expires_at <= now())
        limit 1) as old_key,
       s.deleted_at is not null as deleted,
       exists (select from public.live_updates u where u.site_id = s.site_id) as has_updates
from spool_live.sites s
order by random()
limit %(maximum)s
