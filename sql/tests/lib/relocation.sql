-- relocation: how tests tell the log about households, sites and offers. Included within a transaction, with
-- pg_temp first in the search path.

-- Telling ------------------------------------------------------------------------------------------
INSERT INTO bus.principal (name, agency) VALUES ('rcst.ayni.team2', 'rcst'), ('registry.khujand', 'registry'),
    ('land.zafarobod', 'land');
INSERT INTO bus.principal (name, agency, roles) VALUES ('coes.duty', 'coes', 'all');
\ir tell.sql
CREATE TEMP TABLE whys (n int8, text text);
CREATE FUNCTION pg_temp.us(t timestamptz) RETURNS text LANGUAGE sql AS $$ SELECT bus.us(t)::text $$;
-- Says one message; answers its verdict, and the code if there is one.
CREATE FUNCTION pg_temp.tell(type_name text, body jsonb, status int DEFAULT 1, at timestamptz DEFAULT now(),
                             who text DEFAULT 'registry.khujand', pcode text DEFAULT '3505203', kind text DEFAULT 'REPORT',
                             not_after timestamptz DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r bus.append_result;
BEGIN
    r := pg_temp.append(who, type_name, jsonb_build_object('kind', 'KIND_' || kind, type_name, body), status => status, pcodes => pcode, at => at,
                        not_after => not_after, label => 4);
    INSERT INTO pg_temp.whys VALUES (currval('pg_temp.told'), coalesce(r.refusal[1],
        (SELECT x.text FROM bus.held x WHERE x.seq = r.head), (SELECT x.text FROM bus.contested x WHERE x.seq = r.head)));
    RETURN pg_temp.verdict(r);
END
$$;
CREATE FUNCTION pg_temp.state(n int) RETURNS text LANGUAGE sql AS $$ SELECT state FROM bus.household WHERE household_id = pg_temp.uid(n) $$;
CREATE FUNCTION pg_temp.event(n int, more jsonb) RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_build_object('household_id', pg_temp.uid(n), 'actor', 'registry.khujand') || more $$;
CREATE FUNCTION pg_temp.affect(n int) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('household_event', pg_temp.event(n, '{"to_state": "HOUSEHOLD_STATE_AFFECTED", "affected": {"members": 7, "children": 4}}')) $$;
CREATE FUNCTION pg_temp.assess(n int, eligible text DEFAULT 'ANSWER_YES') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('household_event', pg_temp.event(n, jsonb_build_object('to_state', 'HOUSEHOLD_STATE_ASSESSED', 'assessed',
       jsonb_build_object('house', 'DAMAGE_CLASS_PARTIAL', 'plot_lost_pct', 50, 'verdict', 'ZONE_VERDICT_RELOCATE', 'eligible', eligible,
                          'signatories', '["head of jamoat", "commission"]'::jsonb, 'act_no', '14')))) $$;
CREATE FUNCTION pg_temp.prefer(n int) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('household_event', pg_temp.event(n, '{"to_state": "HOUSEHOLD_STATE_ELIGIBLE", "preferences": {"movers": 7}}')) $$;
CREATE FUNCTION pg_temp.offer(o int, n int, action text DEFAULT 'MAKE', site text DEFAULT 'zafarobod.4', plot text DEFAULT NULL,
                              days float DEFAULT 14, status int DEFAULT 1) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('plot_offer', jsonb_strip_nulls(jsonb_build_object('offer_id', pg_temp.uid(o), 'household_id', pg_temp.uid(n),
       'action', 'OFFER_ACTION_' || action, 'site_id', site, 'plot_id', plot, 'area_m2', 800, 'actor', 'registry.khujand',
       'authority', 'order 12', 'valid_until_us', pg_temp.us(clock_timestamp() + days * interval '1 day'))), status) $$;
CREATE FUNCTION pg_temp.answer(o int, n int, answer text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('offer_response', jsonb_build_object('offer_id', pg_temp.uid(o), 'household_id', pg_temp.uid(n),
       'answer', 'OFFER_ANSWER_' || answer, 'reasons', '["OFFER_DECLINE_REASON_NO_MEANS_TO_MOVE", "OFFER_DECLINE_REASON_FOOD_INSECURE_NOW"]'::jsonb,
       'taken_by', 'rcst.ayni.team2')) $$;
CREATE FUNCTION pg_temp.move(n int, kind text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('move_event', jsonb_build_object('household_id', pg_temp.uid(n), 'kind', 'MOVE_KIND_' || kind, 'actor', 'registry.khujand')) $$;
CREATE FUNCTION pg_temp.site(total int, blocked int DEFAULT 0, safe text DEFAULT 'ANSWER_YES', name text DEFAULT 'zafarobod.4', status int DEFAULT 1)
RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('plot_site', jsonb_build_object('site_id', name, 'pcode', '3508000', 'name', 'Zafarobod 4', 'capacity_total', total,
       'blocked', blocked, 'hazard_checked', safe), status, who => 'land.zafarobod', pcode => '3508000') $$;
CREATE FUNCTION pg_temp.ready(n int) RETURNS void LANGUAGE sql AS
$$ SELECT pg_temp.affect(n); SELECT pg_temp.assess(n); SELECT pg_temp.prefer(n) $$;
CREATE FUNCTION pg_temp.free(at_site text DEFAULT 'zafarobod.4') RETURNS int LANGUAGE sql AS
$$ SELECT free FROM eoc.site WHERE site_id = at_site AND status = 'ACTUAL' $$;

-- A person settles what was held or contested last.
CREATE FUNCTION pg_temp.settle(ruling text DEFAULT 'APPLIED') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell('decision', jsonb_build_object('message_id', x.message_id, 'ruling', 'RULING_' || ruling), who => 'coes.duty')
      FROM (SELECT h.seq, h.message_id FROM bus.held h WHERE h.settled_as IS NULL
            UNION ALL SELECT c.seq, c.message_id FROM bus.contested c WHERE c.settled_as IS NULL ORDER BY 1 DESC LIMIT 1) AS x
$$;
CREATE FUNCTION pg_temp.close(n int, reason text) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('household_event', pg_temp.event(n, jsonb_build_object('closed', jsonb_build_object('reason', 'CLOSING_REASON_' || reason)))) $$;
-- State of an offer, and what it holds.
CREATE FUNCTION pg_temp.held(o int) RETURNS text LANGUAGE sql AS
$$ SELECT state || ' ' || coalesce(holds, 'nothing') FROM bus.offer WHERE offer_id = pg_temp.uid(o) $$;
-- Why the last one was refused, held or contested.
CREATE FUNCTION pg_temp.why() RETURNS text LANGUAGE sql AS $$ SELECT text FROM pg_temp.whys ORDER BY n DESC LIMIT 1 $$;
