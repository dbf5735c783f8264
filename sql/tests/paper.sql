-- paper: how harm is weighed, numbers that give nobody away, rows of CSV.
\ir lib/begin.sql
SET LOCAL session_replication_role = replica; -- rows as the bus would have made them

INSERT INTO bus.principal (principal_id, name, agency, places, roles) OVERRIDING SYSTEM VALUE
VALUES (901, 'coes.ayni.office', 'coes', '3505203', 'district'), (902, 'rcst.team2', 'rcst', '3505203', 'partner');
-- One office says it at `minute`, in the words of its message.
CREATE FUNCTION pg_temp.say(n int4, who int4, type int4, minute int4, body jsonb, signed bool DEFAULT false) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id, doc, places, marks)
    SELECT 900000 + n, x.at, x.at, who, type, 1, x.id, jsonb_build_object('incident_ids', jsonb_build_array(md5('flood')::uuid), x.name, body), '3505203', 32
      FROM (SELECT '2026-05-01 00:00+05'::timestamptz + minute * interval '1 minute' AS at, md5('said' || n)::uuid AS id,
                   (SELECT t.name FROM bus.type t WHERE t.number = type) AS name) AS x;
    INSERT INTO bus.report (message_id, thread_id, seq, type, status, sender_id, label, places, number, version, event_at, received_at, about_at, prepared_by, authorised_by, incident_ids, is_cancel, agency)
    SELECT md5('said' || n)::uuid, md5('said' || n)::uuid, 900000 + n, type, 1, who, 2, '3505203', n::text, 'INITIAL', d.event_at, d.event_at, d.event_at, 'a',
           CASE WHEN signed THEN 'b' ELSE '' END, ARRAY[md5('flood')::uuid], false, 'coes'
      FROM bus.document d WHERE d.seq = 900000 + n AND type > 120;
$$;
CREATE FUNCTION pg_temp.weighed(thing text, until timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT h.figure || ' ' || h.sure FROM eoc.harm(md5('flood')::uuid, until) AS h WHERE h.what = thing $$;

SELECT pg_temp.say(1, 901, 120, 0, '{"injured": 2, "missing": 1, "houses": 14}');
SELECT is(pg_temp.weighed('INJURED'), '2 REPORTED', 'one voice');
SELECT is(pg_temp.weighed('KILLED'), NULL, 'nobody said how many died: no row, and no nought');
SELECT pg_temp.say(2, 902, 120, 60, '{"injured": 2, "missing": 0, "houses": 12}');
SELECT is(pg_temp.weighed('INJURED'), '2 VERIFIED', 'two say the same');
SELECT is(pg_temp.weighed('MISSING'), '0 CONTESTED', 'two say different numbers');
SELECT is((SELECT others->0->>'figure' FROM eoc.harm(md5('flood')::uuid) WHERE what = 'MISSING'), '1', 'the other number is there');
SELECT is(pg_temp.weighed('MISSING', '2026-05-01 00:30+05'), '1 REPORTED', 'as it was at a time before');
SELECT pg_temp.say(3, 901, 123, 120, '{"counts": [{"kind": "CASUALTY_KIND_MISSING", "persons": 0}, {"kind": "CASUALTY_KIND_INJURED", "sex": "SEX_MALE", "persons": 2},
                                      {"kind": "CASUALTY_KIND_INJURED", "sex": "SEX_FEMALE", "persons": 1}]}');
SELECT is(pg_temp.weighed('MISSING'), '0 VERIFIED', 'who was contradicted came round to it');
SELECT is(pg_temp.weighed('INJURED'), '3 CONTESTED', 'parts without a total are added up');
SELECT pg_temp.say(4, 901, 122, 700, '{"villages": [{"village": "Gusar", "households_affected": 12, "losses": [{"asset": "ASSET_CLASS_HOUSE", "damage": "DAMAGE_CLASS_DESTROYED", "quantity": {"value": "7"}}]}]}', true);
SELECT pg_temp.say(5, 901, 122, 705, '{"villages": [{"village": "Dardar", "households_affected": 2, "losses": [{"asset": "ASSET_CLASS_HOUSE", "damage": "DAMAGE_CLASS_SILTED", "quantity": {"value": "2"}}]}]}', true);
SELECT is(pg_temp.weighed('HOUSES'), '9 VERIFIED', 'acts of villages are added up, signed by two, and what was said long before is no contest');
SELECT is(pg_temp.weighed('HOUSES_DESTROYED'), '7 VERIFIED', 'of all houses those that are gone');
SELECT pg_temp.say(6, 901, 122, 710, '{"villages": [{"village": "Gusar", "households_affected": 13}]}', true);
SELECT is(pg_temp.weighed('HOUSEHOLDS_AFFECTED'), '15 VERIFIED', 'the newest word of a village counts, once');

INSERT INTO bus.household (household_id, seq, first_seq, since, affected_at, incident_id, sender_id, members, status, state, places)
SELECT md5('h' || n)::uuid, 900100 + n, 900100 + n, now(), now(), md5('flood')::uuid, 901, 5, 1, CASE WHEN n <= 4 THEN 'ASSESSED' ELSE 'AFFECTED' END, '3505203'
  FROM generate_series(1, 6) AS n;
SELECT is(x::text, '(6,30,)', 'four of six are not told') FROM (SELECT affected, persons, assessed FROM eoc.relocation_counts WHERE incident_id = md5('flood')::uuid) AS x;

SELECT is(eoc.csv_row('=1+1', '-12.5', 'a,b', 'say "no"', NULL, ' @x', '+992 900', '-'), '''=1+1,-12.5,"a,b","say ""no""",,'' @x,''+992 900,''-' || E'\r\n', 'what begins like a formula is text; a number is one');
SELECT is(eoc.csv_row('Ayni', E'x;=1+1;y', E'x\n@cmd', 'x; "=1"', 'said by: 5; other: 7'),
          E'Ayni,"x;''=1+1;y","x\n''@cmd","x; ""''=1""","said by: 5; other: 7"\r\n', 'nor is what stands where offices with a decimal comma begin a new cell');
SELECT is(eoc.csv('tg', '#adm2+code|Code|Код|Рамз'), chr(65279) || E'Рамз\r\n#adm2+code\r\n', 'a heading in the reader''s language, and the tag');
SELECT is(eoc.csv_time('2010-08-07 17:03:00+00'), '2010-08-07T22:03:00+05:00');
SELECT * FROM finish();
ROLLBACK;
