-- page: names by code in the reader's language: regions and districts by P-code, then offices, gateways and duties as eoc.called_as has them
-- takes: lang
SELECT json_build_object('names', coalesce((SELECT json_object_agg(n.code, n.name) FROM (
           SELECT p.pcode, eoc.place_name(p.pcode, coalesce($1::text, 'en')) FROM eoc.place p WHERE p.level IN ('REGION', 'DISTRICT')
           UNION ALL SELECT c.code, c.name FROM eoc.called_as(coalesce($1::text, 'en')) AS c) AS n(code, name)), '{}'))::text;
