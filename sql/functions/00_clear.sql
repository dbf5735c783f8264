-- clear: takes away every function, view and row type of ours, before the files after this one make
-- them anew. Tables never depend on them (no default, constraint or index calls one), so nothing that
-- holds data goes. What others have built on them would go too: then it stops, and says what is in
-- the way.
DO $$
DECLARE
    ours oid[] := ARRAY['bus'::regnamespace, 'eoc'::regnamespace];
    theirs text;
    thing text;
BEGIN
    SELECT string_agg(DISTINCT v.oid::regclass::text, ', ') INTO theirs
      FROM pg_depend d
      JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
      JOIN pg_class v ON v.oid = r.ev_class AND v.relnamespace <> ALL (ours)
      JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
                     AND c.relkind = 'v' AND c.relnamespace = ANY (ours);
    IF theirs IS NOT NULL THEN
        RAISE EXCEPTION 'views outside bus and eoc are built on ours: %', theirs
            USING ERRCODE = 'dependent_objects_still_exist',
                  HINT = 'Keep their text, drop them, migrate, and make them again.';
    END IF;
    -- Brokers may be at work. Who appends has the head before any table whose trigger goes here; a tick
    -- looks at such tables first, and then goes away if another one is at it.
    PERFORM pg_advisory_xact_lock(hashtext('eocbus tick'));
    PERFORM FROM bus.log_head FOR UPDATE;
    -- Named before the first one goes: some go with others.
    FOREACH thing IN ARRAY coalesce((
        SELECT array_agg(d.what) FROM (
            SELECT format('VIEW IF EXISTS %s', c.oid::regclass) AS what, 1 AS place FROM pg_class c
             WHERE c.relkind = 'v' AND c.relnamespace = ANY (ours)
            UNION ALL
            SELECT format('FUNCTION IF EXISTS %s', p.oid::regprocedure), 2 FROM pg_proc p
             WHERE p.pronamespace = ANY (ours)
               AND NOT EXISTS (SELECT FROM pg_depend d -- policies hang on it: it is replaced
                                WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_proc'::regclass
                                  AND d.refobjid = p.oid)
            UNION ALL
            SELECT format('TYPE IF EXISTS %s', c.oid::regclass), 3 FROM pg_class c
             WHERE c.relkind = 'c' AND c.relnamespace = ANY (ours)
            ORDER BY place) AS d), '{}') LOOP
        EXECUTE 'DROP ' || thing || ' CASCADE';
    END LOOP;
END
$$;
