-- ledger: whether a move in a life cycle is legal, decided in the transaction that stores the message.
--
--   bus.append ─▶ bus.judge_row ─▶ bus.judge ─▶ bus.judge_<what>(m) ─▶ bus.decide ─▶ APPLIED HELD CONTESTED REFUSED
--                                     └ keeps what is held or contested, wakes what waited for this one
--
-- All of it runs under the lock of the head: brokers decide one after the other, in the order of the log.
--
-- A judge (one file a cycle, sql/functions/ledger_<cycle>.sql) sees one message, asks bus.decide, and writes the
-- tables of its cycle. It raises nothing, says nothing (bus.say_later), looks at no clock but the message's own
-- times, and finds what came before in the tables of its cycle or in bus.document (seq < m.seq), where everything before
-- the message stands, of the same batch too. The message itself may be in neither log nor documents yet. A timer only
-- says something, and the judge of that moves things. So the same log gives the same tables again: bus.rejudge.
--
-- Functions in here have the search_path of the append, which is fixed: to set it anew costs ten microseconds a call.
-- What writes is in plpgsql, which keeps its plans; SQL is planned at each call where it is not inlined.

-- One message, as a judge sees it.
CREATE TYPE bus.said AS (
    seq            int8,        -- its number, if it is not refused
    message_id     uuid,
    sender_id      int4,        -- whose word it is: its sender's, or the author's for whom that speaks; 0: the bus itself
    sender         text,
    agency         text,
    type           int2,
    status         int2,        -- 1 ACTUAL 2 EXERCISE 3 SYSTEM 4 TEST
    places         text[],      -- P-codes, most affected first
    event_at       timestamptz,
    received_at    timestamptz, -- what a judge takes as now
    not_after      timestamptz,
    expired        bool,        -- its time was over when it was stored: a promise has no effect any more
    originating_id uuid,
    preceding_id   uuid,
    incident_ids   uuid[],
    body           jsonb,       -- what stands in the document under the name of its type
    forced         bool,        -- a person decided: what is contested is applied all the same
    lane           int2,
    label          int2,        -- 1 PUBLIC 2 INTERNAL 3 RESTRICTED 4 HOUSEHOLD_PERSONAL
    kind           text,        -- 'REPORT', 'UPDATE', 'CANCEL' ...
    forced_seq     int8,        -- of what is forced: number of the decision, who said it, and for which places
    forced_by      text,
    forced_places  text[],
    flags          int4,        -- bits of Envelope.flags: 1 BACKFILL ...
    to_whom        text[],      -- Envelope.to, of resource messages; else null
    author         text,        -- Envelope.author: the person, where several speak through one sender; empty: none is named
    carried_by     int4,        -- the sender, if it speaks for an author; else null
    unheard        text);       -- the author for whom its sender may not speak; else null

-- What a judge answers; made by the functions below.
CREATE TYPE bus.judgement AS (
    verdict   int2, -- 1 APPLIED 2 HELD 3 CONTESTED 4 REFUSED; null: has no life cycle
    code      text, -- of HELD, CONTESTED and REFUSED: a stable word, "plot_taken"
    path      text, -- field in question, "plot_offer.site_id"
    text      text, -- one sentence: what is so, and what would be legal
    waits_for uuid, -- of HELD: id of what has to come first; null: a person has to settle it
    entity    uuid);-- of CONTESTED: what it is about

CREATE TYPE bus.decision AS (verdict int2, to_state text, code text, text text);

CREATE FUNCTION bus.apply() RETURNS bus.judgement LANGUAGE sql IMMUTABLE AS
$$ SELECT ROW(1::int2, NULL, NULL, NULL, NULL, NULL)::bus.judgement $$;
CREATE FUNCTION bus.hold(waits_for uuid, code text, path text, text text) RETURNS bus.judgement
LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(2::int2, code, path, text, waits_for, NULL)::bus.judgement $$;
CREATE FUNCTION bus.contest(entity uuid, code text, path text, text text) RETURNS bus.judgement
LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(3::int2, code, path, text, NULL, entity)::bus.judgement $$;
CREATE FUNCTION bus.refuse(code text, path text, text text) RETURNS bus.judgement LANGUAGE sql IMMUTABLE AS
$$ SELECT ROW(4::int2, code, path, text, NULL, NULL)::bus.judgement $$;
-- What a judge answers when bus.decide has decided.
CREATE FUNCTION bus.judgement_of(d bus.decision, path text, entity uuid) RETURNS bus.judgement
LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(d.verdict, d.code, path, d.text, NULL, entity)::bus.judgement $$;

-- An exercise never touches what is real, nor the other way: a judgement REFUSED, or one with verdict null.
CREATE FUNCTION bus.mixed_status(m bus.said, of_status int2, what text) RETURNS bus.judgement
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF m.status IS DISTINCT FROM of_status THEN
        RETURN bus.refuse('status', 'status', format('The %s is %s and this message is %s; the two never mix.', what,
                                                     (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[of_status],
                                                     (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[m.status]));
    END IF;
    RETURN NULL;
END
$$;

-- What a message takes as now: an exercise lives in the time that its messages tell, and nothing rings in it by
-- itself, so that a night of years ago can be played.
CREATE FUNCTION bus.now_of(m bus.said) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE m.status WHEN 1 THEN m.received_at ELSE m.event_at END $$;

-- Whose it is --------------------------------------------------------------------------------------

-- The gate has judged whether the sender may say this for the places in the envelope. Whether the thing it is about
-- lies there, only its judge can see: it asks bus.is_place_of, and answers bus.not_yours.

-- Whose word is it, if its sender names an author? The author's, if that is a principal in force for whom the sender
-- may speak (carry). Null: it may not.
CREATE FUNCTION bus.carried_author(sender_id int4, author text, of_type int2, places text, label int4) RETURNS int4
LANGUAGE plpgsql STABLE AS $$
DECLARE
    desk bus.principal;
    who int4 := (SELECT p.principal_id FROM bus.principal p WHERE p.name = carried_author.author AND bus.is_in_force(p));
BEGIN
    SELECT * INTO desk FROM bus.principal p WHERE p.principal_id = carried_author.sender_id;
    IF who = carried_author.sender_id
       OR bus.may(desk.name, 'carry', (SELECT t.name FROM bus.type t WHERE t.number = of_type), carried_author.places,
                  (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])[carried_author.label], carried_author.author) THEN
        RETURN who;
    END IF;
    RETURN NULL;
END
$$;
-- The same of a message that was judged: by the rights of then.
CREATE FUNCTION bus.said_by(seq int8, sender_id int4, author text) RETURNS int4
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF coalesce(author, '') = '' OR EXISTS (SELECT FROM bus.ledger_setting s WHERE said_by.seq <= s.authors_from)
       OR EXISTS (SELECT FROM bus.rested_on r WHERE r.seq = said_by.seq AND r.what = 'alone') THEN
        RETURN said_by.sender_id;
    END IF;
    RETURN coalesce((SELECT p.principal_id FROM bus.principal p WHERE p.name = said_by.author), said_by.sender_id);
END
$$;
CREATE FUNCTION bus.spoken_by(m bus.said, author text) RETURNS bus.said
LANGUAGE plpgsql AS $$
DECLARE
    desk int4 := m.sender_id;
BEGIN
    IF EXISTS (SELECT FROM bus.ledger_setting s WHERE m.seq <= s.authors_from) THEN
        RETURN m;
    ELSIF coalesce(current_setting('bus.rejudging', true), '') <> '' THEN
        IF NOT EXISTS (SELECT FROM bus.rested_on r WHERE r.seq = m.seq AND r.what = 'alone') THEN
            m.sender_id := bus.said_by(m.seq, desk, author);
        ELSE
            m.unheard := author;
        END IF;
    ELSE
        m.sender_id := bus.carried_author(desk, author, m.type, array_to_string(m.places, ' '), m.label);
        IF m.sender_id IS NULL THEN
            m.sender_id := desk;
            m.unheard := author;
            INSERT INTO bus.rested_on (seq, what) VALUES (m.seq, 'alone') ON CONFLICT DO NOTHING;
        END IF;
    END IF;
    m.carried_by := nullif(desk, m.sender_id);
    RETURN m;
END
$$;
-- What nobody may have heard yet counts for neither of them. Of the rest note is taken as of its sender's.
CREATE FUNCTION bus.not_heard(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql STABLE AS $$
DECLARE
    why text := format('%s speaks for %s, and may not: it has no right to carry this (role desk), or nobody of that name is in force.',
                       m.sender, m.unheard);
BEGIN
    RETURN CASE WHEN bus.is_promise(m) THEN bus.refuse('author', 'author', why) ELSE bus.contest(NULL, 'author', 'author', why) END;
END
$$;
-- Who sent a message, to whom an answer goes: a person has no session of his own. Null: the bus.
CREATE FUNCTION bus.sent_by(of_type int2, number int8) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT p.name FROM bus.document d JOIN bus.principal p ON p.principal_id = d.sender_id
             WHERE d.type = of_type AND d.seq = number AND d.sender_id > 0);
END
$$;

-- What is only ever promised, asked or decided; the others have happened.
CREATE FUNCTION bus.is_promise(m bus.said) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
DECLARE
    of_cycle text := CASE bus.judge_of(m.type) WHEN 'offer' THEN 'offer' WHEN 'incident' THEN 'incident' ELSE 'household' END;
    moves_by text;
BEGIN
    CASE
    WHEN m.type BETWEEN 160 AND 175 THEN RETURN m.type <> 173;
    WHEN m.type IN (204, 224) THEN RETURN true;
    WHEN m.type = 140 THEN moves_by := 'DESCRIBE';
    WHEN m.type = 141 THEN moves_by := substr(m.body->>'event', length('INCIDENT_EVENT_') + 1);
    WHEN m.type IN (225, 226) THEN moves_by := bus.offer_event_of(m);
    WHEN m.type BETWEEN 220 AND 227 THEN moves_by := bus.household_event_of(m);
    ELSE RETURN false;
    END CASE;
    RETURN coalesce((SELECT e.nature = 'promise' FROM bus.cycle_event e WHERE e.cycle = of_cycle AND e.event = moves_by),
                    false);
END
$$;

-- What is only promised or asked has no effect when its time is over. A fact stays one. A decision looks itself,
-- and how many plots a site has does not pass.
CREATE FUNCTION bus.is_over(m bus.said) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN m.expired AND m.type NOT IN (204, 224) AND bus.is_promise(m);
END
$$;

-- May this message speak of a thing in `places` (P-codes split by blanks; empty: it is anybody's)? Yes, if one of
-- its own places holds one of these; what has happened may have happened in a part of the thing's place, too: a
-- jamoat reports of its district, and decides nothing for it. Yes, if the sender has the right to say the same
-- there; that is kept, because rights change and the log is judged again. Forced, it is the place and the right of
-- whoever decided. The bus itself always may.
CREATE FUNCTION bus.is_place_of(m bus.said, places text) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
    of_thing text[] := array_remove(string_to_array(is_place_of.places, ' '), '');
    spoken text[] := CASE WHEN m.forced THEN m.forced_places ELSE m.places END;
BEGIN
    IF coalesce(cardinality(of_thing), 0) = 0 OR m.sender_id = 0 AND NOT m.forced
       OR EXISTS (SELECT FROM unnest(of_thing) AS t, unnest(spoken) AS s WHERE s <> '' AND bus.is_within(t, s)) THEN
        RETURN true;
    ELSIF EXISTS (SELECT FROM unnest(of_thing) AS t, unnest(spoken) AS s WHERE bus.is_within(s, t))
          AND NOT m.forced AND NOT bus.is_promise(m) THEN
        RETURN true;
    END IF;
    RETURN bus.has_right_in(m, is_place_of.places);
END
$$;
-- May this message end, or answer for, a thing in all of these places? A part of a place is not the place, and one of
-- two places not the other, whatever is promised or has happened.
CREATE FUNCTION bus.is_each_place_of(m bus.said, places text) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
    spoken text[] := CASE WHEN m.forced THEN m.forced_places ELSE m.places END;
    place text;
BEGIN
    IF m.sender_id = 0 AND NOT m.forced THEN
        RETURN true;
    END IF;
    FOREACH place IN ARRAY CASE is_each_place_of.places WHEN '' THEN '{""}' ELSE string_to_array(is_each_place_of.places, ' ') END LOOP
        IF NOT EXISTS (SELECT FROM unnest(spoken) AS s WHERE place <> '' AND s <> '' AND bus.is_within(place, s))
           AND NOT bus.has_right_in(m, place) THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$;
-- Has who speaks the right to say the same there? Of then, when the log is judged again.
CREATE FUNCTION bus.has_right_in(m bus.said, places text) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
    number int8 := CASE WHEN m.forced THEN m.forced_seq ELSE m.seq END;
BEGIN
    IF coalesce(current_setting('bus.rejudging', true), '') <> '' THEN
        RETURN EXISTS (SELECT FROM bus.rested_on r
                        WHERE r.seq = number AND r.what = 'right' AND r.detail = has_right_in.places);
    ELSIF NOT bus.may(CASE WHEN m.forced THEN m.forced_by ELSE m.sender END, 'say', CASE WHEN m.forced THEN 'decision'
                                           ELSE (SELECT t.name FROM bus.type t WHERE t.number = m.type) END,
                      has_right_in.places,
                      (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])[m.label]) THEN
        RETURN false;
    END IF;
    INSERT INTO bus.rested_on (seq, what, detail) VALUES (number, 'right', has_right_in.places) ON CONFLICT DO NOTHING;
    RETURN true;
END
$$;

-- What a judge answers when it may not. `what`: "household", "incident"; nothing else of the thing is told.
CREATE FUNCTION bus.not_yours(m bus.said, places text, path text, what text, entity uuid DEFAULT NULL)
RETURNS bus.judgement
LANGUAGE plpgsql STABLE AS $$
DECLARE
    why text := format('The %s is in %s and %s names %s; an office of that place says it, or the operations centre.',
                       what, replace(places, ' ', ' and '),
                       CASE WHEN m.forced THEN 'the decision' ELSE 'this message' END,
                       coalesce(nullif(array_to_string(CASE WHEN m.forced THEN m.forced_places ELSE m.places END, ' and '), ''),
                                'no place'));
BEGIN
    RETURN CASE WHEN bus.is_promise(m) THEN bus.refuse('place', path, why) ELSE bus.contest(entity, 'place', path, why) END;
END
$$;

-- Two people, however their names are typed: neither is empty, and they differ in more than case and blanks.
CREATE FUNCTION bus.two_distinct(a text, b text) RETURNS bool
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    one text := btrim(regexp_replace(lower(normalize(coalesce(a, ''), NFKC) COLLATE "und-x-icu"), '\s+', ' ', 'g'));
    other text := btrim(regexp_replace(lower(normalize(coalesce(b, ''), NFKC) COLLATE "und-x-icu"), '\s+', ' ', 'g'));
BEGIN
    RETURN one <> '' AND other <> '' AND one <> other;
END
$$;

-- "1 household", "2 households"; `many`: where it is not the first with an s.
CREATE FUNCTION bus.count_of(n int8, one text, many text DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE AS $$ SELECT n || ' ' || CASE n WHEN 1 THEN one ELSE coalesce(many, one || 's') END $$;

-- What is legal in a state, for people: "OFFER (PlotOffer), CLOSE (...)".
CREATE FUNCTION bus.legal_next(cycle text, state text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(string_agg(format('%s (%s)', t.event, e.means), ', ' ORDER BY t.event), 'nothing')
              FROM bus.transition t JOIN bus.cycle_event e ON e.cycle = t.cycle AND e.event = t.event
             WHERE t.cycle = legal_next.cycle AND t.from_state = legal_next.state);
END
$$;

-- Looks up what `event` does in `from_state` ('' = there is nothing yet). `fails`: guard -> sentence why it is
-- not met; guards that are not in it are. The first guard of the row that fails stops the move. Forced, it goes past
-- guards that are not firm; and a fact without a row goes where cycle_event.forced_to says, where the event leads from
-- elsewhere, if that is one state, or nowhere: it is kept, and the thing stays as it is.
CREATE FUNCTION bus.decide(cycle text, from_state text, event text, fails jsonb DEFAULT '{}',
                           forced bool DEFAULT false) RETURNS bus.decision
LANGUAGE plpgsql STABLE AS $$
DECLARE
    t bus.transition;
    e bus.cycle_event;
    failed text;
    d bus.decision;
BEGIN
    SELECT * INTO t FROM bus.transition x
     WHERE x.cycle = decide.cycle AND x.from_state = decide.from_state AND x.event = decide.event;
    IF FOUND THEN
        IF fails <> '{}' THEN
            SELECT g INTO failed FROM unnest(t.guards) WITH ORDINALITY AS u(g, ord) WHERE fails ? g ORDER BY ord LIMIT 1;
        END IF;
        IF failed IS NOT NULL AND forced THEN
            SELECT g.guard INTO failed FROM unnest(t.guards) WITH ORDINALITY AS u(guard, ord)
              JOIN bus.cycle_guard g ON g.cycle = t.cycle AND g.guard = u.guard
             WHERE g.is_firm AND fails ? g.guard ORDER BY u.ord LIMIT 1;
        END IF;
        IF failed IS NULL THEN
            RETURN (1::int2, t.to_state, NULL::text, NULL::text);
        END IF;
        d.code := coalesce((SELECT g.code FROM bus.cycle_guard g WHERE g.cycle = t.cycle AND g.guard = failed), failed);
        d.text := fails->>failed;
        SELECT * INTO e FROM bus.cycle_event x WHERE x.cycle = decide.cycle AND x.event = decide.event;
    ELSE
        SELECT * INTO e FROM bus.cycle_event x WHERE x.cycle = decide.cycle AND x.event = decide.event;
        IF forced AND e.nature = 'fact' THEN
            d.to_state := coalesce(nullif(e.forced_to, ''), CASE WHEN e.forced_to IS NULL THEN
                (SELECT min(x.to_state) FROM bus.transition x
                  WHERE x.cycle = decide.cycle AND x.event = decide.event HAVING min(x.to_state) = max(x.to_state)) END,
                nullif(decide.from_state, ''));
            IF d.to_state IS NOT NULL THEN
                RETURN (1::int2, d.to_state, NULL::text, NULL::text);
            END IF;
        END IF;
        d.code := 'state';
        d.text := format('%s is not a move %s.', decide.event,
                         CASE decide.from_state WHEN '' THEN 'that begins anything' ELSE 'from ' || decide.from_state END);
    END IF;
    d.verdict := CASE e.nature WHEN 'fact' THEN 3 ELSE 4 END;
    d.text := format('%s The %s is %s; legal now: %s.', d.text, decide.cycle,
                     CASE decide.from_state WHEN '' THEN 'not there yet' ELSE decide.from_state END,
                     bus.legal_next(decide.cycle, decide.from_state));
    RETURN d;
END
$$;

-- One step of an entity's history.
CREATE FUNCTION bus.note_move(m bus.said, cycle text, entity uuid, part int4, event text, from_state text, to_state text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bus.moved (seq, at, principal_id, part, type, entity, message_id, cycle, event, from_state, to_state)
    VALUES (m.seq, m.event_at, m.sender_id, part, m.type, entity, m.message_id, cycle, event, from_state, to_state);
END
$$;

-- Judging ------------------------------------------------------------------------------------------

-- Types that are judged. Never one that may be warned first (TYPE_FLASH in proto/wire/types.c): what listeners
-- have heard cannot be refused; a judge that is shown one only takes note of it and answers null.
CREATE FUNCTION bus.judged() RETURNS int2[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '{101,120,121,122,123,124,140,141,160,161,162,163,164,165,166,167,168,169,170,171,172,173,174,175,180,181,182,204,220,222,223,224,225,226,227}'::int2[]
$$;

-- Which judge a type has; also the name under which it is held or contested.
CREATE FUNCTION bus.judge_of(type int2) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN type IN (101, 140, 141) OR type BETWEEN 120 AND 124 THEN 'incident'
                WHEN type BETWEEN 160 AND 175 THEN 'line'
                WHEN type BETWEEN 180 AND 182 THEN 'alert'
                WHEN type = 204 THEN 'decision'
                WHEN type IN (224, 225, 226) THEN 'offer'
                WHEN type BETWEEN 220 AND 227 THEN 'household' END
$$;

CREATE FUNCTION bus.judge_one(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    j bus.judgement;
BEGIN
    IF bus.is_over(m) THEN
        PERFORM bus.offer_never_comes(m);
        RETURN NULL;
    ELSIF m.unheard IS NOT NULL AND NOT m.forced AND bus.takes_turns(m) THEN
        RETURN bus.not_heard(m);
    END IF;
    IF m.type IN (101, 120) AND EXISTS (SELECT FROM bus.escalation_rule r WHERE r.type = m.type) THEN
        PERFORM bus.judge_alert(m); -- takes note, as the incidents do
    END IF;
    CASE bus.judge_of(m.type)
    WHEN 'incident' THEN
        j := bus.judge_incident(m);
        IF m.type = 141 AND j.verdict = 1 THEN
            PERFORM bus.alert_of_incident(m);
        END IF;
        RETURN j;
    WHEN 'line' THEN RETURN bus.judge_line(m);
    WHEN 'alert' THEN RETURN bus.judge_alert(m);
    WHEN 'household' THEN RETURN bus.judge_household(m);
    WHEN 'offer' THEN RETURN bus.judge_offer(m);
    WHEN 'decision' THEN RETURN bus.judge_decision(m);
    ELSE RETURN NULL;
    END CASE;
END
$$;

-- The message as a batch has it.
CREATE FUNCTION bus.judge_row(seq int8, message_id uuid, sender_id int4, lane int2, type int2, status int2, marks int2,
                              places text, event_at timestamptz, received_at timestamptz, not_after timestamptz,
                              expired bool, doc jsonb) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
BEGIN
    -- Most receipts tell how far a message got, which moves nothing.
    IF type = 181 AND (sender_id = 0 OR doc->'receipt'->>'level' NOT IN ('RECEIPT_LEVEL_ACCEPTED', 'RECEIPT_LEVEL_REJECTED')) THEN
        RETURN NULL;
    END IF;
    RETURN bus.judge(bus.said_of(seq, message_id, sender_id, lane, type, status, marks, places, event_at, received_at,
                                 not_after, expired, doc));
END
$$;
CREATE FUNCTION bus.said_of(seq int8, message_id uuid, sender_id int4, lane int2, type int2, status int2, marks int2,
                            places text, event_at timestamptz, received_at timestamptz, not_after timestamptz,
                            expired bool, doc jsonb) RETURNS bus.said
LANGUAGE plpgsql AS $$
DECLARE
    m bus.said;
BEGIN
    m.seq := seq;
    m.message_id := message_id;
    m.sender_id := sender_id;
    m.lane := lane;
    m.type := type;
    m.status := status;
    m.label := coalesce(nullif(marks >> 4, 0), CASE sender_id WHEN 0 THEN 2 ELSE 4 END);
    m.places := string_to_array(places, ' ');
    m.event_at := event_at;
    m.received_at := received_at;
    m.not_after := not_after;
    m.expired := coalesce(expired, false);
    m.originating_id := (doc->>'originating_id')::uuid;
    m.preceding_id := (doc->>'preceding_id')::uuid;
    m.incident_ids := CASE WHEN doc ? 'incident_ids' THEN ARRAY(SELECT jsonb_array_elements_text(doc->'incident_ids')::uuid)
                           ELSE '{}' END;
    m.body := doc->(SELECT t.name FROM bus.type t WHERE t.number = said_of.type);
    m.forced := false;
    m.flags := coalesce((doc->>'flags')::int4, 0);
    m.kind := substr(doc->>'kind', length('KIND_') + 1);
    m.author := coalesce(doc->>'author', '');
    IF type BETWEEN 160 AND 175 THEN
        m.to_whom := ARRAY(SELECT jsonb_array_elements_text(coalesce(doc->'to', '[]')));
    END IF;
    IF doc ? 'author' AND sender_id > 0 THEN
        m := bus.spoken_by(m, doc->>'author');
    END IF;
    -- In an exercise that plays what once happened, who said it then says it now.
    m.sender := CASE status WHEN 2 THEN doc->'played'->>'sender' END;
    IF m.sender IS NULL THEN
        SELECT p.name, coalesce(nullif(p.agency, ''), split_part(p.name, '.', 1)) INTO m.sender, m.agency
          FROM bus.principal p WHERE p.principal_id = m.sender_id;
    ELSE
        m.agency := coalesce((SELECT nullif(p.agency, '') FROM bus.principal p WHERE p.name = m.sender),
                             split_part(m.sender, '.', 1));
    END IF;
    RETURN m;
END
$$;

-- Later --------------------------------------------------------------------------------------------

-- The bus will say this; parameters as in bus.say. Nothing is queued while the log is judged again: it was said.
CREATE FUNCTION bus.say_later(lane int2, status int2, kind int4, type int2, entries text, answers uuid, body bytea,
                              doc jsonb, label int4 DEFAULT 2, at timestamptz DEFAULT clock_timestamp(),
                              places text DEFAULT '') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('bus.rejudging', true), '') = '' THEN
        INSERT INTO bus.to_say (at, kind, label, lane, status, type, entries, answers, places, body, doc)
        VALUES (at, kind, label, lane, status, type, entries, answers, places, body, doc);
    END IF;
END
$$;

-- bus.ring_<kind>(t bus.timer) is called once at or after due_at, in a transaction of its own; it says later
-- whatever it has to say. Set again, a timer is moved. One that has rung since this message set it does not ring
-- once more because the log is judged again.
CREATE FUNCTION bus.set_timer(kind text, subject uuid, due_at timestamptz, detail jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    by_seq int8 := nullif(split_part(coalesce(current_setting('bus.waking', true), ''), ' ', 1), '')::int8;
BEGIN
    IF coalesce(current_setting('bus.rejudging', true), '') <> ''
       AND (EXISTS (SELECT FROM bus.rang r WHERE r.kind = set_timer.kind AND r.subject = set_timer.subject
                                             AND r.set_seq = by_seq)
            OR EXISTS (SELECT FROM bus.timer t WHERE t.kind = set_timer.kind AND t.subject = set_timer.subject
                                                 AND t.set_seq = by_seq AND t.trouble IS NOT NULL)) THEN
        DELETE FROM bus.timer t WHERE t.kind = set_timer.kind AND t.subject = set_timer.subject AND t.trouble IS NULL;
        RETURN;
    END IF;
    INSERT INTO bus.timer (kind, subject, due_at, detail, set_seq)
    VALUES (set_timer.kind, set_timer.subject, set_timer.due_at, set_timer.detail, by_seq)
        ON CONFLICT ON CONSTRAINT timer_kind_subject_key
        DO UPDATE SET due_at = excluded.due_at, detail = excluded.detail, set_seq = excluded.set_seq, trouble = NULL;
END
$$;
CREATE FUNCTION bus.stop_timer(kind text, subject uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM bus.timer t WHERE t.kind = stop_timer.kind AND t.subject = stop_timer.subject;
END
$$;

-- Once or, if there is very much, soon: rings what is due. Called by bus.tick, which holds the lock of the head.
-- What fails is kept with its reason, so that it does not stop the others.
CREATE FUNCTION bus.ring_due(most int4, now_at timestamptz) RETURNS int4
LANGUAGE plpgsql AS $$
DECLARE
    t bus.timer;
    rung int4 := 0;
BEGIN
    FOR t IN SELECT * FROM bus.timer x WHERE x.due_at <= now_at AND x.trouble IS NULL
              ORDER BY x.due_at, x.timer_id LIMIT most LOOP
        rung := rung + 1;
        PERFORM set_config('bus.waking', '', true); -- no message sets what a ringing sets
        BEGIN
            DELETE FROM bus.timer x WHERE x.timer_id = t.timer_id;
            INSERT INTO bus.rang (kind, subject, set_seq, due_at, rang_at)
            SELECT t.kind, t.subject, t.set_seq, t.due_at, now_at WHERE t.set_seq IS NOT NULL
                ON CONFLICT ON CONSTRAINT rang_pkey
                DO UPDATE SET set_seq = excluded.set_seq, due_at = excluded.due_at, rang_at = excluded.rang_at;
            EXECUTE format('SELECT bus.%I($1)', 'ring_' || t.kind) USING t;
        EXCEPTION WHEN OTHERS THEN
            UPDATE bus.timer x SET trouble = SQLERRM WHERE x.timer_id = t.timer_id;
            PERFORM bus.say_audit('timer_failed', t.kind, '', '', SQLERRM);
        END;
    END LOOP;
    RETURN rung;
END
$$;

-- The same with what waits to be said.
CREATE FUNCTION bus.say_due(most int4) RETURNS int4
LANGUAGE plpgsql AS $$
DECLARE
    s bus.to_say;
    said int4 := 0;
BEGIN
    FOR s IN SELECT * FROM bus.to_say x WHERE x.trouble IS NULL ORDER BY x.say_id LIMIT most LOOP
        said := said + 1;
        BEGIN
            DELETE FROM bus.to_say x WHERE x.say_id = s.say_id;
            PERFORM bus.say(s.lane, s.status, s.kind, s.type, s.entries, s.answers, s.body, s.doc, s.label, s.at, s.places);
        EXCEPTION WHEN OTHERS THEN
            UPDATE bus.to_say x SET trouble = SQLERRM WHERE x.say_id = s.say_id;
            PERFORM bus.say_audit('saying_failed', s.type::text, '', '', SQLERRM);
        END;
    END LOOP;
    RETURN said;
END
$$;
