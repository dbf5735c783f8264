-- walk: random messages of offices about a few things, said to the log as brokers say them, and what must be so
-- after each batch. tests/integration/walk_test.c drives it; the same seed says the same.
--
-- A part of the ledger joins in with a file of its own: walk.say_<part>() makes a word, walk.wrong_<part>() names what
-- must not be so, walk.table_<part>() the tables that judging again has to give again; and it says so in walk.part.
CREATE SCHEMA walk;

CREATE TABLE walk.part (name text PRIMARY KEY, weight float NOT NULL);
CREATE TABLE walk.office (
    office_id int4 PRIMARY KEY REFERENCES bus.principal,
    name      text NOT NULL,
    place     text NOT NULL,
    lane_seq  int8 NOT NULL DEFAULT 0
);
CREATE TABLE walk.clock (turn int4 NOT NULL, seed int8 NOT NULL, at timestamptz NOT NULL, step int8 NOT NULL);

-- One message, as an office would say it. `more`: what stands in the envelope besides.
CREATE TYPE walk.word AS (office text, type text, kind text, status int2, event_at timestamptz, not_after timestamptz, places text,
                          body jsonb, more jsonb);

CREATE FUNCTION walk.chance(percent float) RETURNS bool LANGUAGE sql VOLATILE AS $$ SELECT random() * 100 < percent $$;
CREATE FUNCTION walk.below(n int4) RETURNS int4 LANGUAGE sql VOLATILE AS $$ SELECT floor(random() * n)::int4 $$;
CREATE FUNCTION walk.one_of(VARIADIC words text[]) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT words[1 + floor(random() * cardinality(words))::int4] $$;
CREATE FUNCTION walk.id(what text, n int8) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(what || ' ' || n)::uuid $$;
CREATE FUNCTION walk.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT at FROM walk.clock $$;

-- Which id the `i`th message of a turn has: of one that is said already, or will be.
CREATE FUNCTION walk.message_id(turn int4, i int4) RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT md5(format('%s %s %s', c.seed, message_id.turn, i))::uuid FROM walk.clock c $$;

-- Offices, and a clock that begins long ago: an offer of days is over within the walk. Whether the time of a message is
-- over when it is stored, is said by a clock that nobody can set: what is not, ends so much later, and its timer (of
-- kind `line`) is put back by as much.
CREATE FUNCTION walk.until_now() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '40 years' $$;
CREATE FUNCTION walk.begin(seed int8) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM bus.audit_pending;
    INSERT INTO bus.principal (name, agency, roles, places) VALUES
        ('coes.ayni.registry', 'coes', 'registry', '3505203'), ('coes.zafarobod.registry', 'coes', 'registry', '3505217'),
        ('mercy.ayni', 'mercy', 'partner', '3505203'), ('coes.kulob.office', 'coes', 'district', '3510203'),
        ('coes.duty', 'coes', 'all', ''), ('eoc.duty', 'eoc', 'all', ''), ('coes.depot.north', 'coes', 'supplier', ''),
        ('mercy.depot.east', 'mercy', 'supplier', ''), ('msf.dushanbe.store', 'msf', 'supplier', '');
    INSERT INTO walk.office (office_id, name, place)
    SELECT principal_id, name, coalesce(nullif(places, ''), '3505203') FROM bus.principal WHERE principal_id > 0;
    CREATE INDEX ON bus.moved (step); -- for what is looked at here
    INSERT INTO walk.clock VALUES (0, seed, clock_timestamp() - interval '3 years', 0);
END
$$;

-- A person settles something that waits for one.
CREATE FUNCTION walk.say_decision() RETURNS walk.word LANGUAGE plpgsql AS $$
DECLARE
    about uuid;
    w walk.word;
BEGIN
    IF walk.chance(30) THEN
        SELECT x.message_id, (x.said->>'status')::int2 INTO about, w.status
          FROM (SELECT h.* FROM bus.held h WHERE h.settled_as IS NULL ORDER BY h.waits_for LIMIT 20) AS x OFFSET walk.below(20) LIMIT 1;
    END IF;
    IF about IS NULL THEN
        SELECT x.message_id, (x.said->>'status')::int2 INTO about, w.status
          FROM (SELECT c.* FROM bus.contested c WHERE c.settled_as IS NULL ORDER BY c.since LIMIT 20) AS x OFFSET walk.below(20) LIMIT 1;
    END IF;
    w.office := walk.one_of('coes.duty', 'eoc.duty');
    w.type := 'decision';
    w.kind := 'RESPONSE';
    w.status := coalesce(w.status, 1);
    w.body := jsonb_build_object('message_id', coalesce(about, walk.id('nothing', walk.below(9))),
                                 'ruling', walk.one_of('RULING_APPLIED', 'RULING_APPLIED', 'RULING_DISMISSED'));
    RETURN w;
END
$$;

-- A word of any part.
CREATE FUNCTION walk.any_word() RETURNS walk.word LANGUAGE plpgsql AS $$
DECLARE
    part text;
    w walk.word;
BEGIN
    SELECT x.name INTO part
      FROM (SELECT p.name, sum(p.weight) OVER (ORDER BY p.name) / sum(p.weight) OVER () AS upto FROM walk.part p) AS x,
           (SELECT random() AS r OFFSET 0) AS dice
     WHERE x.upto >= dice.r ORDER BY x.upto LIMIT 1;
    EXECUTE format('SELECT * FROM walk.say_%s()', part) INTO w;
    RETURN w;
END
$$;

-- A batch of `n` messages, as brokers append them; then what the bus says by itself. Answers how many were stored.
CREATE FUNCTION walk.turn(n int4) RETURNS int4 LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
    c walk.clock;
    res bus.append_result;
BEGIN
    UPDATE walk.clock SET turn = turn + 1, at = at + interval '2 hours' RETURNING * INTO c;
    PERFORM setseed(((c.seed * 1000003 + c.turn) * 7919 % 2000003)::float / 2000003);
    CREATE TEMP TABLE word ON COMMIT DROP AS
    SELECT i, o.office_id, o.lane_seq + row_number() OVER (PARTITION BY o.office_id ORDER BY i) AS lane_seq, t.number AS type,
           w.kind, w.status, coalesce(w.event_at, c.at) AS event_at, coalesce(w.places, o.place) AS places,
           CASE WHEN walk.chance(2) THEN c.at - interval '1 day' ELSE w.not_after END AS not_after,
           jsonb_build_object('kind', 'KIND_' || w.kind, w.type, w.body) || coalesce(w.more, '{}') AS doc
      FROM (SELECT i, walk.any_word() AS word FROM generate_series(1, n) AS i OFFSET 0) AS x
      CROSS JOIN LATERAL (SELECT (x.word).*) AS w
      JOIN walk.office o ON o.name = w.office JOIN bus.type t ON t.name = w.type;
    UPDATE walk.office o SET lane_seq = x.last
      FROM (SELECT office_id, max(lane_seq) AS last FROM word GROUP BY office_id) AS x WHERE x.office_id = o.office_id;
    SELECT a.* INTO res
      FROM (SELECT array_agg(office_id ORDER BY i) AS office_id, array_agg(w.lane_seq ORDER BY i) AS lane_seq,
                   array_agg(walk.message_id(c.turn, i) ORDER BY i) AS id, array_agg(type ORDER BY i) AS type,
                   array_agg(status ORDER BY i) AS status, array_agg(places ORDER BY i) AS places,
                   array_agg(event_at ORDER BY i) AS event_at, array_agg(not_after ORDER BY i) AS not_after,
                   array_agg(int4send(c.turn) || int4send(i) ORDER BY i) AS content, array_agg(doc ORDER BY i) AS doc FROM word w) AS m,
           (SELECT array_agg(office_id) AS office_id, array_agg(1::int8) AS epoch, array_agg(4::int2) AS lane, array_agg(first) AS first,
                   array_agg(last) AS last, array_agg(low) AS low, array_agg(high) AS high
              FROM (SELECT office_id, min(lane_seq) AS first, max(lane_seq) AS last, min(i) AS low, max(i) AS high
                      FROM word GROUP BY office_id ORDER BY office_id) AS x) AS r,
           bus.append(m.office_id, array_fill(1::int8, ARRAY[n]), array_fill(4::int2, ARRAY[n]), m.lane_seq, m.id, m.type, m.status,
                      m.places, m.event_at, array_fill(c.at, ARRAY[n]), m.not_after, NULL, array_fill(64::int2, ARRAY[n]), m.content,
                      NULL, NULL, NULL, r.office_id, r.epoch, r.lane, r.first, r.last, r.low, r.high,
                      ARRAY(SELECT generate_series(1, n)), m.doc, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                      (SELECT log_epoch FROM bus.log_head), 0) AS a;
    TRUNCATE bus.quarantine; -- a quota for real senders
    -- As a tick does, at the time that is told here.
    PERFORM bus.judge_woken(1000);
    PERFORM bus.age_held(1000, c.at);
    UPDATE bus.timer SET due_at = due_at - walk.until_now() WHERE kind = 'line' AND due_at > c.at + walk.until_now() / 2;
    PERFORM bus.ring_due(1000, c.at);
    PERFORM bus.say_due(1000);
    PERFORM bus.summarize();
    DROP TABLE word;
    RETURN res.head - res.before;
END
$$;

-- What must not be so; each line is one finding. Only what the last turns moved is looked at where that is enough.
CREATE FUNCTION walk.wrong() RETURNS SETOF text LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
    part text;
    since int8 := (SELECT step FROM walk.clock);
BEGIN
    FOR part IN SELECT name FROM walk.part WHERE EXISTS (SELECT FROM pg_proc p WHERE p.proname = 'wrong_' || walk.part.name) LOOP
        RETURN QUERY EXECUTE format('SELECT %L || w FROM walk.wrong_%s(%s) AS w', part || ': ', part, since);
    END LOOP;
    RETURN QUERY SELECT format('%s %s moved by %s from %s to %s without a rule', m.cycle, m.entity, m.event, m.from_state, m.to_state)
      FROM bus.moved m
     WHERE m.step > since
       AND NOT EXISTS (SELECT FROM bus.transition t WHERE (t.cycle, t.from_state, t.event) = (m.cycle, m.from_state, m.event))
       AND NOT EXISTS (SELECT FROM bus.contested c WHERE c.seq = m.seq AND c.settled_as = 1)
       AND NOT EXISTS (SELECT FROM bus.held h WHERE h.seq = m.seq AND h.settled_as = 1);
    RETURN QUERY SELECT format('message %s is awake', h.seq) FROM bus.held h WHERE h.is_woken;
    RETURN QUERY SELECT format('timer %s %s: %s', t.kind, t.subject, t.trouble) FROM bus.timer t WHERE t.trouble IS NOT NULL;
    RETURN QUERY SELECT format('saying %s: %s', s.type, s.trouble) FROM bus.to_say s WHERE s.trouble IS NOT NULL;
    UPDATE walk.clock SET step = coalesce((SELECT max(m.step) FROM bus.moved m), 0);
END
$$;

-- Each table in one word: what judging again has to give again.
CREATE FUNCTION walk.tables() RETURNS TABLE (name text, digest text) LANGUAGE plpgsql AS $$
DECLARE
    part text;
BEGIN
    RETURN QUERY SELECT 'held', md5(string_agg(h::text, ' ' ORDER BY h.seq)) FROM bus.held h
      UNION ALL SELECT 'contested', md5(string_agg(c::text, ' ' ORDER BY c.seq)) FROM bus.contested c
      UNION ALL SELECT 'moved', md5(string_agg(x.r, ' ' ORDER BY x.step))
                  FROM (SELECT m.step, (to_jsonb(m) - 'step')::text AS r FROM bus.moved m) AS x
      UNION ALL SELECT 'verdicts', md5(string_agg(b.seq || ' ' || b.verdict, ' ' ORDER BY b.seq)) FROM bus.message b;
    FOR part IN SELECT p.name FROM walk.part p WHERE EXISTS (SELECT FROM pg_proc x WHERE x.proname = 'table_' || p.name) LOOP
        RETURN QUERY EXECUTE format('SELECT * FROM walk.table_%s()', part);
    END LOOP;
END
$$;

-- How the walk went, for people.
CREATE FUNCTION walk.summary() RETURNS text LANGUAGE sql AS $$
    SELECT format('stored %s: applied %s, held %s, contested %s, dismissed %s; moves %s',
                  count(*), count(*) FILTER (WHERE verdict = 1), count(*) FILTER (WHERE verdict = 2), count(*) FILTER (WHERE verdict = 3),
                  count(*) FILTER (WHERE verdict = 4), (SELECT count(*) FROM bus.moved))
      FROM (SELECT bus.verdict_now(b.seq, b.verdict) AS verdict FROM bus.message b) AS x
$$;
