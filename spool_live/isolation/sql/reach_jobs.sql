-- The jobs that pg_cron runs in this database (of other roles only as far as its policy shows them).
select job.jobid::bigint as number, job.username::text as owner, job.command::text as command
from cron.job job
where job.active and job.database = pg_catalog.current_database()
