-- 0016 roles: a role for each kind of work, and what anybody could do who may connect is taken away.
--
-- bus_owner NOLOGIN owns everything; bus_ingest runs a broker's functions and reads no table; bus_reader reads
-- views, row by row as its principal may hear (sql/functions/rls.sql); bus_console is a reader who also follows
-- the log; bus_audit reads whatever the record is made of and changes nothing; bus_admin has the operator's
-- functions; bus_migrate changes tables and functions, and nobody works as it otherwise.
DO $$
DECLARE
    r text;
    f regprocedure;
BEGIN
    FOREACH r IN ARRAY ARRAY['bus_console', 'bus_audit', 'bus_migrate'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', r);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another database of this cluster made it
        END;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), r);
    END LOOP;
    GRANT bus_reader TO bus_console;
    GRANT bus_owner TO bus_migrate;
    -- Locks that anybody may take would stop the tick and migrations; messages into the write-ahead log
    -- would fill a disk. Only a superuser may take these functions away (runbook, "Roles of the database").
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        FOR f IN SELECT p.oid FROM pg_proc p
                  WHERE p.pronamespace = 'pg_catalog'::regnamespace
                    AND (p.proname LIKE 'pg_%advisory%lock%' OR p.proname = 'pg_logical_emit_message') LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO bus_owner', f);
        END LOOP;
    END IF;
END
$$;

SET LOCAL ROLE bus_owner;
GRANT USAGE ON SCHEMA bus, eoc TO bus_reader, bus_audit;

CREATE TABLE bus.reader (
    login        name PRIMARY KEY,
    principal_id int4 NOT NULL REFERENCES bus.principal,
    set_at       timestamptz NOT NULL DEFAULT now(),
    set_by       name NOT NULL DEFAULT session_user
);
COMMENT ON TABLE bus.reader IS 'with whose rights a login of this database reads; one that is not here reads no row';

COMMENT ON COLUMN bus.message.marks IS
    '1: its sender''s clock is further off than the sender says; 2: late, from a backlog; from bit 4 on the label: 1 PUBLIC, 2 INTERNAL, 3 RESTRICTED, 4 HOUSEHOLD_PERSONAL; without one it was stored before labels were kept, and is judged as 4';

RESET ROLE;
