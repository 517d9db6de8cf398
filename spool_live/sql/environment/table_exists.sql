select to_regclass('{table}') is not null
