select has_table_privilege(%(role)s, to_regclass(%(table)s)::oid, %(privilege)s) as held
