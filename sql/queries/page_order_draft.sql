-- page: a draft of an order as it is approved: what it is, with the keys of those who approved it, a line break, itself with the approvals that it has, good or not. Asked by the program, not by pages.
-- takes: draft person
WITH d AS (
    SELECT x.*, m.doc FROM eoc.order_draft x JOIN eoc.document m ON m.seq = x.seq WHERE x.message_id = $1::text::uuid ORDER BY x.seq LIMIT 1
), given AS ( -- whose approval the record has, whatever it is worth now
    SELECT s.a, s.a->>'principal' AS giver, x.sender, x.seq, bus.approval_stands(s.a, d.type, d.machine) AS stands
      FROM d JOIN eoc.document x ON x.type = d.type AND x.doc ? 'preceding_id' AND x.doc->>'preceding_id' = d.message_id::text
     CROSS JOIN LATERAL jsonb_array_elements(coalesce(x.doc->d.type->'approvals', '[]')) AS s(a)
     WHERE x.sender = d.desk OR x.status IN ('SYSTEM', 'TEST') AND bus.speaks_for((SELECT p.principal_id FROM bus.principal p WHERE p.name = x.sender), s.a->>'principal', (SELECT t.number FROM bus.type t WHERE t.name = d.type), d.places)
), counted AS ( -- of each desk's word the newest about a person: no desk spoils what another one says, nor for long what it said itself
    SELECT g.*, row_number() OVER (PARTITION BY g.giver, g.sender ORDER BY g.seq DESC) AS nth
      FROM (SELECT DISTINCT ON (y.giver, y.sender, y.a) y.* FROM given AS y WHERE y.stands ORDER BY y.giver, y.sender, y.a, y.seq) AS g
)
SELECT coalesce((SELECT format(E'%s %s %s %s %s %s %s %s ,%s, %s\n%s', d.state, d.author, d.desk, d.status, d.needed, d.seq,
                               CASE WHEN bus.may_at($2::text, 'approve', d.type, d.machine) THEN 'may' ELSE 'may_not' END, bus.sign_keys_of($2::text),
                               (SELECT string_agg(DISTINCT g.giver, ',') FROM given AS g),
                               (SELECT string_agg(k.giver || '=' || bus.sign_keys_of(k.giver), ' ') FROM (SELECT DISTINCT g.giver FROM counted AS g) AS k),
                               jsonb_strip_nulls(jsonb_build_object('area', d.doc->'area', 'incident_ids', d.doc->'incident_ids', 'lane', d.doc->'lane', 'kind', d.doc->'kind', 'lang', d.doc->'lang',
                                   'label', d.doc->'label', 'event_time_us', d.doc->'event_time_us', 'sent_time_us', d.doc->'sent_time_us', 'not_after_us', d.doc->'not_after_us',
                                   'author', d.doc->'author', d.type, d.doc->d.type || jsonb_build_object('approvals', coalesce((SELECT jsonb_agg(y.a ORDER BY y.giver, y.seq)
                                       FROM (SELECT DISTINCT ON (g.giver, g.a) g.* FROM counted AS g WHERE g.nth <= 4 ORDER BY g.giver, g.a, g.seq) AS y), '[]')))))
  FROM d), '');
