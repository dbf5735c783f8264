-- page: names of regions and districts in the reader's language, by P-code
-- takes: lang
SELECT json_build_object('names', coalesce((SELECT json_object_agg(p.pcode, eoc.place_name(p.pcode, coalesce($1::text, 'en')))
                                              FROM eoc.place p WHERE p.level IN ('REGION', 'DISTRICT')), '{}'))::text;
