-- session: what every connection of the broker wants, whatever the server's defaults are. No
-- statement_timeout: a cancelled wait for the standby is visible and not replicated.
-- No parallel workers: after a crash the statistics are gone, the planner takes a page of history for a
-- large part of the log, and starting workers made a page cost 100 ms instead of 1: listeners that were
-- behind fell back further.
SELECT set_config('synchronous_commit', 'on', false), set_config('client_min_messages', 'warning', false),
       set_config('statement_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false),
       set_config('max_parallel_workers_per_gather', '0', false), set_config('jit', 'off', false),
       set_config('TimeZone', 'UTC', false),
       set_config('search_path', 'pg_catalog', false);
