-- grants: what goes through all of them, when all of them are there. Rights to single functions stand
-- beside the functions; sql/tests/allowed.sql has the whole list, and the test tries all of it.

-- A console is a reader (by membership) who also wants to know where the log stands.
GRANT EXECUTE ON FUNCTION bus.head, bus.seq_at TO bus_console;

-- An auditor reads every table and view and changes nothing.
DO $$
DECLARE
    c regclass;
BEGIN
    FOR c IN SELECT x.oid FROM pg_class x
              WHERE x.relnamespace IN ('bus'::regnamespace, 'eoc'::regnamespace)
                AND x.relkind IN ('r', 'p', 'v') AND NOT x.relispartition LOOP
        EXECUTE format('GRANT SELECT ON %s TO bus_audit', c);
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION bus.on_duty, eoc.word, eoc.at, eoc.amount, eoc.words, eoc.receipt_level TO bus_audit;
