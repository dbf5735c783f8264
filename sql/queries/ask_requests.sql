-- ask: what is still wanted, by district and age
-- takes: [PLACE]
-- $1 text: what P-codes begin with; null: everywhere
SELECT eoc.place_name(r.district) AS place, date_trunc('minute', r.age)::text AS age, r.status, r.priority, r.kind,
       coalesce(r.missing::text, r.wanted_text) AS missing, r.unit, r.asked_by, r.needed_at, r.thread, r.line_id
  FROM eoc.request_open r
 WHERE $1::text IS NULL OR r.places LIKE $1 || '%'
 ORDER BY r.status, r.district, r.asked_at;
