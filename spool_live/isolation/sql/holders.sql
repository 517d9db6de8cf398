-- Which of the roles hold the privilege on the table, or on any column of it.
select role from unnest(%(roles)s::text[]) role
where has_any_column_privilege(role, %(relation)s, %(privilege)s)
