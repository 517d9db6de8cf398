-- Whether settings of the database, or of roles, hold a secret: every role may read them.
select exists (
  select from pg_catalog.pg_db_role_setting s cross join lateral unnest(s.setconfig) setting
  where split_part(setting, '=', 1) ~* 'secret|password|private|service_role|jwt_key|api_key'
) as found
