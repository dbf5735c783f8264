-- carry: the rows of database eocbus into database `old`, whose tables are those of an earlier version: of every
-- table that is there the columns that are there, but for those that migrations fill (rules, life cycles, types).
-- Run in `old`; -v dir=a folder that the server writes to.
\set ON_ERROR_STOP 1
\set columns :dir/columns
ANALYZE;
COPY (SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       WHERE c.relnamespace = 'bus'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT IN ('migration', 'function_text', 'audit_pending')
         AND (c.reltuples <= 0 OR c.relname IN ('log_head', 'principal'))
       GROUP BY 1) TO :'columns';
\c eocbus
CREATE TEMP TABLE there (name text, columns text);
COPY there FROM :'columns';
SELECT set_config('upgrade.dir', :'dir', false) \g /dev/null
CREATE TEMP TABLE carried AS
SELECT t.name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
  FROM there t JOIN pg_class c ON c.relname = t.name AND c.relnamespace = 'bus'::regnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND quote_ident(a.attname) = ANY (string_to_array(t.columns, ', ')) GROUP BY 1;
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM carried LOOP
        EXECUTE format('COPY (SELECT %s FROM bus.%I) TO %L', t.columns, t.name, current_setting('upgrade.dir') || '/' || t.name);
    END LOOP;
END
$$;
\set parts :dir/parts
COPY carried TO :'columns';
COPY (SELECT p.relname, c.relname, pg_get_expr(c.relpartbound, c.oid)
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent WHERE c.relispartition AND c.relkind = 'r') TO :'parts';
\set numbers :dir/numbers
COPY (SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'bus' AND last_value IS NOT NULL) TO :'numbers';
\c old
SET session_replication_role = replica;
SELECT set_config('upgrade.dir', :'dir', false) \g /dev/null
CREATE TEMP TABLE carried (name text, columns text);
COPY carried FROM :'columns';
CREATE TEMP TABLE part (parent text, name text, bound text);
COPY part FROM :'parts';
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM part p WHERE to_regclass('bus.' || quote_ident(p.parent)) IS NOT NULL AND to_regclass('bus.' || quote_ident(p.name)) IS NULL LOOP
        EXECUTE format('CREATE TABLE bus.%I PARTITION OF bus.%I %s; ALTER TABLE bus.%1$I OWNER TO bus_owner', t.name, t.parent, t.bound);
    END LOOP;
    FOR t IN SELECT * FROM carried LOOP
        EXECUTE format('DELETE FROM bus.%I', t.name);
        EXECUTE format('COPY bus.%I (%s) FROM %L', t.name, t.columns, current_setting('upgrade.dir') || '/' || t.name);
    END LOOP;
END
$$;
CREATE TEMP TABLE number (name text, last int8);
COPY number FROM :'numbers';
SELECT setval(to_regclass('bus.' || quote_ident(name)), last) FROM number WHERE to_regclass('bus.' || quote_ident(name)) IS NOT NULL \g /dev/null
