-- tell: how tests tell the log something, and what it makes of it. Included within a transaction, after begin.sql.
CREATE SEQUENCE pg_temp.told;
CREATE FUNCTION pg_temp.uid(n int) RETURNS uuid LANGUAGE sql AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
-- One message of `who` under the next number of its lane. `label` as bus.label numbers them: 2 is INTERNAL.
CREATE FUNCTION pg_temp.append(who text, type_name text, doc jsonb, id uuid DEFAULT gen_random_uuid(), status int DEFAULT 1,
                               pcodes text DEFAULT '3505203', at timestamptz DEFAULT clock_timestamp(),
                               received timestamptz DEFAULT clock_timestamp(), not_after timestamptz DEFAULT NULL, lane int DEFAULT 4,
                               label int DEFAULT 2, for_whom text DEFAULT NULL, content bytea DEFAULT '\x00')
RETURNS bus.append_result LANGUAGE plpgsql AS $$
BEGIN
    RETURN bus.append_one((SELECT principal_id FROM bus.principal WHERE name = who), 1, lane::int2, nextval('pg_temp.told'), id,
                          (SELECT number FROM bus.type WHERE name = type_name)::int2, status::int2, pcodes, at, received, not_after,
                          NULL, (label << 4)::int2, content, NULL, for_whom, NULL, doc, (SELECT log_epoch FROM bus.log_head), 0);
END
$$;
-- What became of it: a verdict, 'none', or 'REFUSED ' and the code.
CREATE FUNCTION pg_temp.verdict(r bus.append_result) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF r.outcome[1] >= 5 THEN
        RETURN 'REFUSED ' || r.code[1];
    END IF;
    RETURN (SELECT coalesce((ARRAY['APPLIED', 'HELD', 'CONTESTED'])[m.verdict], 'none') FROM bus.message m WHERE m.seq = r.head);
END
$$;
