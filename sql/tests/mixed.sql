-- mixed: batches in which some have a life cycle and some have none, some were seen before and some are refused, leave
-- the same behind as the same messages one by one. With the tiny cycle of tiny.sql. Everything is undone.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql
\ir tiny.sql

-- What is said. `says`: M a site is made, G an offer (refused where it cannot be kept, held where the site is not there),
-- L a fact (contested), T a text and F a flash report, which have a document and no verdict, O observations, which have
-- neither, R a receipt, X an offer whose judge breaks. `again`: content under a place in the lane that was said before.
CREATE TYPE pg_temp.row AS (i int4, says text, site int4, lane_seq int8, content bytea, fails jsonb);
CREATE FUNCTION pg_temp.type_of(says text) RETURNS int2 LANGUAGE sql AS
$$ SELECT CASE says WHEN 'M' THEN 224 WHEN 'G' THEN 225 WHEN 'X' THEN 225 WHEN 'L' THEN 226 WHEN 'T' THEN 200 WHEN 'F' THEN 120
                    WHEN 'R' THEN 181 ELSE 100 END::int2 $$;
CREATE FUNCTION pg_temp.doc_of(r pg_temp.row) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('kind', 'KIND_REPORT') || CASE r.says
        WHEN 'R' THEN jsonb_build_object('receipt', jsonb_build_object('level', 'RECEIPT_LEVEL_STORED', 'message_id', pg_temp.id_of(r.i)))
        WHEN 'T' THEN '{"general_message": {}}' WHEN 'F' THEN '{"flash_report": {}}'
        ELSE jsonb_build_object((SELECT t.name FROM bus.type t WHERE t.number = pg_temp.type_of(r.says)),
                                jsonb_strip_nulls(jsonb_build_object('site_id', pg_temp.id_of(r.site), 'fails', r.fails,
                                                                     'raise', CASE r.says WHEN 'X' THEN '22000' END))) END
$$;

-- These rows in one append, and how it went with each.
CREATE FUNCTION pg_temp.put(rows pg_temp.row[]) RETURNS TABLE (i int4, outcome int2, seq int8, code text, refusal text)
LANGUAGE plpgsql AS $$
DECLARE
    n int4 := cardinality(rows);
    res bus.append_result;
BEGIN
    -- Elsewhere each append is a transaction of its own.
    PERFORM set_config('bus.woken_from', '', true), set_config('bus.woken_done', '', true), set_config('bus.waking', '', true);
    SELECT a.* INTO res
      FROM (SELECT array_agg(pg_temp.id_of(r.i) ORDER BY r.i) AS id, array_agg(pg_temp.type_of(r.says) ORDER BY r.i) AS type,
                   array_agg(r.lane_seq ORDER BY r.i) AS lane_seq, array_agg(r.content ORDER BY r.i) AS content,
                   array_agg(CASE WHEN r.i % 4 = 0 THEN now() - interval '1 hour' END ORDER BY r.i) AS not_after,
                   array_agg(p.office ORDER BY r.i) AS office
              FROM unnest(rows) AS r
              CROSS JOIN LATERAL (SELECT principal_id AS office FROM bus.principal
                                   WHERE name = CASE WHEN r.i % 7 = 0 THEN 'eoc.chief' ELSE 'coes.ayni.office' END) AS p) AS m,
           (SELECT array_agg(x.office) AS office, array_agg(x.first) AS first, array_agg(x.last) AS last, array_agg(x.low) AS low,
                   array_agg(x.high) AS high, count(*)::int4 AS many
              FROM (SELECT p.principal_id AS office, min(y.lane_seq) AS first, max(y.lane_seq) AS last, min(y.ord) AS low, max(y.ord) AS high
                      FROM (SELECT r.i, r.lane_seq, r.ord::int4 AS ord, r.lane_seq - row_number() OVER (PARTITION BY r.i % 7 = 0 ORDER BY r.lane_seq) AS island
                              FROM unnest(rows) WITH ORDINALITY AS r(i, says, site, lane_seq, content, fails, ord)) AS y
                      JOIN bus.principal p ON p.name = CASE WHEN y.i % 7 = 0 THEN 'eoc.chief' ELSE 'coes.ayni.office' END
                     GROUP BY p.principal_id, y.island) AS x) AS runs,
           (SELECT array_agg(o::int4 ORDER BY o) AS ordinal, array_agg(pg_temp.doc_of(rows[o]) ORDER BY o) AS doc
              FROM generate_series(1, n) AS o WHERE rows[o].says <> 'O') AS d,
           bus.append(m.office, array_fill(5::int8, ARRAY[n]), array_fill(4::int2, ARRAY[n]), m.lane_seq, m.id, m.type,
                      array_fill(1::int2, ARRAY[n]), array_fill('3505203'::text, ARRAY[n]), array_fill(now(), ARRAY[n]),
                      array_fill(now(), ARRAY[n]), m.not_after, NULL, array_fill(48::int2, ARRAY[n]), m.content, NULL, NULL, NULL,
                      runs.office, array_fill(5::int8, ARRAY[runs.many]), array_fill(4::int2, ARRAY[runs.many]), runs.first, runs.last,
                      runs.low, runs.high, d.ordinal, d.doc, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                      (SELECT log_epoch FROM bus.log_head), 0) AS a;
    RETURN QUERY SELECT rows[o].i, coalesce(res.outcome[o], 1::int2), CASE WHEN res.outcome IS NULL THEN res.before + o ELSE res.seq[o] END,
                        res.code[o], res.refusal[o] FROM generate_series(1, n) AS o;
END
$$;
-- As the store does: what fails is halved until it is one, which is left out.
CREATE FUNCTION pg_temp.put_all(rows pg_temp.row[]) RETURNS TABLE (i int4, outcome int2, seq int8, code text, refusal text)
LANGUAGE plpgsql AS $$
DECLARE
    n int4 := cardinality(rows);
BEGIN
    RETURN QUERY SELECT * FROM pg_temp.put(rows);
EXCEPTION WHEN data_exception THEN
    IF n = 1 THEN
        RETURN QUERY SELECT rows[1].i, -1::int2, NULL::int8, NULL::text, NULL::text;
    ELSE
        RETURN QUERY SELECT * FROM pg_temp.put_all(rows[:n / 2]);
        RETURN QUERY SELECT * FROM pg_temp.put_all(rows[n / 2 + 1:]);
    END IF;
END
$$;

-- All that they leave behind, appended `many` at a time; then it is as before.
CREATE FUNCTION pg_temp.left_by(rows pg_temp.row[], many int4) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    behind jsonb;
    answers jsonb := '[]';
    at int4 := 1;
BEGIN
    BEGIN
        WHILE at <= cardinality(rows) LOOP
            answers := answers || (SELECT jsonb_agg(to_jsonb(a) ORDER BY a.i) FROM pg_temp.put_all(rows[at:at + many - 1]) AS a);
            at := at + many;
        END LOOP;
        behind := jsonb_build_object(
            'answers', answers, 'head', pg_temp.head(),
            'log', (SELECT jsonb_agg(to_jsonb(m) - 'expired' ORDER BY m.seq) FROM bus.message m),
            'documents', (SELECT jsonb_agg(to_jsonb(d) ORDER BY d.seq) FROM bus.document d),
            'chain', (SELECT string_agg(encode(c.rows, 'hex'), '' ORDER BY c.last_seq) FROM bus.chain c),
            'held', (SELECT jsonb_agg(to_jsonb(h) ORDER BY h.seq) FROM bus.held h),
            'contested', (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.seq) FROM bus.contested c),
            'moved', (SELECT jsonb_agg(to_jsonb(x) - 'step' ORDER BY x.step) FROM bus.moved x),
            'timers', (SELECT jsonb_agg(to_jsonb(t) - 'timer_id' ORDER BY t.subject) FROM bus.timer t),
            'said', (SELECT jsonb_agg(to_jsonb(s) - '{at,say_id}'::text[] ORDER BY s.say_id) FROM bus.to_say s),
            'refused', (SELECT jsonb_agg(to_jsonb(q) ORDER BY q.quarantine_id) FROM bus.quarantine q),
            'numbers of lanes', (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.sender_id, l.lane_first) FROM bus.lane_run l));
        RAISE EXCEPTION USING ERRCODE = 'UNDO1';
    EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
        RETURN behind;
    END;
END
$$;
-- 'same', or what differs.
CREATE FUNCTION pg_temp.differs(rows pg_temp.row[], many int4 DEFAULT 1000) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    a jsonb := pg_temp.left_by(rows, 1);
    b jsonb := pg_temp.left_by(rows, many);
BEGIN
    RETURN coalesce((SELECT string_agg(format('%s: %s not %s', x.key, b->x.key, x.value), E'\n')
                       FROM jsonb_each(a) AS x WHERE x.value IS DISTINCT FROM b->x.key), 'same');
END
$$;

-- "M1 O G1 G2 T": these, of those sites, behind each other. A small letter: it says what was said before, with another
-- content if it is not of the same letter.
CREATE FUNCTION pg_temp.rows_of(said text) RETURNS pg_temp.row[] LANGUAGE sql AS $$
    SELECT array_agg((x.n + 105, upper(left(x.w, 1)), nullif(substr(x.w, 2), '')::int4,
                      CASE WHEN left(x.w, 1) BETWEEN 'a' AND 'z' THEN x.n ELSE x.n + 105 END,
                      CASE WHEN left(x.w, 1) = 'o' THEN '\x00'::bytea ELSE int4send(x.n::int4) END,
                      CASE WHEN left(x.w, 1) = 'G' AND x.w LIKE '%9' THEN '{"sober": "He drank."}'::jsonb END)::pg_temp.row ORDER BY x.n)
      FROM unnest(string_to_array(said, ' ')) WITH ORDINALITY AS x(w, n)
$$;
-- Places in the lanes that were taken before.
SELECT is((SELECT count(*)::int4 FROM pg_temp.put(ARRAY(SELECT (i, 'O', NULL, i, '\x00'::bytea, NULL)::pg_temp.row FROM generate_series(1, 60) AS i))
            WHERE outcome = 1), 60, 'some were said before');

SELECT is(pg_temp.differs(pg_temp.rows_of(said)), 'same', said) FROM (VALUES
    ('O O O'), ('T O T'), ('M1'), ('M1 G1 L1'), ('O M1 O'), ('M1 O O O'), ('O O O M1'), ('T M1 T T G1 T'), ('F M1 F R F'), ('R'), ('R O R'),
    ('G1 M1'), ('G1 O T G1 M1 T'), ('G1 L1 O M1 L1 L1'), -- what waits is settled by what comes behind it
    ('M1 G1 G1'), ('M1 G1 O G1 T O L1 L1 G1 T'), ('G9 M9 G9 O G9'), ('M9 G9 G9 G9'), -- refused in the middle, at the end, all
    ('o'), ('O o O'), ('o M1 G1'), ('M1 o G1 t G1 t L1'), ('t t t'), ('T o t m1 T'), -- seen before, with that content or another
    ('M1 G1 G1 o T t G1 O T G1 L1 o L1 M2 G2 T'),
    ('X1'), ('M1 X1 G1'), ('O O X1 O T O'), ('X1 X1 X1 M1'), ('M1 G1 G1 X1 T o X1 t L1 G1 O')) AS x(said);

-- By chance, in batches of all sizes.
SELECT setseed(0.5) AS seed \gset
CREATE FUNCTION pg_temp.by_chance(n int4) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(substr('MMGGGGLLTTFROOOOotgmX', 1 + floor(random() * 21)::int4, 1)
                      || (ARRAY[1, 2, 3, 9])[1 + floor(random() * 4)::int4], ' ')
      FROM generate_series(1, n)
$$;
CREATE TEMP TABLE chance AS SELECT pg_temp.by_chance(5 + n) AS said, 2 + n % 13 * 3 AS many FROM generate_series(1, 40) AS n;
SELECT is((SELECT string_agg(d, E'\n') FROM (SELECT said || E'\n' || pg_temp.differs(pg_temp.rows_of(said), many) AS d FROM chance) AS x
            WHERE d NOT LIKE '%same'), NULL, 'by chance');

SELECT bag_has((SELECT format('SELECT unnest(%L::text[])', array_agg(DISTINCT coalesce(a->>'code', a->>'outcome'))) FROM chance,
                       jsonb_array_elements(pg_temp.left_by(pg_temp.rows_of(said), many)->'answers') AS a),
               $$ SELECT unnest('{1,2,3,state,not_sober,-1}'::text[]) $$, 'all of it was there');

SELECT * FROM finish();
ROLLBACK;
