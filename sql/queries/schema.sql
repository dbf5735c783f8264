-- schema: will this server do? version int4, is_standby bool, timeline text (first eight hex digits of
-- a WAL file's name), database text, has_standby bool (commits wait for one), digest of its functions int8.
SELECT bus.schema_version(), pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
       current_database()::text, current_setting('synchronous_standby_names') <> '', bus.function_digest();
