-- begin: how every file of tests opens. All of it is undone at the end of the session.
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only on
BEGIN;
SET LOCAL search_path = pg_temp, pg_catalog, tap;
SET LOCAL client_min_messages = error;
SELECT no_plan();
