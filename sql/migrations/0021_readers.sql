-- 0021 readers: rows are judged by who reads them. The policies are sql/functions/z_readers.sql; until they are
-- made, and on every partition asked by itself, nobody but the owner sees a row.
DO $$
BEGIN
    -- `eocctl migrate` of an operator says what is wanting; for that it takes the lock of migrations.
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT EXECUTE ON FUNCTION pg_advisory_lock(int8), pg_advisory_unlock(int8) TO bus_admin;
    END IF;
END
$$;

SET LOCAL ROLE bus_owner;

-- Documents keep what they are judged by; of those that are here already it is in the document.
ALTER TABLE bus.document ADD COLUMN places text, ADD COLUMN marks int2;
COMMENT ON COLUMN bus.document.places IS 'as in bus.message';
COMMENT ON COLUMN bus.document.marks IS 'as in bus.message';
UPDATE bus.document
   SET places = (SELECT string_agg(p, ' ') FROM jsonb_array_elements_text(doc->'area'->'pcodes') AS p),
       marks = 16 * coalesce(array_position(ARRAY['LABEL_PUBLIC', 'LABEL_INTERNAL', 'LABEL_RESTRICTED'],
                                            doc->>'label'), 4);

DO $$
DECLARE
    t regclass;
BEGIN
    FOREACH t IN ARRAY ARRAY['bus.message', 'bus.document', 'bus.reading', 'bus.sensor_status', 'bus.quarantine',
                             'bus.addressed', 'bus.recipient', 'bus.recipient_reach', 'bus.recipient_step',
                             'bus.duty_roster', 'bus.duty_shift', 'bus.cursor', 'bus.sealed_box', 'bus.wrapped_key',
                             'bus.household_clock']::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner ON %s TO bus_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY whole ON %s FOR SELECT TO bus_admin, bus_audit USING (true)', t);
    END LOOP;
    FOR t IN SELECT i.inhrelid FROM pg_inherits i
              WHERE i.inhparent IN ('bus.message'::regclass, 'bus.document'::regclass, 'bus.reading'::regclass)
                AND (SELECT relkind FROM pg_class WHERE oid = i.inhrelid) = 'r' LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
    END LOOP;
END
$$;

RESET ROLE;
