-- The jobs that pg_cron runs in this database (those of other roles only if its policy shows them).
select job.jobid::bigint as number, job.username::text as owner, job.command::text as command
from cron.job job
where job.active and job.database = pg_catalog.current_database()
