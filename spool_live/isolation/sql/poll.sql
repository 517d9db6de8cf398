select place, visible::text[] as visible
from pg_temp.spool_live_poll(%(role)s, %(claims)s::text[], %(targets)s::uuid[])
order by place
