-- session: what every connection of the broker wants, whatever the server's defaults are. No
-- statement_timeout: a cancelled wait for the standby is visible and not replicated.
SELECT set_config('synchronous_commit', 'on', false), set_config('client_min_messages', 'warning', false),
       set_config('statement_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false),
       set_config('jit', 'off', false), set_config('TimeZone', 'UTC', false),
       set_config('search_path', 'pg_catalog', false);
