-- append: the one way into the log, and the ways to read it back.
--
-- bus.append takes a whole batch as arrays and ends with one sync, so the lock of the head never spans
-- a round trip to a client. The caller sends which runs of lane numbers the batch covers (it dedups
-- inside the batch); one look per run says whether anything was seen before. What has a life cycle (ledger.sql)
-- is judged first, by itself, with everything before it in place (bus.append_judged). Then everything goes in
-- set-based; if something was seen before or refused, by bus.append_again, which leaves that out.

-- Partitions for the numbers up to `upto`. Made beside the log and then attached: that waits for no
-- reader, however long its question takes.
CREATE FUNCTION bus.make_partitions(upto int8) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    h bus.log_head;
    part text;
    parent text;
BEGIN
    SELECT * INTO h FROM bus.log_head FOR UPDATE;
    WHILE h.partition_end <= upto LOOP
        FOREACH parent IN ARRAY ARRAY['message', 'document'] LOOP
            part := format('%s_%s', parent, to_char(h.partition_end, 'FM0000000000000'));
            EXECUTE format('CREATE TABLE bus.%I (LIKE bus.%I INCLUDING ALL, CHECK (seq >= %s AND seq < %s))',
                           part, parent, h.partition_end, h.partition_end + h.partition_rows);
            EXECUTE format('ALTER TABLE bus.%I ENABLE ROW LEVEL SECURITY', part); -- asked by itself it shows nothing
            EXECUTE format('ALTER TABLE bus.%I ATTACH PARTITION bus.%I FOR VALUES FROM (%s) TO (%s)',
                           parent, part, h.partition_end, h.partition_end + h.partition_rows);
            EXECUTE format('ALTER TABLE bus.%I DROP CONSTRAINT %I', part, part || '_seq_check');
        END LOOP;
        h.partition_end := h.partition_end + h.partition_rows;
    END LOOP;
    UPDATE bus.log_head SET partition_end = h.partition_end;
END
$$;

-- Takes away messages and documents whose time is over, by whole partitions: those that end at or before
-- `upto`. Their digests stay in the chain, which holds as before; that they are gone on purpose stands in
-- bus.retired and is an event of the log. Answers the last number that is gone.
CREATE FUNCTION bus.retire_log(upto int8) RETURNS int8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record;
    gone int8;
BEGIN
    PERFORM FROM bus.log_head FOR UPDATE;
    FOR part IN
        SELECT c.oid::regclass AS name, c.relname, b.ends
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          CROSS JOIN LATERAL (SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO .''([0-9]+)''.$')::int8 - 1
                                     AS ends) AS b
         WHERE i.inhparent IN ('bus.message'::regclass, 'bus.document'::regclass) AND b.ends <= upto ORDER BY b.ends
    LOOP
        EXECUTE format('DROP TABLE %s', part.name);
        gone := part.ends;
    END LOOP;
    IF gone IS NOT NULL THEN
        INSERT INTO bus.retired (upto_seq, retired_by) VALUES (gone, session_user);
        PERFORM bus.retire_undecided(gone);
        DELETE FROM bus.search_text s WHERE s.seq <= gone;
        PERFORM bus.say_audit('retired', gone::text);
    END IF;
    RETURN gone;
END
$$;
GRANT EXECUTE ON FUNCTION bus.retire_log TO bus_admin;

-- What one append answers. Rows that are not in `outcome` (null: none is) were stored under before + 1,
-- before + 2 ...
CREATE TYPE bus.append_result AS (
    log_epoch int4,
    before    int8,   -- last number before this batch
    head      int8,   -- last number after it
    expired   bool[], -- per row; null = none is
    outcome   int2[], -- per row: 1 stored, 2 repeated, 3 conflict, 4 conflict that is not kept, 5 refused by the ledger,
                      -- 6 refused and not kept; null = all stored
    seq       int8[], -- per row: its number, first number, or that of the other content
    verdict   int2[], -- per row: what its life cycle has made of it by the end of the batch; null = none has one
    code      text[], -- per row that the ledger refused: why
    path      text[],
    refusal   text[]
);

-- The record. A message's digest covers who sent it, as the broker knows it, what the broker says of its
-- time, and its bytes; its number is its place in the chain. What may change later (verdict, expired)
-- is not in it. bus.append calls it by the row, and the planner sees through it.
CREATE FUNCTION bus.row_digest(sender text, received_at timestamptz, not_after timestamptz, offset_ms int4, marks int2,
                               content bytea, signature bytea) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(textsend(coalesce(sender, '')) || decode('00', 'hex') || timestamptz_send(received_at)
                  || timestamptz_send(coalesce(not_after, 'infinity')) || int4send(coalesce(offset_ms, 0))
                  || int2send(coalesce(marks, 0::int2)) || int4send(octet_length(content)) || content
                  || coalesce(signature, ''))
$$;

-- Adds what was just stored behind `before` to the chain; the caller holds the lock of the head.
CREATE FUNCTION bus.chain_on(log_epoch int4, before int8, rows bytea) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    last bytea := (SELECT c.digest FROM bus.chain c ORDER BY c.last_seq DESC LIMIT 1);
BEGIN
    INSERT INTO bus.chain (last_seq, first_seq, log_epoch, digest, rows)
    VALUES (before + octet_length(rows) / 32, before + 1, log_epoch,
            sha256(coalesce(last, decode(repeat('00', 32), 'hex')) || int4send(log_epoch) || int8send(before + 1) || rows),
            rows);
END
$$;

-- The newest link: what a broker says once a minute.
CREATE FUNCTION bus.chain_head() RETURNS SETOF bus.chain
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM bus.chain c ORDER BY c.last_seq DESC LIMIT 1
$$;
GRANT EXECUTE ON FUNCTION bus.chain_head TO bus_ingest;

-- What these do for bus.append they do with its settings: each that is set anew costs ten microseconds a call.

-- What was seen before, of a batch: its outcomes, and where it is. In plans of its own, for a few of the log's partitions.
CREATE FUNCTION bus.append_seen(
    INOUT res bus.append_result, m_sender int4[], m_epoch int8[], m_lane int2[], m_lane_seq int8[], m_content bytea[])
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    n int4 := cardinality(m_sender);
    run record;
    hit record;
    i int4;
BEGIN
    res.outcome := array_fill(1::int2, ARRAY[n]);
    res.seq := array_fill(NULL::int8, ARRAY[n]);
    res.verdict := array_fill(NULL::int2, ARRAY[n]);
    -- One look into the log per run that was touched. What is not found there was seen all the same:
    -- its partition has been taken away, and its first number is not known (0).
    FOR run IN
        SELECT l.sender_id, l.epoch, l.lane, l.seq_first, l.seq_last, array_agg(u.ord::int4) AS ords,
               array_agg(u.lane_seq) AS lane_seqs
          FROM unnest(m_sender, m_epoch, m_lane, m_lane_seq)
               WITH ORDINALITY AS u(sender_id, epoch, lane, lane_seq, ord)
          CROSS JOIN LATERAL (SELECT * FROM bus.lane_run l
                               WHERE (l.sender_id, l.epoch, l.lane) = (u.sender_id, u.epoch, u.lane)
                                 AND l.lane_first <= u.lane_seq
                               ORDER BY l.lane_first DESC LIMIT 1) AS l
         WHERE l.lane_last >= u.lane_seq
         GROUP BY l.sender_id, l.epoch, l.lane, l.lane_first, l.seq_first, l.seq_last
    LOOP
        FOREACH i IN ARRAY run.ords LOOP
            res.outcome[i] := 2;
            res.seq[i] := 0;
        END LOOP;
        FOR hit IN
            SELECT u.ord, m.seq, m.content = m_content[u.ord] AS is_same, bus.verdict_now(m.seq, m.verdict) AS verdict
              FROM bus.message m JOIN unnest(run.ords, run.lane_seqs) AS u(ord, lane_seq) USING (lane_seq)
             WHERE m.seq BETWEEN run.seq_first AND run.seq_last
               AND m.sender_id = run.sender_id AND m.epoch = run.epoch AND m.lane = run.lane
        LOOP
            res.seq[hit.ord] := hit.seq;
            res.verdict[hit.ord] := hit.verdict;
            IF NOT hit.is_same THEN
                res.outcome[hit.ord] := 3;
            END IF;
        END LOOP;
    END LOOP;
END
$$;

-- Judges what has a life cycle, in the order of the batch; what is refused takes no number. Before it, the documents
-- of what stands before it are stored, under the numbers that they have by then; in the end all of them are. Of what
-- has none, nothing is looked at one by one. If nothing was seen before and nothing is refused, res has no outcome
-- and no numbers: each row has the one behind the row before it.
CREATE FUNCTION bus.append_judged(
    INOUT res bus.append_result, m_sender int4[], m_lane int2[], m_id uuid[], m_type int2[], m_status int2[],
    m_places text[], m_event timestamptz[], m_received timestamptz[], m_not_after timestamptz[], m_marks int2[],
    d_ordinal int4[], d_doc jsonb[])
LANGUAGE plpgsql AS $$
DECLARE
    n int4 := cardinality(m_type);
    -- By themselves, since a field of a row is copied whole for each element that is set.
    outcome int2[] := res.outcome;
    verdict int2[] := res.verdict;
    of_new int4[];     -- per row: how many up to it were not seen before; null: all
    refused int4 := 0; -- so far
    d int4;
    stored int4 := 0;  -- documents up to this one are
    i int4;
    next_seq int8;
    j record;
BEGIN
    IF outcome IS NOT NULL THEN
        of_new := ARRAY(SELECT sum((x.o = 1)::int4) OVER (ORDER BY x.ord)
                          FROM unnest(outcome) WITH ORDINALITY AS x(o, ord) ORDER BY x.ord);
    END IF;
    FOR d IN SELECT x.d FROM unnest(d_ordinal) WITH ORDINALITY AS x(o, d)
              WHERE m_type[x.o] = ANY (bus.judged()) AND coalesce(outcome[x.o] = 1, true) ORDER BY x.d LOOP
        IF stored < d - 1 THEN
            PERFORM bus.append_documents(res.before - refused, of_new, outcome, stored + 1, d - 1, m_sender, m_id, m_type,
                                         m_status, m_places, m_event, m_received, m_marks, d_ordinal, d_doc);
        END IF;
        stored := d;
        i := d_ordinal[d];
        next_seq := res.before - refused + coalesce(of_new[i], i);
        SELECT * INTO j FROM bus.judge_row(next_seq, m_id[i], m_sender[i], m_lane[i], m_type[i], m_status[i],
                                           m_marks[i], m_places[i], m_event[i], m_received[i], m_not_after[i],
                                           res.expired[i], d_doc[d]);
        IF j.verdict = 4 THEN
            IF refused = 0 THEN
                outcome := coalesce(outcome, array_fill(1::int2, ARRAY[n]));
                res.code := array_fill(NULL::text, ARRAY[n]);
                res.path := res.code;
                res.refusal := res.code;
            END IF;
            refused := refused + 1;
            outcome[i] := 5;
            res.code[i] := j.code;
            res.path[i] := j.path;
            res.refusal[i] := j.text;
            CONTINUE;
        ELSIF j.verdict IS NOT NULL THEN
            verdict := coalesce(verdict, array_fill(NULL::int2, ARRAY[n]));
            verdict[i] := j.verdict;
        END IF;
        INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id, doc, places, marks)
        VALUES (next_seq, m_received[i], m_event[i], m_sender[i], m_type[i], m_status[i], m_id[i], d_doc[d], m_places[i],
                m_marks[i]);
    END LOOP;
    PERFORM bus.append_documents(res.before - refused, of_new, outcome, stored + 1, cardinality(d_ordinal), m_sender, m_id,
                                 m_type, m_status, m_places, m_event, m_received, m_marks, d_ordinal, d_doc);
    res.outcome := outcome;
    res.verdict := verdict;
    res := bus.append_numbered(res);
END
$$;

-- Stores the documents from the `first`th to the `last`th of a batch; `before`: the number of its first row, less one,
-- and less what was refused so far.
CREATE FUNCTION bus.append_documents(
    before int8, of_new int4[], outcome int2[], first int4, last int4, m_sender int4[], m_id uuid[], m_type int2[],
    m_status int2[], m_places text[], m_event timestamptz[], m_received timestamptz[], m_marks int2[], d_ordinal int4[],
    d_doc jsonb[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id, doc, places, marks)
    SELECT append_documents.before + coalesce(of_new[x.o], x.o), m_received[x.o], m_event[x.o], m_sender[x.o], m_type[x.o],
           m_status[x.o], m_id[x.o], d_doc[x.d], m_places[x.o], m_marks[x.o]
      FROM (SELECT k AS d, d_ordinal[k] AS o FROM generate_series(first, last) AS k OFFSET 0) AS x
     WHERE coalesce(outcome[x.o] = 1, true);
END
$$;

-- Gives what is new its numbers, in order. Without outcome all of it is, and has them.
CREATE FUNCTION bus.append_numbered(INOUT res bus.append_result)
LANGUAGE plpgsql AS $$
BEGIN
    IF array_remove(res.verdict, NULL) = '{}' THEN
        res.verdict := NULL;
    END IF;
    IF res.outcome IS NULL THEN
        RETURN;
    END IF;
    SELECT array_agg(CASE WHEN x.o = 1 THEN res.before + x.r ELSE x.s END ORDER BY x.ord),
           res.before + coalesce(max(x.r), 0) INTO res.seq, res.head
      FROM (SELECT u.*, count(*) FILTER (WHERE u.o = 1) OVER (ORDER BY u.ord) AS r
              FROM unnest(res.outcome, res.seq) WITH ORDINALITY AS u(o, s, ord)) AS x;
END
$$;

-- A batch of which something was seen before, or refused by its judge: the rest of it goes in.
CREATE FUNCTION bus.append_again(
    INOUT res bus.append_result, m_sender int4[], m_epoch int8[], m_lane int2[], m_lane_seq int8[], m_id uuid[],
    m_type int2[], m_status int2[], m_places text[], m_event timestamptz[], m_received timestamptz[],
    m_not_after timestamptz[], m_offset int4[], m_marks int2[], m_content bytea[], m_signature bytea[])
LANGUAGE plpgsql AS $$
DECLARE
    rows bytea;
    shorts bytea[];
BEGIN
    SELECT string_agg(d.digest, ''), array_agg(substr(d.digest, 1, 8)) INTO rows, shorts
      FROM (SELECT bus.row_digest((SELECT p.name FROM bus.principal p WHERE p.principal_id = u.sender_id),
                                  u.received_at, u.not_after, u.offset_ms, u.marks, u.content, u.signature) AS digest
              FROM (SELECT unnest(res.outcome) AS outcome, unnest(m_sender) AS sender_id, unnest(m_received) AS received_at,
                           unnest(m_not_after) AS not_after, unnest(m_offset) AS offset_ms, unnest(m_marks) AS marks,
                           unnest(m_content) AS content, unnest(m_signature) AS signature OFFSET 0) AS u
             WHERE u.outcome = 1 OFFSET 0) AS d;
    INSERT INTO bus.message (seq, epoch, lane_seq, received_at, event_at, not_after, log_epoch, sender_id,
                             clock_offset_ms, marks, lane, type, status, verdict, expired, message_id, places, content,
                             signature, digest)
    SELECT seq, epoch, lane_seq, received_at, event_at, not_after, res.log_epoch, sender_id, offset_ms,
           marks, lane, type, status, verdict, expired, message_id, places, content, signature, shorts[seq - res.before]
      FROM unnest(res.outcome, res.seq, m_epoch, m_lane_seq, m_received, m_event, m_not_after, m_sender,
                  m_offset, m_marks, m_lane, m_type, m_status, res.verdict, res.expired, m_id, m_places, m_content,
                  m_signature)
           AS u(outcome, seq, epoch, lane_seq, received_at, event_at, not_after, sender_id, offset_ms, marks,
                lane, type, status, verdict, expired, message_id, places, content, signature)
     WHERE outcome = 1 ORDER BY seq;
    IF rows IS NOT NULL THEN
        PERFORM bus.chain_on(res.log_epoch, res.before, rows);
    END IF;
    res.outcome := bus.keep_refused(res, m_sender, m_epoch, m_lane, m_lane_seq, m_received, m_content, m_signature);
    -- What is new, as runs again (neighbours by number of the lane), each behind the run that it lengthens.
    WITH fresh AS MATERIALIZED (
        SELECT f.*, CASE WHEN l.lane_last = f.first - 1 AND f.high - l.seq_first < 4096 THEN l.lane_first END AS behind
          FROM (SELECT sender_id, epoch, lane, min(lane_seq) AS first, max(lane_seq) AS last, min(seq) AS low,
                       max(seq) AS high
                  FROM (SELECT u.*, lane_seq - row_number() OVER (PARTITION BY sender_id, epoch, lane ORDER BY lane_seq)
                                    AS island
                          FROM unnest(res.outcome, res.seq, m_sender, m_epoch, m_lane, m_lane_seq)
                               AS u(outcome, seq, sender_id, epoch, lane, lane_seq)
                         WHERE outcome = 1) AS v
                 GROUP BY sender_id, epoch, lane, island) AS f
          LEFT JOIN LATERAL (SELECT * FROM bus.lane_run l
                              WHERE (l.sender_id, l.epoch, l.lane) = (f.sender_id, f.epoch, f.lane)
                                AND l.lane_first < f.first ORDER BY l.lane_first DESC LIMIT 1) AS l ON true
    ), grown AS (
        UPDATE bus.lane_run l SET lane_last = f.last, seq_last = greatest(l.seq_last, f.high),
                                  seq_first = least(l.seq_first, f.low)
          FROM fresh f
         WHERE (l.sender_id, l.epoch, l.lane, l.lane_first) = (f.sender_id, f.epoch, f.lane, f.behind)
    )
    INSERT INTO bus.lane_run (sender_id, epoch, lane, lane_first, lane_last, seq_first, seq_last)
    SELECT sender_id, epoch, lane, first, last, low, high FROM fresh WHERE behind IS NULL;
    IF array_remove(res.outcome, 1::int2) = '{}' THEN
        res.outcome := NULL;
        res.seq := NULL;
    ELSIF array_remove(res.seq, NULL) = '{}' THEN -- all refused
        res.seq := NULL;
    END IF;
END
$$;

-- Keeps the bytes of conflicts and of what the ledger refused, within a quota an hour, as other refusals are; what is
-- over it is only counted. Named by what it is, so that the same is kept once. Answers the outcomes.
CREATE FUNCTION bus.keep_refused(res bus.append_result, m_sender int4[], m_epoch int8[], m_lane int2[],
                                 m_lane_seq int8[], m_received timestamptz[], m_content bytea[], m_signature bytea[])
RETURNS int2[]
LANGUAGE plpgsql AS $$
DECLARE
    outcome int2[] := res.outcome;
    i int4;
    counted text := ''; -- whose quota `kept` is, and of what
    kept int8;
BEGIN
    FOR i IN SELECT x.ord FROM unnest(outcome, m_sender) WITH ORDINALITY AS x(o, sender, ord) WHERE x.o IN (3, 5)
              ORDER BY x.sender, x.o, x.ord LOOP
        -- Each is counted once, and then what is added here; a little too much where a batch says the same again.
        IF counted <> format('%s %s', m_sender[i], outcome[i]) THEN
            counted := format('%s %s', m_sender[i], outcome[i]);
            kept := (SELECT count(*) FROM (SELECT FROM bus.quarantine q
                                            WHERE q.sender_id = m_sender[i] AND q.received_at > m_received[i] - interval '1 hour'
                                              AND (outcome[i] = 5 OR q.code = 'conflict') LIMIT 1000) AS x);
        END IF;
        IF kept >= 1000 THEN
            outcome[i] := outcome[i] + 1;
            CONTINUE;
        END IF;
        kept := kept + 1;
        INSERT INTO bus.quarantine (quarantine_id, received_at, sender_id, code, path, text, content, signature)
        VALUES (md5(format('%s %s %s %s ', m_sender[i], m_epoch[i], m_lane[i], m_lane_seq[i]) || md5(m_content[i]))::uuid,
                m_received[i], m_sender[i], CASE outcome[i] WHEN 3 THEN 'conflict' ELSE res.code[i] END,
                CASE outcome[i] WHEN 3 THEN '' ELSE coalesce(res.path[i], '') END,
                CASE outcome[i]
                WHEN 3 THEN format('Lane %s of epoch %s already holds other content under %s, stored as number %s.',
                                   m_lane[i], m_epoch[i], m_lane_seq[i], res.seq[i])
                ELSE coalesce(res.refusal[i], '') END,
                m_content[i], m_signature[i])
            ON CONFLICT (quarantine_id) DO NOTHING;
    END LOOP;
    RETURN outcome;
END
$$;

-- The log is another than the caller knows: it was restored, or its epoch was raised since. Nothing is
-- stored, since what the caller holds may belong behind what was lost; the answer says where the log stands.
CREATE FUNCTION bus.append_refused() RETURNS bus.append_result
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT log_epoch, seq, seq, NULL::bool[], NULL::int2[], NULL::int8[], NULL::int2[], NULL::text[], NULL::text[],
           NULL::text[] FROM bus.log_head
$$;

CREATE FUNCTION bus.append(
    -- messages, in the order of their numbers; not_after, offset, marks, signature: null where there is none
    m_sender int4[], m_epoch int8[], m_lane int2[], m_lane_seq int8[], m_id uuid[], m_type int2[],
    m_status int2[], m_places text[], m_event timestamptz[], m_received timestamptz[],
    m_not_after timestamptz[], m_offset int4[], m_marks int2[], m_content bytea[], m_signature bytea[],
    m_to text[], -- Envelope.to joined by blanks
    m_keys bytea[], -- wrapped keys of sealed boxes, as bus.keys_of has them
    -- runs of lane numbers that the messages cover, and the least and greatest ordinal of each
    r_sender int4[], r_epoch int8[], r_lane int2[], r_first int8[], r_last int8[], r_low int4[], r_high int4[],
    -- JSON of ledger types, by ordinal of the message
    d_ordinal int4[], d_doc jsonb[],
    -- refused messages
    q_id uuid[], q_received timestamptz[], q_sender int4[], q_code text[], q_path text[], q_text text[],
    q_content bytea[], q_signature bytea[],
    -- what the caller knows of the log: its epoch, and a number that is in it
    k_log_epoch int4, k_seq int8)
RETURNS bus.append_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
    n int4 := coalesce(cardinality(m_sender), 0);
    h bus.log_head;
    res bus.append_result;
    seen_before bool;
    has_documents bool := false;
    run_first int8[]; -- of each run, the run it lengthens
    only_name text;   -- of the sender of all of them, if they have one
    rows bytea;       -- digests of the messages, and the beginning of each
    shorts bytea[];
BEGIN
    -- The lock, and the numbers as if nothing were a repeat. A batch of refusals alone takes neither.
    IF n > 0 THEN
        -- A NOTIFY wakes every broker, ours too: it goes out once in 20 ms, and who hears it looks again a
        -- little later (follow_ms is the promise).
        UPDATE bus.log_head
           SET seq = seq + n,
               notified_at = CASE WHEN now() BETWEEN notified_at AND notified_at + interval '20 ms'
                                  THEN notified_at ELSE now() END,
               waits_for_standby = current_setting('synchronous_standby_names') <> '' -- see bus.see_timeline
         WHERE log_epoch = k_log_epoch AND seq >= k_seq RETURNING * INTO h;
    ELSE
        SELECT * INTO h FROM bus.log_head WHERE log_epoch = k_log_epoch AND seq >= k_seq;
    END IF;
    IF NOT FOUND THEN
        RETURN bus.append_refused();
    END IF;
    res.log_epoch := h.log_epoch;
    res.head := h.seq;
    h.seq := h.seq - n;
    res.before := h.seq;

    IF q_id IS NOT NULL THEN
        INSERT INTO bus.quarantine (quarantine_id, received_at, sender_id, code, path, text, content, signature)
        SELECT * FROM unnest(q_id, q_received, q_sender, q_code, q_path, q_text, q_content, q_signature)
            ON CONFLICT (quarantine_id) DO NOTHING;
    END IF;
    IF n = 0 THEN
        -- Refusals sent again may be here already, unreplicated: a commit that writes nothing would not
        -- wait for the standby, and the answer REFUSED means that the bytes are kept.
        PERFORM pg_logical_emit_message(true, 'eocbus', 'barrier');
        RETURN res;
    END IF;

    IF res.head >= h.partition_end - h.partition_rows / 16 THEN
        PERFORM bus.make_partitions(res.head + h.partition_rows / 16);
    END IF;
    IF m_not_after IS NOT NULL THEN
        SELECT array_agg(u.t <= clock_timestamp() ORDER BY u.ord) INTO res.expired
          FROM unnest(m_not_after) WITH ORDINALITY AS u(t, ord);
    END IF;

    -- Runs are disjoint, so the last one that begins at or before our end is the only one that can
    -- reach into ours; it is also the one that ours may lengthen. A run stays within 4,096 numbers of
    -- the log, which bounds what finding a duplicate reads.
    SELECT bool_or(l.lane_last >= u.first),
           array_agg(CASE WHEN l.lane_last = u.first - 1 AND h.seq + u.high - l.seq_first < 4096
                          THEN l.lane_first END ORDER BY u.ord)
      INTO seen_before, run_first
      FROM unnest(r_sender, r_epoch, r_lane, r_first, r_last, r_high)
           WITH ORDINALITY AS u(sender_id, epoch, lane, first, last, high, ord)
      LEFT JOIN LATERAL (SELECT * FROM bus.lane_run l
                          WHERE l.sender_id = u.sender_id AND l.epoch = u.epoch AND l.lane = u.lane
                            AND l.lane_first <= u.last
                          ORDER BY l.lane_first DESC LIMIT 1) AS l ON true;

    IF seen_before THEN
        res := bus.append_seen(res, m_sender, m_epoch, m_lane, m_lane_seq, m_content);
    END IF;
    IF d_ordinal IS NOT NULL AND (seen_before OR m_type && bus.judged()) THEN
        res := bus.append_judged(res, m_sender, m_lane, m_id, m_type, m_status, m_places, m_event, m_received, m_not_after,
                                 m_marks, d_ordinal, d_doc);
        has_documents := true;
    ELSIF seen_before THEN
        res := bus.append_numbered(res);
    END IF;
    IF res.outcome IS NOT NULL THEN
        res := bus.append_again(res, m_sender, m_epoch, m_lane, m_lane_seq, m_id, m_type, m_status, m_places, m_event,
                                m_received, m_not_after, m_offset, m_marks, m_content, m_signature);
        -- "It is there" proves a local commit only. This makes our own commit wait for the standby, and
        -- with it for everything before.
        PERFORM pg_logical_emit_message(true, 'eocbus', 'barrier');
        UPDATE bus.log_head SET seq = res.head;
    ELSE
        -- In the order of the arrays, which nothing here disturbs. A name is one look by index, however many
        -- principals there are; where all are of one sender, one look for all.
        IF m_sender[1] = ALL (m_sender) THEN
            SELECT p.name INTO only_name FROM bus.principal p WHERE p.principal_id = m_sender[1];
        END IF;
        SELECT string_agg(d.digest, ''), array_agg(substr(d.digest, 1, 8)) INTO rows, shorts
          FROM (SELECT bus.row_digest(coalesce(only_name, (SELECT p.name FROM bus.principal p
                                                            WHERE p.principal_id = u.sender_id)),
                                      u.received_at, u.not_after, u.offset_ms, u.marks, u.content, u.signature) AS digest
                  FROM (SELECT unnest(m_sender) AS sender_id, unnest(m_received) AS received_at,
                               unnest(m_not_after) AS not_after, unnest(m_offset) AS offset_ms,
                               unnest(m_marks) AS marks, unnest(m_content) AS content,
                               unnest(m_signature) AS signature) AS u OFFSET 0) AS d;
        INSERT INTO bus.message (seq, epoch, lane_seq, received_at, event_at, not_after, log_epoch, sender_id,
                                 clock_offset_ms, marks, lane, type, status, verdict, expired, message_id, places, content,
                                 signature, digest)
        SELECT generate_series(h.seq + 1, res.head), unnest(m_epoch), unnest(m_lane_seq), unnest(m_received),
               unnest(m_event), unnest(m_not_after), h.log_epoch, unnest(m_sender), unnest(m_offset),
               unnest(m_marks), unnest(m_lane), unnest(m_type), unnest(m_status), unnest(res.verdict),
               unnest(res.expired), unnest(m_id),
               unnest(m_places), unnest(m_content), unnest(m_signature), unnest(shorts);
        PERFORM bus.chain_on(h.log_epoch, h.seq, rows);
        IF d_ordinal IS NOT NULL AND NOT has_documents THEN
            INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id, doc, places, marks)
            SELECT h.seq + o, m_received[o], m_event[o], m_sender[o], m_type[o], m_status[o], m_id[o], d, m_places[o],
                   m_marks[o]
              FROM unnest(d_ordinal, d_doc) AS u(o, d);
        END IF;
        UPDATE bus.lane_run l SET lane_last = u.last, seq_last = h.seq + u.high
          FROM unnest(r_sender, r_epoch, r_lane, r_last, r_high, run_first)
               AS u(sender_id, epoch, lane, last, high, run_first)
         WHERE l.sender_id = u.sender_id AND l.epoch = u.epoch AND l.lane = u.lane AND l.lane_first = u.run_first;
        IF array_position(run_first, NULL) IS NOT NULL THEN
            INSERT INTO bus.lane_run (sender_id, epoch, lane, lane_first, lane_last, seq_first, seq_last)
            SELECT u.sender_id, u.epoch, u.lane, u.first, u.last, h.seq + u.low, h.seq + u.high
              FROM unnest(r_sender, r_epoch, r_lane, r_first, r_last, r_low, r_high, run_first)
                   AS u(sender_id, epoch, lane, first, last, low, high, run_first)
             WHERE u.run_first IS NULL;
        END IF;
    END IF;
    IF d_ordinal IS NOT NULL THEN
        PERFORM bus.words_said(res, m_sender, m_type, m_status, m_received, d_ordinal, d_doc);
    END IF;
    IF m_to IS NOT NULL OR 181 = ANY (m_type) OR 203 = ANY (m_type) OR 240 = ANY (m_type) THEN
        PERFORM bus.recipients_of(res, m_sender, m_lane, m_type, m_status, m_id, m_places, m_not_after, m_to,
                                  d_ordinal, d_doc);
    END IF;
    IF 221 = ANY (m_type) OR 220 = ANY (m_type) THEN
        PERFORM bus.sealed_of(res, m_sender, m_type, m_id, m_event, m_content, m_keys, d_ordinal, d_doc);
    END IF;
    IF 260 = ANY (m_type) THEN
        PERFORM bus.gazetteer_of(res, m_sender, m_type, m_status, d_ordinal, d_doc);
    END IF;

    IF '{2,3}' && res.verdict THEN
        -- Held or contested, and settled by what came behind it in the same batch.
        res.verdict := ARRAY(SELECT bus.verdict_now(coalesce(res.seq[x.ord], res.before + x.ord), x.v)
                               FROM unnest(res.verdict) WITH ORDINALITY AS x(v, ord) ORDER BY x.ord);
    END IF;
    IF res.head > h.seq AND h.notified_at = now() THEN
        PERFORM pg_notify('eocbus_log', res.head::text);
    END IF;
    RETURN res;
END
$$;
GRANT EXECUTE ON FUNCTION bus.append TO bus_ingest;

-- One message alone, the usual case on a quiet day: the same as bus.append with plain values, which start
-- in a fraction of the time.
CREATE FUNCTION bus.append_one(
    m_sender int4, m_epoch int8, m_lane int2, m_lane_seq int8, m_id uuid, m_type int2, m_status int2,
    m_places text, m_event timestamptz, m_received timestamptz, m_not_after timestamptz, m_offset int4,
    m_marks int2, m_content bytea, m_signature bytea, m_to text, m_keys bytea, m_doc jsonb,
    k_log_epoch int4, k_seq int8)
RETURNS bus.append_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
    h bus.log_head;
    last bus.lane_run; -- the run that begins at or before it
    res bus.append_result;
    sender_name text;
    row_digest bytea;
    j record;
    has_verdict int2;
BEGIN
    UPDATE bus.log_head
       SET seq = seq + 1,
           notified_at = CASE WHEN now() BETWEEN notified_at AND notified_at + interval '20 ms'
                              THEN notified_at ELSE now() END,
           waits_for_standby = current_setting('synchronous_standby_names') <> ''
     WHERE one AND log_epoch = k_log_epoch AND seq >= k_seq RETURNING * INTO h;
    IF NOT FOUND THEN
        RETURN bus.append_refused();
    END IF;
    res.log_epoch := h.log_epoch;
    res.head := h.seq;
    res.before := h.seq - 1;
    IF h.seq >= h.partition_end - h.partition_rows / 16 THEN
        PERFORM bus.make_partitions(h.seq + h.partition_rows / 16);
    END IF;
    IF m_not_after <= clock_timestamp() THEN
        res.expired := ARRAY[true];
    END IF;
    SELECT * INTO last FROM bus.lane_run l
     WHERE l.sender_id = m_sender AND l.epoch = m_epoch AND l.lane = m_lane AND l.lane_first <= m_lane_seq
     ORDER BY l.lane_first DESC LIMIT 1;
    IF last.lane_last >= m_lane_seq THEN
        -- Seen before, with this content or another: nothing of it is new.
        res := bus.append_seen(res, ARRAY[m_sender], ARRAY[m_epoch], ARRAY[m_lane], ARRAY[m_lane_seq], ARRAY[m_content]);
        res := bus.append_numbered(res);
        res.outcome := bus.keep_refused(res, ARRAY[m_sender], ARRAY[m_epoch], ARRAY[m_lane], ARRAY[m_lane_seq],
                                        ARRAY[m_received], ARRAY[m_content], ARRAY[m_signature]);
        PERFORM pg_logical_emit_message(true, 'eocbus', 'barrier'); -- as in bus.append
        UPDATE bus.log_head SET seq = res.head WHERE one;
        RETURN res;
    END IF;
    IF m_type = ANY (bus.judged()) AND m_doc IS NOT NULL THEN
        SELECT * INTO j FROM bus.judge_row(h.seq, m_id, m_sender, m_lane, m_type, m_status, m_marks, m_places, m_event,
                                           m_received, m_not_after, res.expired[1], m_doc);
        IF j.verdict = 4 THEN
            res.outcome := ARRAY[5];
            res.code := ARRAY[j.code];
            res.path := ARRAY[j.path];
            res.refusal := ARRAY[j.text];
            res.head := res.before;
            res.outcome := bus.keep_refused(res, ARRAY[m_sender], ARRAY[m_epoch], ARRAY[m_lane], ARRAY[m_lane_seq],
                                            ARRAY[m_received], ARRAY[m_content], ARRAY[m_signature]);
            PERFORM pg_logical_emit_message(true, 'eocbus', 'barrier'); -- as in bus.append
            UPDATE bus.log_head SET seq = res.head WHERE one;
            RETURN res;
        END IF;
        has_verdict := j.verdict;
        IF j.verdict IS NOT NULL THEN
            res.verdict := ARRAY[j.verdict];
        END IF;
    END IF;
    -- Apart, so that the digest is a plain expression: half the time of one that holds a query.
    SELECT p.name INTO sender_name FROM bus.principal p WHERE p.principal_id = m_sender;
    row_digest := bus.row_digest(sender_name, m_received,
                                 m_not_after, m_offset, m_marks, m_content, m_signature);
    INSERT INTO bus.message (seq, epoch, lane_seq, received_at, event_at, not_after, log_epoch, sender_id,
                             clock_offset_ms, marks, lane, type, status, verdict, expired, message_id, places, content,
                             signature, digest)
    VALUES (h.seq, m_epoch, m_lane_seq, m_received, m_event, m_not_after, h.log_epoch, m_sender, m_offset,
            m_marks, m_lane, m_type, m_status, has_verdict, res.expired[1], m_id, m_places, m_content, m_signature,
            substr(row_digest, 1, 8));
    PERFORM bus.chain_on(h.log_epoch, res.before, row_digest);
    IF m_doc IS NOT NULL THEN
        INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id, doc, places, marks)
        VALUES (h.seq, m_received, m_event, m_sender, m_type, m_status, m_id, m_doc, m_places, m_marks);
    END IF;
    IF last.lane_last = m_lane_seq - 1 AND h.seq - last.seq_first < 4096 THEN
        UPDATE bus.lane_run l SET lane_last = m_lane_seq, seq_last = h.seq
         WHERE l.sender_id = m_sender AND l.epoch = m_epoch AND l.lane = m_lane
           AND l.lane_first = last.lane_first;
    ELSE
        INSERT INTO bus.lane_run (sender_id, epoch, lane, lane_first, lane_last, seq_first, seq_last)
        VALUES (m_sender, m_epoch, m_lane, m_lane_seq, m_lane_seq, h.seq, h.seq);
    END IF;
    IF m_doc IS NOT NULL AND m_sender > 0 AND bus.is_word(m_type, m_status, m_doc) THEN
        PERFORM bus.word_said(m_sender, h.seq, m_received);
    END IF;
    IF m_to IS NOT NULL OR m_type IN (181, 203, 240) THEN
        PERFORM bus.recipients_of(res, ARRAY[m_sender], ARRAY[m_lane], ARRAY[m_type], ARRAY[m_status], ARRAY[m_id],
                                  ARRAY[m_places], ARRAY[m_not_after], ARRAY[m_to],
                                  CASE WHEN m_doc IS NOT NULL THEN ARRAY[1] END, ARRAY[m_doc]);
    END IF;
    IF m_type IN (220, 221) THEN
        PERFORM bus.sealed_of(res, ARRAY[m_sender], ARRAY[m_type], ARRAY[m_id], ARRAY[m_event], ARRAY[m_content],
                              ARRAY[m_keys], CASE WHEN m_doc IS NOT NULL THEN ARRAY[1] END, ARRAY[m_doc]);
    END IF;
    IF m_type = 260 AND m_doc IS NOT NULL THEN
        PERFORM bus.gazetteer_of(res, ARRAY[m_sender], ARRAY[m_type], ARRAY[m_status], ARRAY[1], ARRAY[m_doc]);
    END IF;
    IF h.notified_at = now() THEN
        PERFORM pg_notify('eocbus_log', h.seq::text);
    END IF;
    RETURN res;
END
$$;
GRANT EXECUTE ON FUNCTION bus.append_one TO bus_ingest;

SELECT bus.make_partitions(0); -- the first one
