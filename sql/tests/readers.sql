-- readers: each role reads exactly the rows that bus.may lets it hear, from tables and through views.
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only on
BEGIN;
SET LOCAL search_path = pg_temp, pg_catalog, tap;
SET LOCAL client_min_messages = error;
SELECT to_regclass('bus.rule_text') IS NULL AS has_no_rules \gset
\if :has_no_rules
SELECT plan(1);
SELECT pass('there are no rules to judge by');
SELECT * FROM finish();
ROLLBACK;
\q
\endif
SELECT no_plan();

-- Senders of two agencies in three places, and one principal for every role and kind of places.
INSERT INTO bus.principal (name, agency, places, roles) VALUES
    ('coes.ayni.gw', 'coes', '3505203', 'gateway'), ('coes.khujand.gw', 'coes', '3501000', 'gateway'),
    ('rcst.ayni.team', 'rcst', '3505203', 'partner');
INSERT INTO bus.role VALUES ('narrow', 'one district by its code'), ('fenced', 'all but a district'),
    ('opener', 'opens what it may hear in one district');
INSERT INTO bus.rule (role, effect, verb, types, places, label) VALUES
    ('narrow', 'allow', 'hear', 'report.* public_alert', '3505217', 'RESTRICTED'),
    ('opener', 'allow', 'hear', '*', 'any', 'HOUSEHOLD_PERSONAL'),
    ('opener', 'allow', 'open', 'household_identity', '3505203', 'HOUSEHOLD_PERSONAL'),
    ('fenced', 'allow', 'hear', '*', 'any', 'RESTRICTED'),
    ('fenced', 'deny', 'hear', 'report.*', '3505203', 'INTERNAL');
INSERT INTO bus.principal (name, agency, places, roles)
SELECT 'r.' || replace(r.role, '_', '-') || '.' || p.n, CASE WHEN p.n = 1 THEN 'mia' ELSE 'r' END, p.place, r.role
  FROM bus.role r, (VALUES (0, ''), (1, '3505203'), (2, '3501000')) AS p(n, place)
 WHERE r.role <> 'everyone';

-- What coes gives mia, said by both.
INSERT INTO bus.agreement (agreement_id, version, party, seq, said_by, giver, taker, valid_from, valid_to, terms)
SELECT '00000000-0000-0000-0000-000000000001', 1, x, 1, 1, 'coes', 'mia', now() - interval '1 day', now() + interval '1 day',
       '{"grants": [{"type": "household_event", "pcodes": ["3505203"], "max_label": "LABEL_HOUSEHOLD_PERSONAL"},
                    {"type": "incident", "max_label": "LABEL_RESTRICTED"}]}'
  FROM (VALUES ('giver'), ('taker')) AS v(x);

-- Every type, label and place, of each sender; some are for somebody.
INSERT INTO bus.message (seq, epoch, lane_seq, received_at, event_at, log_epoch, sender_id, marks, lane, type, status,
                         message_id, places, content)
SELECT row_number() OVER (), 1, 1, now(), now(), 1, p.principal_id, l << 4, 4, t.number, 1, gen_random_uuid(), w.places,
       '\x00'
  FROM bus.type t, generate_series(0, 4) AS l, (VALUES (''), ('3505203'), ('3505203001 3505217'), ('3501204'), ('KG02')) AS w(places),
       bus.principal p WHERE p.name IN ('coes.ayni.gw', 'rcst.ayni.team') AND (t.number % 7 = l OR p.name LIKE 'coes%');
INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id, doc, places, marks)
SELECT seq, received_at, event_at, sender_id, type, status, message_id, '{}', places, marks FROM bus.message WHERE type >= 120;
INSERT INTO bus.recipient_reach (seq, level_at, principal_id, ordinal, level)
SELECT m.seq, now(), p.principal_id, 1, 1
  FROM bus.message m, bus.principal p WHERE p.name LIKE 'r.%' AND (m.seq + p.principal_id) % 17 = 0;
-- Every identity with a key; two roles hear them all, and one of these may open some.
INSERT INTO bus.sealed_box (seq, stored_at, sender_id, message_id, household_id)
SELECT seq, now(), sender_id, message_id, gen_random_uuid() FROM bus.message WHERE type = 221;
INSERT INTO bus.wrapped_key (seq, reader_key_id, wrapped)
SELECT seq, decode(repeat('00', 32), 'hex'), decode(repeat('00', 80), 'hex') FROM bus.sealed_box;
ANALYZE bus.message;

CREATE ROLE reading LOGIN IN ROLE bus_reader;
GRANT USAGE ON SCHEMA tap TO reading;
CREATE TEMP TABLE seen (name text, part text, seq int8);
CREATE FUNCTION pg_temp.see(named text, part text, query text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    numbers int8[];
BEGIN
    PERFORM bus.reader_set('reading', named);
    BEGIN
        SET LOCAL SESSION AUTHORIZATION reading;
        EXECUTE format('SELECT array_agg(seq) FROM (%s) AS x', query) INTO numbers;
        RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = coalesce(numbers, '{}')::text;
    EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
        INSERT INTO seen SELECT named, part, unnest(SQLERRM::int8[]);
    END;
END
$$;
CREATE FUNCTION pg_temp.count_as(role name, part text) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    n int8;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role);
    EXECUTE format('SELECT count(*) FROM %s', part) INTO n;
    RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = n::text;
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
    RETURN SQLERRM::int8;
END
$$;
SELECT pg_temp.see(name, 'bus.message', 'SELECT seq FROM bus.message'),
       pg_temp.see(name, 'bus.sealed_box', 'SELECT seq FROM bus.sealed_box'),
       pg_temp.see(name, 'bus.wrapped_key', 'SELECT seq FROM bus.wrapped_key'),
       pg_temp.see(name, 'eoc.message', 'SELECT seq FROM eoc.message'),
       pg_temp.see(name, 'eoc.document', 'SELECT seq FROM eoc.document')
  FROM bus.principal WHERE name LIKE 'r.%' \g /dev/null

CREATE TEMP TABLE judged AS
SELECT r.name, m.seq, m.type >= 120 AS has_document,
       bus.may(r.name, 'hear', t.name, m.places,
               (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])[coalesce(nullif(m.marks >> 4, 0), 4)],
               s.name, CASE WHEN (m.seq + r.principal_id) % 17 = 0 THEN r.name ELSE '' END) AS may
  FROM bus.principal r, bus.message m JOIN bus.type t ON t.number = m.type JOIN bus.principal s ON s.principal_id = m.sender_id
 WHERE r.name LIKE 'r.%' AND (m.seq + 5 * r.principal_id) % 16 = 0; -- bus.may takes its time

SELECT is_empty(format($$SELECT s.name, s.seq FROM seen s JOIN judged j USING (name, seq) WHERE s.part = %L AND NOT j.may LIMIT 10$$, part),
                part || ': nobody reads what it may not hear') FROM (VALUES ('bus.message'), ('eoc.message'), ('eoc.document')) AS p(part);
SELECT is_empty(format($$SELECT j.name, j.seq FROM judged j WHERE j.may AND (j.has_document OR %1$L <> 'eoc.document')
                          AND NOT EXISTS (SELECT FROM seen s WHERE s.name = j.name AND s.seq = j.seq AND s.part = %1$L) LIMIT 10$$, part),
                part || ': everybody reads what it may hear') FROM (VALUES ('bus.message'), ('eoc.message'), ('eoc.document')) AS p(part);
SELECT ok((SELECT count(DISTINCT name) FROM seen) >= 15, 'most roles read something');
SELECT is((SELECT count(*)::int4 FROM seen s JOIN bus.message m USING (seq) JOIN bus.type t ON t.number = m.type
            WHERE s.name LIKE 'r.ministry.%' AND t.family = 'relocation' AND t.name NOT IN ('household_counts', 'plot_site')),
          0, 'a ministry reads no household');

-- The key of a sealed identity takes the right to open it, besides that to hear the message.
CREATE TEMP TABLE opened AS
SELECT r.name, b.seq,
       bus.may(r.name, 'open', 'household_identity', m.places,
               (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])[coalesce(nullif(m.marks >> 4, 0), 4)],
               s.name, CASE WHEN (m.seq + r.principal_id) % 17 = 0 THEN r.name ELSE '' END)
           AND EXISTS (SELECT FROM seen x WHERE (x.name, x.part, x.seq) = (r.name, 'bus.sealed_box', b.seq)) AS may
  FROM bus.principal r, bus.sealed_box b JOIN bus.message m USING (seq)
  JOIN bus.principal s ON s.principal_id = m.sender_id WHERE r.name LIKE 'r.%';
SELECT is_empty($$SELECT s.name, s.seq FROM seen s JOIN opened o USING (name, seq) WHERE s.part = 'bus.wrapped_key' AND NOT o.may LIMIT 10$$,
                'bus.wrapped_key: nobody gets a key that it may not open with');
SELECT is_empty($$SELECT o.name, o.seq FROM opened o WHERE o.may AND NOT EXISTS (SELECT FROM seen s
                   WHERE (s.name, s.part, s.seq) = (o.name, 'bus.wrapped_key', o.seq)) LIMIT 10$$,
                'bus.wrapped_key: who may open it gets it');
SELECT is((SELECT count(*)::int4 FROM seen WHERE part = 'bus.wrapped_key' AND name LIKE 'r.witness.%'), 0, 'a witness hears all and opens nothing');
SELECT ok((SELECT count(*) FROM seen WHERE part = 'bus.sealed_box' AND name LIKE 'r.witness.%') > 0, 'though it sees that there are boxes');
SELECT ok((SELECT bool_or(may) AND NOT bool_and(may) FROM opened WHERE name LIKE 'r.opener.%'), 'one role opens some and not all');

-- What is noted of his rights lies where a reader can write: only what was noted for him in this statement counts.
-- `note`: what he writes there; answers how many messages he reads then, and the note that is there after that.
CREATE FUNCTION pg_temp.noted(named text, note text, OUT messages int8, OUT left_note text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bus.reader_set('reading', named);
    SET LOCAL SESSION AUTHORIZATION reading;
    PERFORM set_config('bus.reader_note', note, true);
    SELECT count(*) INTO messages FROM bus.message;
    RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = messages || '/' || current_setting('bus.reader_note');
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
    messages := split_part(SQLERRM, '/', 1)::int8;
    left_note := split_part(SQLERRM, '/', 2);
END
$$;
SELECT min(name) FILTER (WHERE name LIKE 'r.narrow.%') AS narrow, min(name) FILTER (WHERE name LIKE 'r.witness.%') AS wide FROM bus.principal \gset
SELECT messages AS few FROM pg_temp.noted(:'narrow', '') \gset
SELECT messages AS many, left_note AS wide_note FROM pg_temp.noted(:'wide', '') \gset
SELECT ok(:few < :many, 'one hears more than the other');
SELECT is((SELECT messages FROM pg_temp.noted(:'narrow', n)), :few::int8, w)
  FROM (VALUES ('nonsense', 'nonsense'), ('x y z', 'nonsense in three words'), (:'wide_note', 'the note of somebody else'),
               (encode(sha256('x'), 'hex') || ' ' || bus.us(clock_timestamp()) || ' {' || repeat('1,', 1200) || '1}', 'one that he made')) AS v(n, w);
SELECT is((SELECT b.messages FROM pg_temp.noted(:'wide', '') AS a, LATERAL pg_temp.noted(:'narrow', a.left_note) AS b), :few::int8,
          'the note of somebody else in the same statement');
SELECT is((SELECT ARRAY[b.messages, (b.left_note = a.left_note)::int4] FROM pg_temp.noted(:'wide', '') AS a, LATERAL pg_temp.noted(:'wide', a.left_note) AS b),
          ARRAY[:many, 1]::int8[], 'his own counts');
SELECT is((SELECT (b.left_note = :'wide_note') FROM pg_temp.noted(:'wide', :'wide_note') AS b), false, 'not that of another statement');

-- Whoever is nobody reads nothing.
SELECT bus.reader_drop('reading') \g /dev/null
SELECT set_eq(format($$SELECT pg_temp.count_as('reading', %L)$$, c.oid::regclass), ARRAY[0::int8],
              format('a login that is nobody''s reads nothing in %s', c.oid::regclass))
  FROM pg_class c WHERE c.relrowsecurity AND NOT c.relispartition AND c.relnamespace = 'bus'::regnamespace
   AND has_table_privilege('bus_reader', c.oid, 'SELECT') ORDER BY 1;
SELECT format('measured: %s rows judged for %s readers in three places: 0 wrong', count(*), count(DISTINCT name)) FROM judged;
SELECT * FROM finish();
ROLLBACK;
