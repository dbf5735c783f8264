-- page: types of message that whoever is signed in may say about these places; `person` is filled in by the program
-- takes: person places label
SELECT coalesce(json_agg(t.name), '[]')::text FROM bus.type t
 WHERE t.number BETWEEN 120 AND 204 AND bus.may($1::text, 'say', t.name, coalesce($2::text, ''), coalesce($3::text, 'INTERNAL'));
