-- Those of the roles that have the privilege on the table, or on one of its columns.
select role from unnest(%(roles)s::text[]) role
where has_any_column_privilege(role, %(relation)s, %(privilege)s)
