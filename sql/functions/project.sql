-- project: readings out of the log into their own table, and the index of the log kept up.

-- Months from 2000 to the day after tomorrow get a partition; the rest goes to bus.reading_other.
CREATE FUNCTION bus.make_months(least_time timestamptz, most_time timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month timestamptz := date_trunc('month', greatest(least_time, '2000-01-01'));
    part text;
BEGIN
    WHILE month <= least(most_time, now() + interval '2 days') LOOP
        part := 'reading_' || to_char(month, 'YYYY_MM');
        IF to_regclass('bus.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE bus.%I (LIKE bus.reading INCLUDING ALL)', part);
            EXECUTE format('WITH moved AS (DELETE FROM bus.reading_other WHERE time >= %L AND time < %L RETURNING *)
                            INSERT INTO bus.%I SELECT * FROM moved', month, month + interval '1 month', part);
            EXECUTE format('ALTER TABLE bus.%I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE bus.reading ATTACH PARTITION bus.%I FOR VALUES FROM (%L) TO (%L)',
                           part, month, month + interval '1 month');
        END IF;
        month := month + interval '1 month';
    END LOOP;
END
$$;

-- The next span to decode: where the cursor stands, where the span ends, and the messages in it. Who asks comes by
-- every second, so words of documents are taken in on the way (z_search.sql).
CREATE FUNCTION bus.project_place(OUT cursor_seq int8, OUT head int8)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.search_fill();
    SELECT p.seq, h.seq INTO cursor_seq, head FROM bus.projection p, bus.log_head h WHERE p.name = 'sensor';
END
$$;
CREATE FUNCTION bus.project_page(after int8, upto int8)
RETURNS TABLE (seq int8, sender_id int4, type int2, content bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT m.seq, m.sender_id, m.type, m.content FROM bus.message m
     WHERE m.seq > after AND m.seq <= upto AND m.type IN (100, 102)
       AND coalesce(m.marks >> 4, 0) < 4 -- rows of samples have no label: what is personal becomes none
     ORDER BY m.seq;
END
$$;

-- Newer samples of their streams move bus.last_value. A sender whose clock runs ahead must not have the
-- last word for ever: no sample counts as later than now.
CREATE FUNCTION bus.note_last(after int8, upto int8, o_time timestamptz[], o_seq int8[], o_sender int4[],
                              o_datastream int4[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off AS $$
BEGIN
    INSERT INTO bus.last_value AS l (time, seq, sender_id, datastream_id, status)
    SELECT DISTINCT ON (o.sender_id, o.datastream_id, m.status) least(o.time, now()), o.seq, o.sender_id,
           o.datastream_id, m.status
      FROM unnest(o_time, o_seq, o_sender, o_datastream) AS o (time, seq, sender_id, datastream_id)
      JOIN (SELECT b.seq, b.status FROM bus.message b
             WHERE b.seq > after AND b.seq <= upto AND b.type = 100) AS m ON m.seq = o.seq
     ORDER BY o.sender_id, o.datastream_id, m.status, least(o.time, now()) DESC, o.seq DESC
    ON CONFLICT (sender_id, datastream_id, status) DO UPDATE SET time = excluded.time, seq = excluded.seq
     WHERE (excluded.time, excluded.seq) > (l.time, l.seq);
END
$$;

-- Puts what the span (after, upto] held; false: somebody else did, nothing was put. A span that ends behind
-- the log would leave out for ever what is stored there later.
CREATE FUNCTION bus.project_put(
    after int8, upto int8,
    o_time timestamptz[], o_value float8[], o_seq int8[], o_sender int4[], o_datastream int4[], o_quality int4[],
    o_type int2[], o_unit int2[],
    s_seq int8[], s_time timestamptz[], s_sender int4[], s_uptime int8[], s_battery int4[], s_panel int4[],
    s_temperature int4[], s_rssi int4[], s_backlog int8[], s_backlog_bytes int8[], s_offset int4[], s_disk int8[],
    s_mode int2[], s_tamper bool[]) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF upto IS NULL OR upto > (SELECT h.seq FROM bus.log_head h) OR upto < after THEN
        RAISE EXCEPTION 'the span (%, %] is not in the log', after, upto USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE bus.projection p SET seq = upto WHERE p.name = 'sensor' AND p.seq = after;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF o_time IS NOT NULL THEN
        PERFORM bus.make_months(min(t), max(t)) FROM unnest(o_time) AS u(t)
          WHERE t >= '2000-01-01' AND t < now() + interval '2 days';
        INSERT INTO bus.reading (time, value, seq, sender_id, datastream_id, quality, type, unit)
        SELECT unnest(o_time), unnest(o_value), unnest(o_seq), unnest(o_sender), unnest(o_datastream),
               unnest(o_quality), unnest(o_type), unnest(o_unit);
        PERFORM bus.note_last(after, upto, o_time, o_seq, o_sender, o_datastream);
    END IF;
    IF s_seq IS NOT NULL THEN
        INSERT INTO bus.sensor_status (seq, time, sender_id, uptime_s, battery_mv, panel_mv, temperature_dc, rssi_dbm,
                                       backlog_messages, backlog_bytes, clock_offset_ms, disk_free_kib, mode, tamper)
        SELECT unnest(s_seq), unnest(s_time), unnest(s_sender), unnest(s_uptime), unnest(s_battery),
               unnest(s_panel), unnest(s_temperature), unnest(s_rssi), unnest(s_backlog), unnest(s_backlog_bytes),
               unnest(s_offset), unnest(s_disk), unnest(s_mode), unnest(s_tamper);
    END IF;
    RETURN true;
END
$$;

-- BRIN ranges that are full, made known to the index. Autovacuum would come too, but after minutes, and
-- until then every page of history reads all of the tail. The last range stays open: a summary that
-- grows with every row would cost each insert.
CREATE FUNCTION bus.summarize() RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p record;
    block int8;
    done int4 := 0;
BEGIN
    FOR p IN
        SELECT i.inhrelid::regclass AS part, x.indexrelid::regclass AS index, coalesce(s.next_block, 0) AS next_block,
               pg_relation_size(i.inhrelid) / current_setting('block_size')::int8 AS blocks
          FROM pg_inherits i
          JOIN pg_index x ON x.indrelid = i.inhrelid
          JOIN pg_class c ON c.oid = x.indexrelid AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'brin')
          LEFT JOIN bus.summarized s ON s.part = i.inhrelid::regclass
         WHERE i.inhparent = 'bus.message'::regclass
    LOOP
        block := p.next_block;
        WHILE block + 64 <= p.blocks LOOP
            PERFORM brin_summarize_range(p.index, block);
            block := block + 64;
            done := done + 1;
        END LOOP;
        IF block > p.next_block THEN
            INSERT INTO bus.summarized VALUES (p.part, block)
                ON CONFLICT (part) DO UPDATE SET next_block = excluded.next_block;
        END IF;
    END LOOP;
    RETURN done;
END
$$;

GRANT EXECUTE ON FUNCTION bus.project_place, bus.project_page, bus.project_put, bus.summarize TO bus_ingest;
