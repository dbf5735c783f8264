-- tiny: a life cycle of the tests' own: a site that is made (A), opened (B) and, as a fact, left (C). Read by the tests
-- of the mechanism, in their transaction.

-- The tiny cycle -----------------------------------------------------------------------------------
INSERT INTO bus.cycle_state VALUES ('tiny', 'A', true, 'there'), ('tiny', 'B', true, 'open'), ('tiny', 'C', false, 'gone');
INSERT INTO bus.cycle_event VALUES ('tiny', 'MAKE', 'fact', 'PlotSite'), ('tiny', 'GO', 'promise', 'PlotOffer'),
                                   ('tiny', 'LEAVE', 'fact', 'OfferResponse');
INSERT INTO bus.cycle_guard VALUES ('tiny', 'first', 'is_first', 'nobody was there'), ('tiny', 'sober', 'not_sober', 'sober');
INSERT INTO bus.transition VALUES ('tiny', '', 'MAKE', 'A', '{}'), ('tiny', 'A', 'GO', 'B', '{first,sober}'),
                                  ('tiny', 'B', 'LEAVE', 'C', '{}');
CREATE TABLE bus.tiny (id uuid PRIMARY KEY, state text, status int2, places text);
ALTER TABLE bus.tiny OWNER TO bus_owner;
-- The functions as they are, replaced for as long as this lasts.
CREATE OR REPLACE FUNCTION bus.judge_offer(m bus.said) RETURNS bus.judgement LANGUAGE plpgsql AS $$
DECLARE
    site uuid := (m.body->>'site_id')::uuid;
    event text := (ARRAY['MAKE', 'GO', 'LEAVE'])[m.type - 223];
    t bus.tiny;
    d bus.decision;
    j bus.judgement;
BEGIN
    SELECT * INTO t FROM bus.tiny x WHERE x.id = site;
    IF FOUND THEN
        j := bus.mixed_status(m, t.status, 'site');
        IF j.verdict IS NOT NULL THEN
            RETURN j;
        ELSIF NOT bus.is_place_of(m, t.places) THEN
            RETURN bus.not_yours(m, t.places, 'plot_offer.site_id', 'site', site);
        END IF;
    ELSIF event <> 'MAKE' THEN
        RETURN bus.hold(site, 'site_unknown', 'plot_offer.site_id', 'The site has not arrived.');
    END IF;
    IF m.body ? 'raise' THEN
        RAISE EXCEPTION 'broken' USING ERRCODE = m.body->>'raise';
    ELSIF m.body ? 'after' AND NOT EXISTS (SELECT FROM bus.moved x WHERE x.message_id = (m.body->>'after')::uuid) THEN
        RETURN bus.hold(site, 'too_early', 'plot_offer.site_id', 'Something else has to happen there first.');
    END IF;
    d := bus.decide('tiny', coalesce(t.state, ''), event, coalesce(m.body->'fails', '{}'), m.forced);
    IF d.verdict <> 1 THEN
        RETURN bus.judgement_of(d, 'plot_offer.site_id', site);
    END IF;
    INSERT INTO bus.tiny VALUES (site, d.to_state, m.status, m.body->>'pcode') ON CONFLICT (id) DO UPDATE SET state = d.to_state;
    PERFORM bus.note_move(m, 'tiny', site, 0, event, coalesce(t.state, ''), d.to_state);
    IF event = 'MAKE' THEN
        PERFORM bus.set_timer('tiny', site, m.received_at + interval '1 hour', '{"say": "GO"}');
    ELSIF event = 'GO' THEN
        PERFORM bus.stop_timer('tiny', site);
    END IF;
    IF m.body ? 'timer' THEN
        PERFORM bus.set_timer(m.body->>'timer', site, m.received_at + interval '1 hour');
    END IF;
    PERFORM bus.wake(site);
    RETURN bus.apply();
END
$$;
CREATE OR REPLACE FUNCTION bus.ledger_clear_offer() RETURNS void LANGUAGE sql AS $$ TRUNCATE bus.tiny $$;
CREATE FUNCTION bus.ring_tiny(t bus.timer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bus.say_later(3::int2, 1::int2, 1, 225::int2, NULL, NULL, '\x00',
                          jsonb_build_object('plot_offer', jsonb_build_object('site_id', t.subject)));
END
$$;
CREATE FUNCTION bus.ring_quiet(t bus.timer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bus.say_later(4::int2, 1::int2, 1, 200::int2, NULL, NULL, '\x', jsonb_build_object('general_message', '{}'::jsonb));
END
$$;
CREATE FUNCTION bus.ring_broken(t bus.timer) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$;

-- Saying -------------------------------------------------------------------------------------------
-- The schema counts what it says of itself, too: this test begins without that.
DELETE FROM bus.audit_pending;
INSERT INTO bus.principal (name, agency, roles, serial) VALUES ('coes.ayni.office', 'coes', 'all', 0),
                                                               ('eoc.chief', 'eoc', 'all', 0),
                                                               ('jamoat.urmetan', '', 'gateway', 0);
CREATE TEMP SEQUENCE lane_seq;
CREATE FUNCTION pg_temp.id_of(n int4) RETURNS uuid LANGUAGE sql AS $$ SELECT lpad(to_hex(n), 32, '0')::uuid $$;
-- Message `n` of the office about a site; answers outcome and verdict, or the refusal.
CREATE FUNCTION pg_temp.say(n int4, type int2, site int4, status int2 DEFAULT 1, more jsonb DEFAULT '{}',
                            who text DEFAULT 'coes.ayni.office', place text DEFAULT '3505203', marks int4 DEFAULT 48,
                            not_after timestamptz DEFAULT NULL, received timestamptz DEFAULT now())
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    res bus.append_result;
    body jsonb := CASE type WHEN 204 THEN '{}' ELSE jsonb_build_object('site_id', pg_temp.id_of(site)) END || more;
BEGIN
    res := bus.append_one((SELECT principal_id FROM bus.principal WHERE name = who), 5, 4::int2, nextval('lane_seq'),
                          pg_temp.id_of(n), type, status, place, now(), received, not_after, NULL, marks::int2,
                          ('\x' || to_hex(n + 4096))::bytea, NULL, NULL, NULL,
                          jsonb_build_object('kind', 'KIND_REPORT', (SELECT t.name FROM bus.type t WHERE t.number = type), body),
                          1, 0);
    RETURN CASE WHEN res.outcome[1] >= 5 THEN 'REFUSED ' || res.code[1] || ': ' || res.refusal[1]
                ELSE coalesce((ARRAY['APPLIED', 'HELD', 'CONTESTED'])[res.verdict[1]], 'none') END;
END
$$;
CREATE FUNCTION pg_temp.verdict_of(n int4) RETURNS int2 LANGUAGE sql AS $$
    SELECT bus.verdict_now(seq, verdict) FROM bus.message WHERE message_id = pg_temp.id_of(n)
$$;
CREATE FUNCTION pg_temp.head() RETURNS int8 LANGUAGE sql AS $$ SELECT seq FROM bus.log_head $$;
