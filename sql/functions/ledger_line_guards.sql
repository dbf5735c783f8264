-- ledger_line_guards: whether one part of a message may move what it is about: who says it, in which state, with what left.

-- Decides one part; `p` comes back with where it goes. `before`: the parts of the message that stand before it.
CREATE FUNCTION bus.line_decide(m bus.said, thread uuid, INOUT p bus.line_part, before bus.line_part[], OUT j bus.judgement)
LANGUAGE plpgsql AS $$
DECLARE
    r bus.request;
    s bus.line;
    d bus.decision;
    fails jsonb;
BEGIN
    SELECT * INTO r FROM bus.request x WHERE x.thread = line_decide.thread AND x.line_id = p.line_id;
    IF p.strand_id IS NOT NULL THEN
        SELECT * INTO s FROM bus.line x WHERE x.strand_id = p.strand_id;
    END IF;
    IF p.from_state = 'several' THEN
        IF p.event IN ('ASK_STATUS', 'REPORT') THEN
            p.from_state := NULL;
            p.to_state := coalesce(r.starts_as, '');
            RETURN; -- a word to all of them
        END IF;
        j := bus.line_answer(m, CASE m.type WHEN 173 THEN 3 ELSE 4 END::int2, 'which_supplier', thread,
                             format('Line %s has several suppliers; preceding_id, or the stock number, says whose part is meant.', p.line_id));
        RETURN;
    ELSIF p.is_request THEN
        d := bus.decide('request', coalesce(r.state, ''), p.event, bus.request_fails(m, r, p), m.forced);
        p.from_state := coalesce(r.state, '');
    ELSIF p.strand_id IS NULL AND p.from_state = '' AND m.type IN (164, 165) THEN
        p.to_state := '';
        RETURN; -- a question about something new
    ELSE
        IF m.type = 173 AND p.strand_id IS NULL AND NOT p.is_new AND p.event IN ('DEPART', 'ARRIVE') THEN
            j := bus.line_answer(m, 3::int2, 'not_promised', thread, CASE WHEN m.forced THEN format(
                'Nobody has promised line %s, and who brought it is not said; whoever did reports it, or answers the request.', p.line_id)
                ELSE bus.not_promised_text(p) END);
            RETURN;
        END IF;
        s := bus.line_untold(m, s, p);
        p := bus.line_window(m, p, s);
        fails := bus.line_fails(m, r, s, p) || CASE WHEN p.event IN ('COMMIT', 'COMMIT_PROVISIONAL', 'EXTEND_ACCEPT', 'EXTEND_PROVISIONAL')
                                                         OR p.event LIKE 'UNSPEND%' OR bus.promises_anew(m, s, p)
                                                    THEN bus.items_fail(m, thread, s, p, before) ELSE '{}' END;
        d := bus.decide('line', p.from_state, p.event, fails, m.forced);
    END IF;
    IF d.verdict <> 1 THEN
        j := bus.line_answer(m, d.verdict, d.code, thread, d.text);
        RETURN;
    END IF;
    p.to_state := d.to_state;
END
$$;
CREATE FUNCTION bus.line_answer(m bus.said, verdict int2, code text, thread uuid, text text) RETURNS bus.judgement
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (verdict, code, bus.line_path(m) || '.lines', text, NULL, thread)::bus.judgement;
END
$$;

-- Guards of the request's cycle that are not met.
CREATE FUNCTION bus.request_fails(m bus.said, r bus.request, p bus.line_part) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    out int4;
BEGIN
    IF r.thread IS NULL OR p.event NOT IN ('REQUEST', 'UPDATE', 'CANCEL', 'EXPIRE') THEN
        RETURN '{}';
    ELSIF p.event = 'EXPIRE' THEN
        RETURN CASE WHEN r.message_id <> m.preceding_id THEN '{"last": "There is a newer version."}' ELSE '{}' END;
    ELSIF r.agency <> m.agency AND NOT bus.cancels_there(m, r.places) THEN
        RETURN jsonb_build_object('consumer', format('Line %s of this thread was asked for by another agency.', r.line_id));
    ELSIF p.event = 'UPDATE' THEN
        RETURN '{}';
    ELSIF p.event = 'CANCEL' THEN
        out := (SELECT count(*) FROM bus.line x WHERE x.thread = r.thread AND x.line_id = r.line_id AND x.counts
                   AND x.phase IN ('promised', 'under way', 'on scene'));
        RETURN CASE WHEN out > 0 THEN jsonb_build_object('nothing_out', format(
            'Suppliers have committed to line %s: release what they promised (ReleaseResource) first.', r.line_id)) ELSE '{}' END;
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'declined', CASE WHEN NOT coalesce((SELECT bool_and(x.state = 'DECLINED') FROM bus.line x
                                             WHERE x.thread = r.thread AND x.line_id = r.line_id), false)
                         THEN format('Line %s was asked for already.', r.line_id) END));
END
$$;

-- Who has not brought it may see it: who asked for it, and who reports of the place where it is wanted. A depot may
-- answer requests of everywhere, so that a place in the envelope says nothing. Kept, as in bus.is_place_of.
CREATE FUNCTION bus.sees_line(m bus.said, r bus.request, places text) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
    there text[] := ARRAY(SELECT s FROM unnest(m.places) AS s, unnest(string_to_array(sees_line.places, ' ')) AS t
                           WHERE s <> '' AND t <> '' AND (bus.is_within(s, t) OR bus.is_within(t, s)));
BEGIN
    IF sees_line.places = '' OR m.forced OR r.agency = m.agency AND bus.is_place_of(m, r.places) THEN
        RETURN true;
    ELSIF coalesce(current_setting('bus.rejudging', true), '') <> '' THEN
        RETURN EXISTS (SELECT FROM bus.rested_on x WHERE x.seq = m.seq AND x.what = 'sees' AND x.detail = sees_line.places);
    ELSIF NOT EXISTS (SELECT FROM unnest(there || sees_line.places) AS t WHERE bus.may(m.sender, 'say', 'flash_report', t, 'INTERNAL')) THEN
        RETURN false;
    END IF;
    INSERT INTO bus.rested_on (seq, what, detail) VALUES (m.seq, 'sees', sees_line.places) ON CONFLICT DO NOTHING;
    RETURN true;
END
$$;

-- Fewer than there are, or not all of its stock numbers.
CREATE FUNCTION bus.is_part_of(p bus.line_part, s bus.line) RETURNS bool
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF p.quantity IS NOT NULL AND s.quantity IS NOT NULL THEN
        RETURN p.quantity < s.quantity - s.lost - s.released AND coalesce(lower(p.unit) = lower(s.unit), true);
    END IF;
    RETURN p.items <> '{}' AND s.items <> '{}' AND NOT bus.lower_all(s.items) <@ bus.lower_all(p.items)
           AND coalesce(cardinality(p.items) < s.quantity - s.lost - s.released, true);
END
$$;
CREATE FUNCTION bus.lower_all(items text[]) RETURNS text[] LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(lower(i COLLATE "und-x-icu")) FROM unnest(items) AS i $$;

CREATE FUNCTION bus.not_promised_text(p bus.line_part) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('Its supplier has promised nothing of line %s. It commits (CommitResource), or a person applies this report, and then it is on the board.', p.line_id)
$$;

-- Guards of the strand's cycle that are not met; what is free: bus.items_fail.
CREATE FUNCTION bus.line_fails(m bus.said, r bus.request, s bus.line, p bus.line_part) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    fails jsonb := '{}';
BEGIN
    IF m.type IN (162, 167, 169, 170, 174) AND (r.agency <> m.agency OR NOT bus.is_place_of(m, r.places)) AND NOT bus.cancels_there(m, r.places) THEN
        fails := jsonb_build_object('consumer', format(
            'Line %s was asked for by %s; only the agency that asks, for the place that needs it, requisitions, extends and releases.', p.line_id,
            CASE WHEN r.agency = m.agency THEN 'another place' ELSE 'another agency' END));
    END IF;
    IF m.type = 173 AND NOT coalesce(s.counts, false) THEN
        fails := fails || jsonb_build_object('promised', bus.not_promised_text(p));
    END IF;
    IF s.agency <> m.agency THEN
        fails := fails || '{"supplier": "This part of the line is another supplier''s; answer the request itself to have one of your own."}';
    END IF;
    IF m.type = 173 AND m.sender_id > 0 AND s.agency <> m.agency AND NOT bus.sees_line(m, r, coalesce(r.places, s.places)) THEN
        fails := fails || '{"side": "It is another agency''s thing, and asked for somewhere else; the supplier reports it, or an office of the place that asked."}';
    END IF;
    IF p.quantity = 0 THEN
        fails := fails || '{"some": "Nothing of it is no promise; who has none answers Decline."}';
    END IF;
    IF p.event IN ('RETURN_PART', 'RETURN_DEPART_PART') AND coalesce(p.quantity, cardinality(p.items)) > s.released - s.back THEN
        fails := fails || jsonb_build_object('released', format('Of line %s there are %s released and not home; ReleaseResource says that more of it goes.',
                                                                p.line_id, trim_scale(s.released - s.back)));
    END IF;
    IF r.is_over THEN
        fails := fails || jsonb_build_object('asked', format('The request is %s.', r.state));
    END IF;
    IF s.message_id <> (CASE WHEN p.event LIKE 'TAKE_BACK%' OR p.event LIKE 'UNASK%' OR p.event LIKE 'UNSPEND%' OR p.event IN ('UNSAY', 'CANCEL') THEN (m.body->'recall'->>'recalled_id')::uuid
                             WHEN p.event = 'EXPIRE' THEN m.preceding_id END) THEN
        fails := fails || '{"last": "Something else has moved it since."}';
    END IF;
    RETURN fails;
END
$$;
