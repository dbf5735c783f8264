-- ledger_rejudge: the log judged again gives the same tables again. What it rested on besides the log stands in
-- bus.rested_on (rights of then, who waited his turn) and bus.rang (timers that have rung).

-- Empties the ledger and judges every message again, in the order of the log: after a restore that lost part of the
-- ledger's tables, or when rules were changed for what has happened already. Nothing is said. What the log holds has
-- its number: what today's rules would refuse is contested. Brokers wait meanwhile. Answers how many were judged.
CREATE FUNCTION bus.rejudge() RETURNS int8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    clear text;
    d record;
    j bus.judgement;
    m bus.said;
    judged int8 := 0;
BEGIN
    PERFORM FROM bus.log_head FOR UPDATE;
    IF EXISTS (SELECT FROM bus.retired) THEN
        RAISE EXCEPTION 'part of the log was taken away; what it moved cannot be judged again'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM set_config('bus.rejudging', 'yes', true);
    PERFORM set_config('bus.woken_from', 'none', true);
    TRUNCATE bus.held, bus.contested, bus.moved RESTART IDENTITY;
    DELETE FROM bus.timer t WHERE t.set_seq IS NOT NULL AND t.trouble IS NULL;
    FOR clear IN SELECT p.oid::regproc::text FROM pg_proc p
                  WHERE p.pronamespace = 'bus'::regnamespace AND p.proname LIKE 'ledger\_clear\_%' ORDER BY 1 LOOP
        EXECUTE format('SELECT %s()', clear);
    END LOOP;
    FOR d IN SELECT b.seq, b.message_id, b.sender_id, b.lane, b.type, b.status, b.marks, b.places, b.event_at,
                    b.received_at, b.not_after, b.expired, b.verdict, x.doc
               FROM bus.document x JOIN bus.message b USING (seq)
              WHERE x.type = ANY (bus.judged()) ORDER BY x.seq LOOP
        m := bus.said_of(d.seq, d.message_id, d.sender_id, d.lane, d.type, d.status, d.marks, d.places, d.event_at,
                         d.received_at, d.not_after, d.expired, d.doc);
        j := bus.judge(m);
        IF j.verdict = 4 THEN
            j.verdict := 3;
            PERFORM bus.keep_undecided(m, j);
        END IF;
        UPDATE bus.message b SET verdict = j.verdict WHERE b.seq = d.seq AND d.verdict IS DISTINCT FROM j.verdict;
        judged := judged + 1;
    END LOOP;
    PERFORM bus.judge_woken(bus.woken_most());
    PERFORM set_config('bus.rejudging', '', true);
    PERFORM set_config('bus.waking', '', true);
    PERFORM bus.say_audit('rejudged', judged::text);
    RETURN judged;
END
$$;
GRANT EXECUTE ON FUNCTION bus.rejudge TO bus_admin;
