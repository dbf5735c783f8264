-- sealed: identities of one household at two agencies: each closes its own case, and what it has is destroyed
-- when its time is over, whatever the other does.
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only on
BEGIN;
SET LOCAL search_path = pg_temp, pg_catalog, tap;
SET LOCAL client_min_messages = error;
SELECT plan(20);

INSERT INTO bus.principal (name, agency, roles) VALUES
    ('coes.ayni.registry', 'coes', 'registry'), ('coes.khujand.registry', 'coes', 'registry'),
    ('rcst.ayni.team', 'rcst', 'registry'), ('mia.clerk', 'mia', 'registry');
CREATE FUNCTION pg_temp.who(named text) RETURNS int4 LANGUAGE sql AS
$$ SELECT p.principal_id FROM bus.principal p WHERE p.name = named $$;

-- Boxes 1 and 2 are of one agency, 3 is of another; the content of a box is its household's id in field 221.
CREATE FUNCTION pg_temp.box(number int8, named text) RETURNS void LANGUAGE sql AS $$
    SELECT bus.box_stored(number, pg_temp.who(named), lpad(number::text, 32, '0')::uuid,
                          bus.pb_bytes(221, bus.pb_bytes(1, uuid_send('00000000-0000-0000-0000-00000000000f'))),
                          decode(repeat('0' || number::text, 112), 'hex'))
$$;
CREATE FUNCTION pg_temp.said(named text, what jsonb, ago interval DEFAULT '25 months') RETURNS void LANGUAGE sql AS $$
    SELECT bus.household_said('{"household_id": "00000000-0000-0000-0000-00000000000f"}'::jsonb || what, 10,
                              pg_temp.who(named), now() - ago)
$$;
CREATE FUNCTION pg_temp.open_boxes() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(DISTINCT w.seq::text, ' ' ORDER BY w.seq::text), '') FROM bus.wrapped_key w
$$;
SELECT pg_temp.box(1, 'coes.ayni.registry'), pg_temp.box(2, 'coes.khujand.registry'), pg_temp.box(3, 'rcst.ayni.team')
\g /dev/null
SELECT is(pg_temp.open_boxes(), '1 2 3', 'three boxes with their keys');

-- A stranger's closing destroys nothing.
SELECT pg_temp.said('mia.clerk', '{"closed": {"reason": "CLOSING_REASON_SETTLED"}}') \g /dev/null
SELECT bus.retain(10) \g /dev/null
SELECT is(pg_temp.open_boxes(), '1 2 3', 'who has no box of it closes nobody''s case');

-- One agency closes, long ago: its boxes go, the other's stay.
SELECT pg_temp.said('coes.khujand.registry', '{"closed": {"reason": "CLOSING_REASON_SETTLED"}}') \g /dev/null
SELECT is((SELECT count(*)::int4 FROM eoc.identity i WHERE i.erase_due_at IS NOT NULL), 2, 'both boxes of the agency that closed wait');
SELECT is((SELECT i.erase_due_at FROM eoc.identity i WHERE i.seq = 3), NULL, 'the other agency''s case is open');
SELECT bus.retain(10) \g /dev/null
SELECT is(pg_temp.open_boxes(), '3', 'what the agency that closed had is destroyed');

-- The other one goes on: its word of another state stops no clock but its own.
SELECT pg_temp.said('rcst.ayni.team', '{"closed": {"reason": "CLOSING_REASON_SETTLED"}}', '1 month') \g /dev/null
SELECT bus.retain(10) \g /dev/null
SELECT is(pg_temp.open_boxes(), '3', 'its 24 months are not over');
SELECT pg_temp.said('coes.ayni.registry', '{"closed": {"reason": "CLOSING_REASON_REOPENED"}}') \g /dev/null
SELECT is((SELECT array_agg(c.owner ORDER BY c.owner) FROM bus.household_clock c), ARRAY['mia', 'rcst'],
          'opened again by one agency, the case of the other stays closed');
SELECT pg_temp.said('rcst.ayni.team', '{"to_state": "HOUSEHOLD_STATE_MOVED"}') \g /dev/null
SELECT is((SELECT array_agg(c.owner ORDER BY c.owner) FROM bus.household_clock c), ARRAY['mia'], 'the case of this one goes on');

-- A box that comes after its agency closed goes as well; the other agency's does not.
SELECT pg_temp.said('coes.ayni.registry', '{"closed": {"reason": "CLOSING_REASON_SETTLED"}}') \g /dev/null
SELECT bus.retain(10) \g /dev/null
SELECT is((SELECT count(*)::int4 FROM bus.household_clock c WHERE c.owner = 'coes' AND c.waits_until IS NULL), 1, 'its clock is done');
SELECT pg_temp.box(4, 'coes.ayni.registry') \g /dev/null
SELECT is(pg_temp.open_boxes(), '3 4', 'a box comes late');
SELECT bus.retain(10) \g /dev/null
SELECT is(pg_temp.open_boxes(), '3', 'and goes at once');
SELECT pg_temp.said('rcst.ayni.team', '{"closed": {"reason": "CLOSING_REASON_SETTLED"}}') \g /dev/null
SELECT bus.retain(10) \g /dev/null
SELECT is(pg_temp.open_boxes(), '', 'at last nothing is left');
SELECT is((SELECT count(*)::int4 FROM bus.household_clock c WHERE c.waits_until <= clock_timestamp()), 0, 'and no clock runs');

-- Marks: one household of two agencies, another one, and a third that was written down twice.
CREATE FUNCTION pg_temp.marked(number int8, named text, household int4, VARIADIC marks int4[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bus.message (seq, epoch, lane_seq, received_at, event_at, log_epoch, sender_id, marks, lane, type, status,
                             message_id, places, content)
    VALUES (number, 1, 1, now(), now(), 1, pg_temp.who(named), 64, 4, 221, 1, lpad(number::text, 32, '0')::uuid, '3505203', '');
    SELECT bus.box_stored(number, pg_temp.who(named), lpad(number::text, 32, '0')::uuid,
        bus.pb_bytes(221, bus.pb_bytes(1, uuid_send(lpad(household::text, 32, '0')::uuid))
            || (SELECT string_agg(bus.pb_bytes(4, decode(lpad(m::text, 32, '0'), 'hex')), ''::bytea) FROM unnest(marks) AS m)),
        decode(repeat('aa', 112), 'hex'))
$$;
CREATE FUNCTION pg_temp.twins() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(format('%s=%s by %s', ltrim(replace(t.household_id::text, '-', ''), '0'),
                                      ltrim(replace(t.other_id::text, '-', ''), '0'), t.marks), ', '
                               ORDER BY t.household_id, t.other_id), '') FROM eoc.household_match t
$$;
SELECT pg_temp.marked(101, 'coes.ayni.registry', 41, 1, 2), pg_temp.marked(102, 'coes.khujand.registry', 42, 2, 1, 3),
       pg_temp.marked(103, 'coes.ayni.registry', 43, 4), pg_temp.marked(104, 'rcst.ayni.team', 41, 1, 2) \g /dev/null
SELECT is(pg_temp.twins(), '41=42 by 2', 'two households with two marks together; one that two agencies wrote down is no pair');
SELECT is((SELECT t.sender || ' ' || t.other_sender FROM eoc.household_match t), 'rcst.ayni.team coes.khujand.registry',
          'with whom to ask');
SELECT pg_temp.marked(105, 'coes.ayni.registry', 42, 3, 4) \g /dev/null
SELECT is(pg_temp.twins(), '42=43 by 1', 'a newer identity of the agency takes the place of the older one');
UPDATE bus.message SET status = 2 WHERE seq = 103;
SELECT is(pg_temp.twins(), '', 'an exercise is no twin of what is so');
UPDATE bus.message SET status = 1 WHERE seq = 103;
SELECT bus.erase(lpad('42', 32, '0')::uuid, jsonb_build_object('identity_ids', jsonb_build_array(lpad('105', 32, '0')::uuid)),
                 200, pg_temp.who('coes.ayni.registry')) \g /dev/null
SELECT is(pg_temp.twins(), '', 'what is erased has no marks');
SELECT is((SELECT count(*)::int4 FROM bus.blind_mark WHERE seq = 105), 0, 'none at all');
SELECT pg_temp.marked(300 + n, 'coes.ayni.registry', 300 + n, 9) FROM generate_series(1, 12) AS n \g /dev/null
SELECT is(pg_temp.twins(), '', 'a mark that a dozen households have tells nothing');
SELECT * FROM finish();
ROLLBACK;
