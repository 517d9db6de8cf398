-- Foreign keys, and what they do to referring rows: a, r nothing; c cascade; n, d set.
select c.conname::text as name, c.conrelid::bigint as referring, c.confrelid::bigint as referred,
       c.confdeltype <> 'a' and c.confdeltype <> 'r' or c.confupdtype <> 'a' and c.confupdtype <> 'r'
         as acts
from pg_catalog.pg_constraint c where c.contype = 'f'
