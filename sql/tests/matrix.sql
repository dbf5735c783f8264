-- matrix: every role tries every statement on everything there is, and may do what is written down here
-- and nothing else.
--
-- What is tried is made from the catalogue, so a new table, view, function or sequence cannot be
-- forgotten: it is tried by everybody, and until it is written down below nobody may get in. A try runs as
-- the role would (SET SESSION AUTHORIZATION), and is undone. "In" is whatever the server did not
-- refuse for want of a right: a null that was refused by a constraint had come in before.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql
-- A mistake for the test to see: psql -v mistake='GRANT ...'
\if :{?mistake}
:mistake;
\endif

-- Who ----------------------------------------------------------------------------------------------
-- One that may connect and is a member of nothing stands for everybody.
CREATE ROLE somebody LOGIN;
GRANT CONNECT ON DATABASE eocbus TO somebody;
CREATE TEMP TABLE who (role name);
INSERT INTO who VALUES ('bus_ingest'), ('bus_reader'), ('bus_console'), ('bus_audit'), ('bus_admin'), ('somebody');

SELECT set_eq($$SELECT rolname FROM pg_roles WHERE rolname LIKE 'bus\_%'$$,
              $$VALUES ('bus_owner'::name), ('bus_ingest'), ('bus_reader'), ('bus_console'), ('bus_audit'),
                       ('bus_admin'), ('bus_migrate')$$, 'the roles are these seven');
SELECT set_eq($$SELECT rolname FROM pg_roles
                 WHERE rolname LIKE 'bus\_%' AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication
                                                   OR rolbypassrls)$$,
              $$SELECT ''::name WHERE false$$, 'none of them is more than an ordinary role');
SELECT is((SELECT rolcanlogin FROM pg_roles WHERE rolname = 'bus_owner'), false, 'the owner cannot log in');
SELECT set_eq($$SELECT m.rolname || ' is ' || g.rolname FROM pg_auth_members x
                  JOIN pg_roles m ON m.oid = x.member JOIN pg_roles g ON g.oid = x.roleid
                 WHERE (m.rolname LIKE 'bus\_%' OR g.rolname LIKE 'bus\_%') AND NOT m.rolsuper$$,
              $$VALUES ('bus_console is bus_reader'), ('bus_migrate is bus_owner')$$,
              'nobody is a member of another role by accident');
SELECT is_empty($$SELECT rolname FROM pg_authid WHERE rolname LIKE 'bus\_%' AND rolpassword IS NOT NULL$$,
                'no role has a password');

-- What they may ------------------------------------------------------------------------------------
-- One line per thing: roles, kind of statement, names split by blanks. bus_audit reads every table and view
-- that is no partition; that rule stands in the query below.
CREATE TEMP TABLE allowed (roles text, what text, names text);
\ir allowed.sql

CREATE TEMP TABLE may AS
SELECT DISTINCT r.role::name, a.what, n.name
  FROM allowed a, unnest(string_to_array(a.roles, ' ')) AS r(role),
       regexp_split_to_table(trim(a.names, E' \n'), '\s+') AS n(name)
UNION
SELECT 'bus_audit', 'SELECT', c.oid::regclass::text FROM pg_class c
 WHERE c.relnamespace IN ('bus'::regnamespace, 'eoc'::regnamespace) AND c.relkind IN ('r', 'p', 'v')
   AND NOT c.relispartition
UNION -- a console is a reader
SELECT 'bus_console', a.what, n.name FROM allowed a, regexp_split_to_table(trim(a.names, E' \n'), '\s+') AS n(name)
 WHERE 'bus_reader' = ANY (string_to_array(a.roles, ' '));

-- What is tried ------------------------------------------------------------------------------------
CREATE TEMP TABLE try (what text, name text, statement text);

INSERT INTO try
SELECT s.what, c.oid::regclass::text, format(s.form, c.oid::regclass, quote_ident(a.attname))
  FROM pg_class c
  LEFT JOIN LATERAL (SELECT * FROM pg_attribute x
                      WHERE x.attrelid = c.oid AND x.attnum > 0 AND NOT x.attisdropped
                        AND x.attidentity = '' AND x.attgenerated = '' ORDER BY x.attnum LIMIT 1) AS a ON true
  JOIN (VALUES
        ('SELECT', 'rpv', 'SELECT * FROM %1$s LIMIT 0'),
        ('INSERT', 'rpv', 'INSERT INTO %1$s DEFAULT VALUES'),
        ('UPDATE', 'rpv', 'UPDATE %1$s SET %2$s = NULL WHERE false'),
        ('DELETE', 'rpv', 'DELETE FROM %1$s WHERE false'),
        ('TRUNCATE', 'rp', 'TRUNCATE %1$s'),
        ('LOCK', 'rp', 'LOCK TABLE %1$s IN ACCESS EXCLUSIVE MODE'),
        ('SELECT FOR UPDATE', 'rp', 'SELECT 1 FROM %1$s FOR UPDATE'),
        ('CREATE INDEX', 'rp', 'CREATE INDEX ON %1$s (%2$s)'),
        ('CREATE TRIGGER', 'rp', 'CREATE TRIGGER t BEFORE UPDATE ON %1$s EXECUTE FUNCTION '
                                 'pg_catalog.suppress_redundant_updates_trigger()'),
        ('CREATE RULE', 'rp', 'CREATE RULE t AS ON DELETE TO %1$s DO INSTEAD NOTHING'),
        ('CREATE POLICY', 'rp', 'CREATE POLICY t ON %1$s USING (true)'),
        ('ALTER', 'rp', 'ALTER TABLE %1$s DISABLE ROW LEVEL SECURITY'),
        ('ALTER', 'rp', 'ALTER TABLE %1$s ADD COLUMN t int4'),
        ('ALTER', 'rp', 'ALTER TABLE %1$s OWNER TO CURRENT_USER'),
        ('ALTER', 'v', 'ALTER VIEW %1$s RESET (security_invoker)'),
        ('ALTER', 'v', 'ALTER VIEW %1$s OWNER TO CURRENT_USER'),
        -- Without any right to pass on this is a warning, no error: what counts is what came of it.
        ('GRANT', 'rpv', 'DO $do$ BEGIN GRANT INSERT ON %1$s TO somebody;'
                         ' IF NOT has_table_privilege(''somebody'', ''%1$s'', ''INSERT'') THEN'
                         ' RAISE insufficient_privilege; END IF; END $do$'),
        ('COMMENT', 'rp', 'COMMENT ON TABLE %1$s IS NULL'),
        ('DROP', 'rp', 'DROP TABLE %1$s CASCADE'),
        ('DROP', 'v', 'DROP VIEW %1$s CASCADE'),
        ('USAGE', 'S', 'SELECT nextval(''%1$s'')'),
        ('SELECT', 'S', 'SELECT * FROM %1$s'),
        ('UPDATE', 'S', 'SELECT setval(''%1$s'', 1)'),
        ('ALTER', 'S', 'ALTER SEQUENCE %1$s RESTART')) AS s(what, kinds, form)
    ON strpos(s.kinds, c.relkind::text) > 0
 WHERE c.relnamespace IN ('bus'::regnamespace, 'eoc'::regnamespace, 'public'::regnamespace);
-- Each column by itself, where somebody may read some of them.
INSERT INTO try
SELECT 'SELECT', format('%s.%s', c.oid::regclass, a.attname), format('SELECT %I FROM %s LIMIT 0', a.attname, c.oid::regclass)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace IN ('bus'::regnamespace, 'eoc'::regnamespace)
   AND EXISTS (SELECT FROM pg_attribute x WHERE x.attrelid = c.oid AND x.attacl IS NOT NULL);
INSERT INTO may -- who reads the whole reads each
SELECT DISTINCT m.role, 'SELECT', t.name FROM may m JOIN try t ON t.what = 'SELECT' AND t.name LIKE m.name || '.%'
 WHERE m.what = 'SELECT' AND strpos(m.name, '(') = 0;
-- Nulls that the planner does not see, so that a strict function is called as well.
INSERT INTO try
SELECT 'EXECUTE', p.oid::regproc::text,
       format('SELECT %s(%s) FROM (SELECT %s OFFSET 0) AS a', p.oid::regproc,
              (SELECT string_agg('a.n' || i, ', ' ORDER BY i) FROM generate_series(1, p.pronargs) AS i),
              coalesce((SELECT string_agg(format('NULL::%s AS n%s', format_type(t, NULL), i), ', ' ORDER BY i)
                          FROM unnest(p.proargtypes) WITH ORDINALITY AS u(t, i)), '1 AS one'))
  FROM pg_proc p
 WHERE p.pronamespace IN ('bus'::regnamespace, 'eoc'::regnamespace, 'public'::regnamespace);
INSERT INTO try
SELECT 'REPLACE', p.oid::regproc::text, format('ALTER FUNCTION %s RESET ALL', p.oid::regprocedure)
  FROM pg_proc p WHERE p.pronamespace IN ('bus'::regnamespace, 'eoc'::regnamespace);
INSERT INTO try
SELECT 'CREATE', n.name, format(s.form, n.name)
  FROM (VALUES ('bus'), ('eoc'), ('public'), ('pg_temp'), ('pg_catalog')) AS n(name),
       (VALUES ('CREATE TABLE %s.t (t int4)'), ('CREATE VIEW %s.t AS SELECT 1 AS t'), ('CREATE SEQUENCE %s.t'),
               ('CREATE FUNCTION %s.t() RETURNS int4 LANGUAGE sql AS ''SELECT 1'''),
               ('CREATE TYPE %s.t AS (t int4)'),
               ('CREATE OPERATOR %s.= (LEFTARG = int8, RIGHTARG = int4, FUNCTION = pg_catalog.int84eq)')) AS s(form);

-- The tries ----------------------------------------------------------------------------------------
-- What the server said: '' = it was done. All of it is undone.
CREATE FUNCTION pg_temp.state_of(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role);
    EXECUTE statement;
    RAISE EXCEPTION USING ERRCODE = 'UNDO0';
EXCEPTION WHEN OTHERS THEN
    RETURN CASE SQLSTATE WHEN 'UNDO0' THEN '' ELSE SQLSTATE END;
END
$$;
-- 55000: the rules of a view are looked at before the rights, and this one takes no rows from anybody.
CREATE FUNCTION pg_temp.is_kept_out(state text) RETURNS bool LANGUAGE sql AS $$ SELECT state IN ('42501', '55000') $$;

CREATE TEMP TABLE tried AS
SELECT w.role, t.what, t.name, t.statement, pg_temp.state_of(w.role, t.statement) AS state,
       EXISTS (SELECT FROM may m WHERE m.role = w.role AND m.what = t.what AND m.name = t.name) AS is_allowed
  FROM who w, try t;

SELECT is_empty(format($$SELECT role, statement, state FROM tried
                          WHERE role = %L AND NOT is_allowed AND NOT pg_temp.is_kept_out(state)$$, role),
                format('%s gets in nowhere it may not', role)) FROM who ORDER BY role;
SELECT is_empty(format($$SELECT role, statement, state FROM tried
                          WHERE role = %L AND is_allowed AND pg_temp.is_kept_out(state)$$, role),
                format('%s gets in wherever it may', role)) FROM who ORDER BY role;
SELECT is_empty($$SELECT m.role, m.what, m.name FROM may m
                   WHERE NOT EXISTS (SELECT FROM try t WHERE t.what = m.what AND t.name = m.name)$$,
                'nothing is written down that is not there');

-- Around it ----------------------------------------------------------------------------------------
SELECT set_eq($$SELECT nspname FROM pg_namespace
                 WHERE nspname NOT LIKE 'pg\_%' AND nspname NOT IN ('information_schema', 'tap')$$,
              $$VALUES ('bus'::name), ('eoc'), ('public')$$, 'there is no other schema');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p
                   WHERE p.pronamespace IN ('bus'::regnamespace, 'eoc'::regnamespace) AND p.prosecdef
                     AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)$$,
                'what runs with the owner''s rights has a fixed search_path');
SELECT is_empty($$SELECT c.oid::regclass::text FROM pg_class c
                   WHERE c.relnamespace IN ('bus'::regnamespace, 'eoc'::regnamespace) AND c.relowner <> 'bus_owner'::regrole
                   UNION ALL
                  SELECT p.oid::regprocedure::text FROM pg_proc p
                   WHERE p.pronamespace IN ('bus'::regnamespace, 'eoc'::regnamespace) AND p.proowner <> 'bus_owner'::regrole$$,
                'everything is the owner''s');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
                   WHERE p.pronamespace IN ('bus'::regnamespace, 'eoc'::regnamespace) AND a.grantee = 0$$,
                'no function is for everybody');
SELECT is_empty($$SELECT a.grantee::regrole, a.privilege_type FROM pg_class c, aclexplode(c.relacl) AS a
                   WHERE c.relnamespace IN ('bus'::regnamespace, 'eoc'::regnamespace) AND a.is_grantable
                     AND a.grantee <> c.relowner$$,
                'nobody may pass a right on');
-- Rows ---------------------------------------------------------------------------------------------
SELECT is_empty($$SELECT m.name FROM may m JOIN pg_class c ON c.oid::regclass::text = m.name
                   WHERE m.role = 'bus_reader' AND m.what = 'SELECT' AND c.relkind IN ('r', 'p')
                     AND m.name NOT IN ('bus.type', 'bus.observation_type', 'bus.unit', 'bus.log_head', 'bus.cycle_state',
                                        'bus.cycle_event', 'bus.cycle_guard', 'bus.transition', 'bus.report_rule', 'bus.called',
                                        'bus.escalation_rule',
                                        'bus.place', 'bus.place_alias', 'bus.place_conflict', 'bus.gazetteer_version')
                     AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                              AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'reader'))$$,
                'what a reader may read is judged row by row');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c
                   WHERE c.relispartition AND c.relkind = 'r' AND c.relnamespace = 'bus'::regnamespace
                     AND NOT c.relrowsecurity
                     AND (SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid)
                         IN (SELECT polrelid FROM pg_policy)$$, 'so is every partition, asked by itself');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c
                   WHERE c.relkind = 'v' AND c.relnamespace = 'eoc'::regnamespace
                     AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)$$,
                'views ask in the name of whoever reads');
SELECT is_empty($$SELECT polrelid::regclass, polname FROM pg_policy
                   WHERE NOT polpermissive OR polname NOT IN ('owner', 'whole', 'reader')
                      OR (polname = 'whole' AND polroles <> ARRAY['bus_admin'::regrole::oid, 'bus_audit'::regrole::oid])$$,
                'there are three policies, and nobody else sees everything');

SELECT format('measured: %s tries of %s roles, %s allowed; forbidden successes %s', count(*), count(DISTINCT role),
              count(*) FILTER (WHERE is_allowed),
              count(*) FILTER (WHERE NOT is_allowed AND NOT pg_temp.is_kept_out(state))) FROM tried;
SELECT * FROM finish();
ROLLBACK;
