-- Settings of the transaction; they end with it.
select set_config('statement_timeout', %(statement_timeout)s, true),
       set_config('lock_timeout', %(lock_timeout)s, true),
       set_config('idle_in_transaction_session_timeout', '60s', true),
       set_config('client_min_messages', 'warning', true),
       set_config('search_path', '', true), set_config('timezone', 'UTC', true),
       set_config('row_security', 'on', true), set_config('jit', 'off', true)
