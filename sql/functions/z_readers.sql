-- readers: whose rights a login of the database reads with, and which rows that are.
--
--   bus.reader (login -> principal) ─▶ its rules ─▶ bus.reader_map(), once a statement ─▶ policies, each row
--
-- The rules are bus.rule_text, the same that brokers read. Judging each row by bus.may would take a tenth of
-- a millisecond; so the rules are laid out once a statement: what this reader hears of each type and label
-- everywhere, nowhere, of its own places, or if it is for it. Only where a rule names places or an agreement
-- a row is asked about by itself. tests/integration/readers_test.c holds the policies against bus.may.
--
-- Policies hang on reader_id, reader_map, reader_places, reader_reached, reader_asks, reader_senders and reader_opens: 00_clear
-- leaves these, and here they are replaced, because a policy that is made anew waits for every question that is
-- being asked of the log, and everybody behind it.

-- A page where several people sign in has one login, a desk. It says in the setting bus.reads_for for whom it asks: if
-- it may speak for others (carry), it reads what both may hear, itself and that person. A message for the person counts
-- as one for the desk.

-- The desk, if a person reads there; null: the login reads for itself.
CREATE FUNCTION bus.reader_desk(who int4) RETURNS int4
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF coalesce(current_setting('bus.reads_for', true), '') = '' THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT nullif(r.principal_id, who) FROM bus.reader r WHERE r.login = session_user);
END
$$;
-- Who reads: the principal of this login, or the person for whom it asks; null: nobody. session_user, since that is what
-- SET ROLE cannot change.
CREATE OR REPLACE FUNCTION bus.reader_id() RETURNS int4
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    desk int4 := (SELECT p.principal_id FROM bus.reader r JOIN bus.principal p USING (principal_id)
                   WHERE r.login = session_user AND bus.is_in_force(p));
    person text := coalesce(current_setting('bus.reads_for', true), '');
BEGIN
    IF person = '' OR desk IS NULL THEN
        RETURN desk;
    END IF;
    RETURN (SELECT p.principal_id FROM bus.principal p
             WHERE p.name = person AND bus.is_in_force(p) AND (p.principal_id = desk OR bus.is_desk(desk)));
END
$$;
CREATE FUNCTION bus.is_desk(who int4) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(bool_or(r.effect = 'allow') AND NOT bool_or(r.effect = 'deny' AND r.types = '*' AND r.places = 'any'), false)
              FROM bus.principal p JOIN bus.rule r ON r.role = ANY (bus.roles_of(p))
             WHERE p.principal_id = who AND r.verb = 'carry');
END
$$;

-- By type * 4 + label (1 PUBLIC .. 4 HOUSEHOLD_PERSONAL): 1 everywhere, 2 of its own places, 3 of its own places
-- or what is for it, 4 what is for it, 5 must be asked for each (reader_asks); 0 or null nowhere.
--
-- Each table of a statement asks, and laying it out takes a millisecond: so it is noted down for the rest of the
-- statement, and for a second at most. The note lies in a setting, which the reader can write: it is signed with what
-- only the owner can read, for this reader, session and statement.
CREATE OR REPLACE FUNCTION bus.reader_map() RETURNS int2[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who int4 := bus.reader_id();
    desk int4 := bus.reader_desk(who);
    note text := coalesce(current_setting('bus.reader_note', true), '');
    secret bytea;
    map int2[];
BEGIN
    IF who IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT s.secret INTO secret FROM bus.reader_secret s;
    IF split_part(note, ' ', 1) = bus.reader_mark(secret, who, desk, split_part(note, ' ', 2), split_part(note, ' ', 3))
       AND split_part(note, ' ', 2)::int8 BETWEEN bus.us(clock_timestamp()) - 1000000 AND bus.us(clock_timestamp()) THEN
        RETURN split_part(note, ' ', 3)::int2[];
    END IF;
    map := bus.reader_map_of(who);
    IF desk IS NOT NULL THEN
        map := bus.reader_map_both(map, bus.reader_map_of(desk), bus.is_nested(who, desk));
    END IF;
    note := bus.us(clock_timestamp()) || ' ' || map::text;
    PERFORM set_config('bus.reader_note', bus.reader_mark(secret, who, desk, split_part(note, ' ', 1), split_part(note, ' ', 2)) || ' ' || note, true);
    RETURN map;
END
$$;
-- HMAC as it is made of two digests.
CREATE FUNCTION bus.reader_mark(secret bytea, who int4, desk int4, at_us text, map text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN encode(sha256(secret || sha256(secret || convert_to(format('%s %s %s %s %s %s', who, desk, pg_backend_pid(), bus.us(statement_timestamp()), at_us, map),
                                                               'UTF8'))), 'hex');
END
$$;
CREATE FUNCTION bus.reader_map_of(who int4, verb text DEFAULT 'hear') RETURNS int2[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    me bus.principal;
    map int2[];
BEGIN
    SELECT * INTO me FROM bus.principal WHERE principal_id = who;
    WITH heard AS MATERIALIZED (
        SELECT r.effect, string_to_array(r.types, ' ') AS types, bus.label_rank(r.label) AS label, r.giver <> '' AS is_given,
               CASE WHEN r.places = 'own' AND cardinality(array_remove(bus.places_of(me), '')) = 0 THEN 'any'
                    ELSE r.places END AS places
          FROM bus.rule_text r WHERE r.role = ANY (bus.roles_of(me)) AND r.verb = reader_map_of.verb
    ), judged AS (
        SELECT t.number * 4 + l AS at,
               CASE WHEN bool_or(h.effect = 'deny' AND h.places = 'any') THEN 0
                    WHEN bool_or(h.effect = 'deny') THEN 5
                    WHEN bool_or(h.places = 'any' AND NOT h.is_given) THEN 1
                    WHEN bool_or(h.is_given OR h.places NOT IN ('own', 'to_me')) THEN 5
                    WHEN bool_and(h.places = 'own') THEN 2
                    WHEN bool_and(h.places = 'to_me') THEN 4
                    ELSE 3 END AS code
          FROM bus.type t CROSS JOIN generate_series(1, 4) AS l
          JOIN heard h ON h.types && ARRAY['*', t.name, t.family || '.*']
                      AND CASE h.effect WHEN 'allow' THEN l <= h.label ELSE l >= h.label END
         GROUP BY t.number, l
    )
    SELECT array_agg(coalesce(j.code, 0)::int2 ORDER BY i) INTO map
      FROM generate_series(1, (SELECT max(number) * 4 + 4 FROM bus.type)) AS i LEFT JOIN judged j ON j.at = i;
    RETURN map;
END
$$;

-- What a person reads at a desk. Where the places of one say nothing about the other's, each row is asked about.
CREATE FUNCTION bus.reader_map_both(person int2[], desk int2[], nested bool) RETURNS int2[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (SELECT array_agg(CASE WHEN 0 IN (u.p, u.d) THEN 0
                                  WHEN u.d = 1 THEN u.p
                                  WHEN u.p = 4 AND u.d IN (3, 4) THEN 4
                                  WHEN nested AND (u.p = 2 AND u.d IN (2, 3) OR u.p = 3 AND u.d = 3) THEN u.p
                                  ELSE 5 END::int2 ORDER BY u.at)
              FROM unnest(person, desk) WITH ORDINALITY AS u(p, d, at));
END
$$;
-- Does every place of the person lie within one of the desk's?
CREATE FUNCTION bus.is_nested(person int4, desk int4) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT bool_and(EXISTS (SELECT FROM bus.principal d CROSS JOIN LATERAL unnest(bus.places_of(d)) AS q(place)
                                     WHERE d.principal_id = desk AND q.place <> '' AND bus.is_within(w.place, q.place)))
              FROM bus.principal p CROSS JOIN LATERAL unnest(bus.places_of(p)) AS w(place) WHERE p.principal_id = person);
END
$$;

-- Matches `places` of a message that touches the reader's own (bus.is_within).
CREATE OR REPLACE FUNCTION bus.reader_places() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT '(^| )(' || string_agg(CASE WHEN w ~ '^[0-9]{4}000$' THEN left(w, 4) ELSE w END, '|') || ')'
              FROM bus.principal p CROSS JOIN LATERAL unnest(bus.places_of(p)) AS w
             WHERE p.principal_id = bus.reader_id() AND w ~ '^[0-9A-Z]+$');
END
$$;

-- Numbers of the messages that are for the reader. Looked at only when a row's right hangs on it.
CREATE OR REPLACE FUNCTION bus.reader_reached() RETURNS int8multirange
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT range_agg(int8range(e.seq, e.seq, '[]')) FROM bus.recipient_reach e
             WHERE e.principal_id = bus.reader_id());
END
$$;

-- One message by itself.
CREATE OR REPLACE FUNCTION bus.reader_asks(of_type int2, places text, label int4, sender_id int4, seq int8) RETURNS bool
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN bus.both_may('hear', coalesce((SELECT t.name FROM bus.type t WHERE t.number = of_type), ''), places, label,
                        sender_id, seq);
END
$$;
-- May the reader, and the desk where it sits?
CREATE FUNCTION bus.both_may(verb text, type text, places text, label int4, sender_id int4, seq int8) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who int4 := bus.reader_id();
    me text := (SELECT p.name FROM bus.principal p WHERE p.principal_id = who);
    word text := (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])[label];
    sender text := (SELECT p.name FROM bus.principal p WHERE p.principal_id = both_may.sender_id);
    reach text := (SELECT string_agg(p.name, ' ') FROM bus.recipient_reach e JOIN bus.principal p USING (principal_id)
                    WHERE e.seq = both_may.seq);
    desk text;
BEGIN
    IF NOT bus.may(me, verb, type, places, word, sender, reach) THEN
        RETURN false;
    ELSIF coalesce(current_setting('bus.reads_for', true), '') = '' THEN
        RETURN true;
    END IF;
    SELECT p.name INTO desk FROM bus.principal p WHERE p.principal_id = bus.reader_desk(who);
    RETURN desk IS NULL
           OR bus.may(desk, verb, type, places, word, sender,
                      concat_ws(' ', reach, CASE WHEN me = ANY (string_to_array(reach, ' ')) THEN desk END));
END
$$;

-- Senders whose samples, or status, this reader sees: a row of samples has no place of its own, so it is judged
-- by the place of its gateway, within which all that a gateway says must lie, as RESTRICTED.
CREATE OR REPLACE FUNCTION bus.reader_senders(of_type int4) RETURNS int4multirange
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own text := bus.reader_places();
    code int2 := (bus.reader_map())[of_type * 4 + 3];
BEGIN
    IF code = 1 THEN
        RETURN '{(,)}';
    ELSIF code IN (2, 3) THEN
        RETURN (SELECT range_agg(int4range(p.principal_id, p.principal_id, '[]')) FROM bus.principal p
                 WHERE p.places <> '' AND (SELECT bool_and(w ~ own) FROM unnest(bus.places_of(p)) AS w));
    ELSIF code = 5 THEN
        RETURN (SELECT range_agg(int4range(p.principal_id, p.principal_id, '[]')) FROM bus.principal p
                 WHERE bus.reader_asks(of_type::int2, p.places, 3, p.principal_id, NULL)
                   AND cardinality(bus.places_of(p)) < 2);
    END IF;
    RETURN '{}';
END
$$;

-- May the reader open what is sealed in this message? Whoever may not gets no keys of it, as from a broker.
CREATE OR REPLACE FUNCTION bus.reader_opens(number int8) RETURNS bool
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT bus.both_may('open', t.name, m.places, coalesce(nullif(m.marks >> 4, 0), 4), m.sender_id, m.seq)
              FROM bus.message m JOIN bus.type t ON t.number = m.type
             WHERE m.seq = reader_opens.number);
END
$$;

-- What a person at the desk of this login may hear and say, for the program that asks (agents/console/read/rights.h), a
-- line each: maps as bus.reader_map has them, without commas, places, the agency, and duties of now. Empty: nothing.
CREATE FUNCTION bus.rights_text(person text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    desk int4 := (SELECT r.principal_id FROM bus.reader r WHERE r.login = session_user);
    me bus.principal;
    hears int2[];
BEGIN
    SELECT * INTO me FROM bus.principal p
     WHERE p.name = rights_text.person AND bus.is_in_force(p) AND (p.principal_id = desk OR bus.is_desk(desk));
    IF me.principal_id IS NULL THEN
        RETURN '';
    END IF;
    hears := bus.reader_map_of(me.principal_id);
    IF me.principal_id <> desk THEN
        hears := bus.reader_map_both(hears, bus.reader_map_of(desk), bus.is_nested(me.principal_id, desk));
    END IF;
    RETURN concat_ws(E'\n', 'hear ' || array_to_string(hears, ''), 'say ' || array_to_string(bus.reader_map_of(me.principal_id, 'say'), ''),
                     'places ' || me.places, 'agency ' || coalesce(nullif(me.agency, ''), split_part(me.name, '.', 1)),
                     'duties ' || coalesce((SELECT string_agg(DISTINCT d.role || '@' || d.place, ' ')
                                              FROM (SELECT DISTINCT x.role, x.place FROM bus.duty_roster x) AS d
                                             CROSS JOIN LATERAL bus.on_duty(d.role, d.place, clock_timestamp(), NULL) AS o
                                             WHERE o.principal_id = me.principal_id), ''));
END
$$;
GRANT EXECUTE ON FUNCTION bus.rights_text TO bus_console;
GRANT EXECUTE ON FUNCTION bus.reader_id, bus.reader_map, bus.reader_places, bus.reader_reached, bus.reader_asks,
    bus.reader_senders, bus.reader_opens TO bus_reader;

-- What the operator says: this login reads as that principal. The login is made by a superuser, in role bus_reader.
CREATE FUNCTION bus.reader_set(login text, principal text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who int4 := (SELECT p.principal_id FROM bus.principal p WHERE p.name = principal AND p.principal_id > 0);
BEGIN
    IF who IS NULL THEN
        RAISE EXCEPTION 'there is no principal "%"', principal USING ERRCODE = 'no_data_found';
    END IF;
    INSERT INTO bus.reader (login, principal_id, set_by) VALUES (reader_set.login, who, session_user)
        ON CONFLICT ON CONSTRAINT reader_pkey DO UPDATE SET principal_id = who, set_at = now(), set_by = session_user;
    PERFORM bus.say_audit('reader_set', reader_set.login, '', principal);
END
$$;
CREATE FUNCTION bus.reader_drop(login text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM bus.reader r WHERE r.login = reader_drop.login;
    IF FOUND THEN
        PERFORM bus.say_audit('reader_dropped', reader_drop.login);
    END IF;
    RETURN FOUND;
END
$$;
GRANT EXECUTE ON FUNCTION bus.reader_set, bus.reader_drop TO bus_admin;

-- The policies. One is made anew only if it says something else than it did.
DO $$
DECLARE
    label text := 'coalesce(nullif(marks >> 4, 0), CASE sender_id WHEN 0 THEN 2 ELSE 4 END)';
    heard text := $q$(CASE (SELECT bus.reader_map())[type * 4 + %1$s]
                      WHEN 1 THEN true
                      WHEN 2 THEN places ~ (SELECT bus.reader_places())
                      WHEN 3 THEN places ~ (SELECT bus.reader_places()) OR seq <@ (SELECT bus.reader_reached())
                      WHEN 4 THEN seq <@ (SELECT bus.reader_reached())
                      WHEN 5 THEN bus.reader_asks(type, places, %1$s, sender_id, seq)
                      ELSE false END)$q$;
    p record;
BEGIN
    FOR p IN SELECT * FROM (VALUES
        ('message', format(heard, label)),
        ('document', format(heard, label)),
        -- Who it was sent to is no more than RESTRICTED; of households it is as personal as they are.
        ('addressed', format('sender_id = (SELECT bus.reader_id()) OR ',
                             NULL) || format(heard, 'CASE WHEN type BETWEEN 220 AND 239 THEN 4 ELSE 3 END')),
        ('recipient', 'EXISTS (SELECT FROM bus.addressed a WHERE a.seq = recipient.seq)'),
        ('recipient_reach', 'principal_id = (SELECT bus.reader_id())'
                            ' OR EXISTS (SELECT FROM bus.addressed a WHERE a.seq = recipient_reach.seq)'),
        ('recipient_step', 'principal_id = (SELECT bus.reader_id())'
                           ' OR EXISTS (SELECT FROM bus.addressed a WHERE a.seq = recipient_step.seq)'),
        ('reading', 'sender_id <@ (SELECT bus.reader_senders(100))'),
        ('sensor_status', 'sender_id <@ (SELECT bus.reader_senders(102))'),
        ('quarantine', 'sender_id = (SELECT bus.reader_id())'),
        ('cursor', 'principal_id = (SELECT bus.reader_id())'),
        ('duty_roster', '(CASE (SELECT bus.reader_map())[203 * 4 + 2] WHEN 1 THEN true'
                        ' WHEN 2 THEN place ~ (SELECT bus.reader_places())'
                        ' WHEN 3 THEN place ~ (SELECT bus.reader_places()) OR seq <@ (SELECT bus.reader_reached())'
                        ' WHEN 4 THEN seq <@ (SELECT bus.reader_reached())'
                        ' WHEN 5 THEN bus.reader_asks(203::int2, place, 2, set_by, seq) ELSE false END)'),
        ('duty_shift', 'EXISTS (SELECT FROM bus.duty_roster r WHERE r.seq = roster_seq)'),
        ('held', 'EXISTS (SELECT FROM bus.document d WHERE d.type = held.type AND d.seq = held.seq)'),
        ('contested', 'EXISTS (SELECT FROM bus.document d WHERE d.type = contested.type AND d.seq = contested.seq)'),
        ('moved', 'EXISTS (SELECT FROM bus.document d WHERE d.type = moved.type AND d.seq = moved.seq)'),
        ('sealed_box', 'EXISTS (SELECT FROM bus.message m WHERE m.seq = sealed_box.seq)'),
        ('wrapped_key', 'EXISTS (SELECT FROM bus.sealed_box b WHERE b.seq = wrapped_key.seq) AND bus.reader_opens(seq)'),
        ('blind_mark', 'EXISTS (SELECT FROM bus.sealed_box b WHERE b.seq = blind_mark.seq)'),
        ('household_clock', 'EXISTS (SELECT FROM bus.sealed_box b WHERE b.household_id = household_clock.household_id)'),
        ('incident', format(heard, 'label')),
        ('incident_report', format(heard, 'label')),
        ('report', format(heard, 'label')),
        ('incident_filed', 'EXISTS (SELECT FROM bus.incident i WHERE i.incident_id = incident_filed.incident_id)'),
        ('request', format(heard, 'label')),
        ('line', format(heard, 'label')),
        ('commitment', 'EXISTS (SELECT FROM bus.line l WHERE l.strand_id = commitment.strand_id)'),
        -- The ledger of relocation: rows are as personal as the messages they come from.
        ('household', format(heard, '4')),
        ('offer', format(heard, '4')),
        ('entitlement', format(heard, '4')),
        ('delivery', format(heard, '4')),
        ('site', format(heard, '2')),
        -- Who was asked to take an alert is no public matter, even if the alert is.
        ('alert', format(heard, 'greatest(label, 2::int2)')),
        ('alert_call', 'EXISTS (SELECT FROM bus.alert a WHERE a.alert_id = alert_call.alert_id)'),
        -- Whoever may read an alert is told that it is over, whoever ended it.
        ('alert_ended', 'EXISTS (SELECT FROM bus.document d WHERE d.message_id = alert_ended.alert_id)'),
        ('alert_answer', 'EXISTS (SELECT FROM bus.alert a WHERE a.alert_id = alert_answer.alert_id)'),
        ('plot', 'EXISTS (SELECT FROM bus.site s WHERE s.site_id = plot.site_id AND s.status = plot.status)')
        ) AS wanted(part, body) LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_policy x
                               WHERE x.polrelid = format('bus.%I', p.part)::regclass AND x.polname = 'reader'
                                 AND obj_description(x.oid, 'pg_policy') = md5(p.body));
        EXECUTE format('DROP POLICY IF EXISTS reader ON bus.%I', p.part);
        EXECUTE format('CREATE POLICY reader ON bus.%I FOR SELECT TO bus_reader USING (%s)', p.part, p.body);
        EXECUTE format('COMMENT ON POLICY reader ON bus.%I IS %L', p.part, md5(p.body));
    END LOOP;
END
$$;

-- Views ask in the name of whoever reads, so that the policies hold; readers may read what is behind them.
DO $$
DECLARE
    v regclass;
BEGIN
    FOR v IN SELECT c.oid FROM pg_class c WHERE c.relkind = 'v'
                AND (c.relnamespace = 'eoc'::regnamespace OR c.oid = 'bus.ledger'::regclass) LOOP
        EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', v);
    END LOOP;
END
$$;
GRANT SELECT ON bus.ledger, bus.message, bus.document, bus.reading, bus.sensor_status, bus.quarantine, bus.addressed,
    bus.recipient, bus.recipient_reach, bus.recipient_step, bus.duty_roster, bus.duty_shift, bus.cursor, bus.log_head,
    bus.sealed_box, bus.wrapped_key, bus.blind_mark, bus.household_clock, bus.held, bus.contested, bus.moved, bus.cycle_state,
    bus.cycle_event, bus.cycle_guard, bus.transition, bus.incident, bus.incident_report, bus.incident_filed, bus.report, bus.report_rule,
    bus.request, bus.line, bus.commitment,
    bus.household, bus.offer, bus.entitlement,
    bus.delivery, bus.site, bus.plot, bus.type, bus.observation_type, bus.unit
    TO bus_reader, bus_admin;
GRANT SELECT (principal_id, name, not_after, revoked_at) ON bus.principal TO bus_reader;
