-- sealed: identities of one household at two agencies: each closes its own case, and what it has is destroyed
-- when its time is over, whatever the other does.
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only on
BEGIN;
SET LOCAL search_path = pg_temp, pg_catalog, tap;
SET LOCAL client_min_messages = error;
SELECT plan(13);

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
SELECT * FROM finish();
ROLLBACK;
