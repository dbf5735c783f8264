-- views_paper: what stands on paper and in files that leave the house: how many were harmed and how sure that is, where
-- gateways measure, numbers of households that give nobody away, and rows of CSV.

-- Every count that an office said of an incident: the newest of each sender, district and thing; a version that
-- another took the place of does not count. A commission walks for days and says a village at a time, under one number of its
-- act: so of a village its newest word counts, and villages are added up. Ask by incident.
CREATE FUNCTION eoc.harm_said(incident uuid, until timestamptz DEFAULT NULL)
RETURNS TABLE (district text, what text, figure int8, said_by text, said_at timestamptz, type text, is_signed bool,
               confidence text, message_id uuid, seq int8)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    WITH told AS MATERIALIZED (
        SELECT d.* FROM bus.document d WHERE d.incident_id = incident AND d.type BETWEEN 120 AND 123
        UNION
        SELECT d.* FROM bus.incident_report r JOIN bus.document d ON d.type = r.type AND d.seq = r.seq
         WHERE r.incident_id = incident AND d.type = 120
    ), standing AS MATERIALIZED (
        SELECT t.*, t.doc->(CASE t.type WHEN 120 THEN 'flash_report' WHEN 121 THEN 'situation_report'
                                        WHEN 122 THEN 'damage_needs_assessment' ELSE 'casualty_summary' END) AS b,
               coalesce(r.authorised_by, '') <> '' AND t.type = 122 AS is_signed
          FROM told t LEFT JOIN bus.report r ON r.message_id = t.message_id
         WHERE NOT coalesce(r.is_withdrawn, false) AND (t.type = 122 OR r.stands_id IS NULL)
           AND (harm_said.until IS NULL OR t.event_at <= harm_said.until)
    ), counts AS (
        -- What the field and offices count as a whole.
        SELECT s.seq, bus.district_of(split_part(s.places, ' ', 1)) AS district, f.what, f.figure::int8
          FROM standing s
         CROSS JOIN LATERAL (VALUES ('KILLED', s.b->>'deaths'), ('INJURED', s.b->>'injured'), ('MISSING', s.b->>'missing'),
                                    ('HOUSES', s.b->>'houses')) AS f(what, figure)
         WHERE s.type = 120
        UNION ALL
        SELECT s.seq, bus.district_of(split_part(s.places, ' ', 1)), f.what, f.figure::int8
          FROM standing s
         CROSS JOIN LATERAL (VALUES ('HOUSEHOLDS_AFFECTED', s.b->>'households_affected'),
                                    ('PEOPLE_DISPLACED', s.b->>'people_displaced')) AS f(what, figure)
         WHERE s.type = 121
        UNION ALL
        -- A total, or else its parts added up.
        SELECT s.seq, bus.district_of(coalesce(c->>'pcode', split_part(s.places, ' ', 1))), eoc.word(c->>'kind', 'CASUALTY_KIND_'),
               coalesce(sum(coalesce((c->>'persons')::int8, 0)) FILTER (WHERE c->>'sex' IS NULL AND c->>'age' IS NULL),
                        sum(coalesce((c->>'persons')::int8, 0)))::int8
          FROM standing s
         CROSS JOIN LATERAL jsonb_array_elements(coalesce(CASE s.type WHEN 123 THEN s.b->'counts' ELSE s.b->'casualties'->'counts' END, '[]')) AS c
         WHERE s.type IN (121, 123) GROUP BY 1, 2, 3
        UNION ALL
        SELECT max(v.seq), v.district, f.what, sum(f.figure)::int8
          FROM (SELECT DISTINCT ON (s.sender_id, x.district, w->>'pcode', w->>'village') s.sender_id, s.seq, x.district, w AS village
                  FROM standing s
                 CROSS JOIN LATERAL jsonb_array_elements(coalesce(s.b->'villages', '[]')) AS w
                 CROSS JOIN LATERAL (SELECT bus.district_of(coalesce(w->>'pcode', split_part(s.places, ' ', 1))) AS district) AS x
                 WHERE s.type = 122 ORDER BY s.sender_id, x.district, w->>'pcode', w->>'village', s.event_at DESC, s.seq DESC) AS v
         CROSS JOIN LATERAL (SELECT sum(eoc.amount(l->'quantity')) AS houses,
                                    sum(eoc.amount(l->'quantity')) FILTER (WHERE l->>'damage' = 'DAMAGE_CLASS_DESTROYED') AS destroyed
                               FROM jsonb_array_elements(coalesce(v.village->'losses', '[]')) AS l
                              WHERE l->>'asset' = 'ASSET_CLASS_HOUSE') AS h
         CROSS JOIN LATERAL (VALUES ('HOUSEHOLDS_AFFECTED', (v.village->>'households_affected')::numeric),
                                    ('PEOPLE_AFFECTED', (v.village->>'people_affected')::numeric),
                                    ('HOUSEHOLDS_DISPLACED', (v.village->>'households_displaced')::numeric),
                                    ('HOUSES', h.houses), ('HOUSES_DESTROYED', h.destroyed)) AS f(what, figure)
         WHERE f.figure IS NOT NULL GROUP BY v.sender_id, v.district, f.what
    )
    SELECT DISTINCT ON (c.district, c.what, p.name) c.district, c.what, c.figure, p.name, s.event_at, t.name, s.is_signed,
           nullif(eoc.word(s.b->>'confidence', 'CONFIDENCE_'), ''), s.message_id, s.seq
      FROM counts c JOIN standing s USING (seq)
      LEFT JOIN bus.principal p ON p.principal_id = s.sender_id
      LEFT JOIN bus.type t ON t.number = s.type
     WHERE c.figure IS NOT NULL
     ORDER BY c.district, c.what, p.name, s.is_signed DESC, s.event_at DESC, s.seq DESC;
END
$$;
COMMENT ON FUNCTION eoc.harm_said IS 'counts of people, households and houses that offices said of an incident, up to a time: the newest of each sender';

-- How many, and how sure: an act with two signatures goes before what is said; else the newest counts. CONTESTED: within six
-- hours before it, or after it, somebody else said another number. VERIFIED: it was signed by two, or somebody else
-- said the same. REPORTED: one voice.
CREATE FUNCTION eoc.harm(incident uuid, until timestamptz DEFAULT NULL)
RETURNS TABLE (district text, what text, figure int8, sure text, said_by text, said_at timestamptz, type text, confidence text,
               others jsonb, message_id uuid, seq int8)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    WITH said AS MATERIALIZED (
        SELECT s.*, row_number() OVER (PARTITION BY s.district, s.what ORDER BY s.is_signed DESC, s.said_at DESC, s.seq DESC) AS place
          FROM eoc.harm_said(harm.incident, harm.until) AS s
    )
    SELECT b.district, b.what, b.figure,
           CASE WHEN o.differs THEN 'CONTESTED' WHEN b.is_signed OR o.agrees THEN 'VERIFIED' ELSE 'REPORTED' END,
           b.said_by, b.said_at, b.type, b.confidence, coalesce(o.others, '[]'), b.message_id, b.seq
      FROM said b
     CROSS JOIN LATERAL (
           SELECT bool_or(x.figure = b.figure) AS agrees, bool_or(x.figure <> b.figure) AS differs,
                  jsonb_agg(jsonb_build_object('figure', x.figure, 'said_by', x.said_by, 'said_at', x.said_at) ORDER BY x.said_at DESC)
                      FILTER (WHERE x.figure <> b.figure) AS others
             FROM said x
            WHERE x.district = b.district AND x.what = b.what AND x.place > 1 AND x.said_at >= b.said_at - interval '6 hours') AS o
     WHERE b.place = 1
     ORDER BY b.district, array_position(ARRAY['KILLED', 'MISSING', 'INJURED', 'ILL', 'EVACUATED', 'PEOPLE_AFFECTED', 'PEOPLE_DISPLACED',
                                               'HOUSEHOLDS_AFFECTED', 'HOUSEHOLDS_DISPLACED', 'HOUSES', 'HOUSES_DESTROYED'], b.what);
END
$$;
COMMENT ON FUNCTION eoc.harm IS 'harm of an incident by district, one figure a thing, and how sure it is: REPORTED, VERIFIED (signed by two, or two say the same), CONTESTED (two say different numbers within six hours)';

-- Households of districts as numbers for who is to know no household: nothing below five is told, nor 0.
CREATE VIEW eoc.relocation_counts AS
SELECT x.district, x.status, x.incident_id, nullif(x.affected * (x.affected >= 5)::int4, 0) AS affected,
       nullif(x.persons * (x.affected >= 5)::int4, 0) AS persons, nullif(x.assessed * (x.assessed >= 5)::int4, 0) AS assessed,
       nullif(x.eligible * (x.eligible >= 5)::int4, 0) AS eligible, nullif(x.assisted * (x.assisted >= 5)::int4, 0) AS assisted,
       nullif(x.offered * (x.offered >= 5)::int4, 0) AS offered, nullif(x.declined * (x.declined >= 5)::int4, 0) AS declined,
       nullif(x.moved * (x.moved >= 5)::int4, 0) AS moved, nullif(x.returned * (x.returned >= 5)::int4, 0) AS returned, x.as_of
  FROM (SELECT left(h.places, 7) AS district, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[h.status] AS status, h.incident_id,
               count(*)::int4 AS affected, sum(h.members)::int4 AS persons,
               count(*) FILTER (WHERE h.state <> 'AFFECTED')::int4 AS assessed, count(*) FILTER (WHERE h.is_eligible)::int4 AS eligible,
               count(*) FILTER (WHERE h.fed_until IS NOT NULL)::int4 AS assisted,
               count(*) FILTER (WHERE h.offer_id IS NOT NULL)::int4 AS offered,
               count(*) FILTER (WHERE h.state = 'DECLINED')::int4 AS declined,
               count(*) FILTER (WHERE h.state IN ('MOVED', 'SETTLED'))::int4 AS moved,
               count(*) FILTER (WHERE h.state = 'RETURNED')::int4 AS returned, max(h.since) AS as_of
          FROM bus.household h WHERE h.state NOT IN ('DUPLICATE', 'WITHDRAWN') GROUP BY 1, 2, 3) AS x;
COMMENT ON VIEW eoc.relocation_counts IS 'households by district and incident, as far as the reader may see them; a null is below five, and not told';
COMMENT ON COLUMN eoc.relocation_counts.affected IS 'households; so are all the others';
COMMENT ON COLUMN eoc.relocation_counts.persons IS 'persons of the affected households';
COMMENT ON COLUMN eoc.relocation_counts.as_of IS 'when one of them moved last';

-- What gateways measure, as their newest registry says.
CREATE VIEW eoc.datastream AS
SELECT n.sender, n.sender_id, (s.stream->>'datastream_id')::int4 AS datastream_id, eoc.word(s.stream->>'type', 'OBSERVATION_TYPE_') AS type,
       t->>'name' AS thing, coalesce(t->>'pcode', n.pcode) AS pcode, n.seq
  FROM (SELECT DISTINCT ON (d.sender_id) d.sender_id, p.name AS sender, d.doc->'area'->'pcodes'->>0 AS pcode, d.doc->'sensor_registry' AS b, d.seq
          FROM bus.document d LEFT JOIN bus.principal p ON p.principal_id = d.sender_id
         WHERE d.type = 105 ORDER BY d.sender_id, d.seq DESC) AS n
 CROSS JOIN LATERAL jsonb_array_elements(coalesce(n.b->'datastreams', '[]')) AS s(stream)
  LEFT JOIN LATERAL (SELECT x AS t FROM jsonb_array_elements(coalesce(n.b->'sensors', '[]')) AS y
                       JOIN jsonb_array_elements(coalesce(n.b->'things', '[]')) AS x ON x->>'thing_id' = y->>'thing_id'
                      WHERE y->>'sensor_id' = s.stream->>'sensor_id' LIMIT 1) AS g ON true;
COMMENT ON VIEW eoc.datastream IS 'channels of gateways by their newest SensorRegistry: what is measured where';
COMMENT ON COLUMN eoc.datastream.type IS 'as in eoc.observation';
COMMENT ON COLUMN eoc.datastream.thing IS 'name of the station';

-- A row of CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe; plain numbers stay. So does what would be one
-- behind a semicolon, tabulator or line break in a cell: where the comma is for decimals, spreadsheets begin a cell there, quotes or not.
CREATE FUNCTION eoc.csv_row(VARIADIC cells text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (SELECT string_agg(CASE WHEN safe ~ '[",\r\n\t;]' OR safe ~ '^\s|\s$' THEN '"' || replace(safe, '"', '""') || '"' ELSE safe END, ',' ORDER BY ord)
              FROM (SELECT u.ord, CASE WHEN cell ~ '^\s*[=+@＝＋－＠|%-]' AND cell !~ '^-?[0-9]+(\.[0-9]+)?$' THEN '''' || cell ELSE coalesce(cell, '') END AS safe
                      FROM (SELECT regexp_replace(c, '([;\t\r\n][\s"]*)([=+@＝＋－＠|%-])', '\1''\2', 'g') AS cell, o AS ord FROM unnest(cells) WITH ORDINALITY AS v(c, o)) AS u) AS x) || E'\r\n';
END
$$;
COMMENT ON FUNCTION eoc.csv_row IS 'cells as a row of CSV with its line end; what begins like a formula is made text';
CREATE FUNCTION eoc.csv_time(at timestamptz) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT to_char(at AT TIME ZONE 'UTC-5', 'YYYY-MM-DD"T"HH24:MI:SS"+05:00"') $$;
COMMENT ON FUNCTION eoc.csv_time IS 'a time as HXL wants it, in the time of Dushanbe';
-- Marked as UTF-8, so that the spreadsheets of offices do not guess.
CREATE FUNCTION eoc.csv(lang text, VARIADIC columns text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN chr(65279)
        || eoc.csv_row(VARIADIC ARRAY(SELECT split_part(c, '|', CASE lang WHEN 'ru' THEN 3 WHEN 'tg' THEN 4 ELSE 2 END) FROM unnest(columns) AS c))
        || eoc.csv_row(VARIADIC ARRAY(SELECT split_part(c, '|', 1) FROM unnest(columns) AS c));
END
$$;
COMMENT ON FUNCTION eoc.csv IS 'heading and HXL row; a column is "#tag|English|Russian|Tajik"';

GRANT EXECUTE ON FUNCTION eoc.harm_said, eoc.harm, eoc.csv, eoc.csv_row, eoc.csv_time TO bus_reader, bus_admin, bus_audit;
GRANT SELECT ON eoc.relocation_counts, eoc.datastream TO bus_reader, bus_admin;
