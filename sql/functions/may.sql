-- may: who may say, hear and do what: the one judgement of the database. Brokers compile the same rules
-- (bus.rules_text) and judge alike; tests/integration/rights_test.c holds both against each other.

-- Below a place is what begins with its code; of a region of digits, with its first four.
CREATE FUNCTION bus.is_within(pcode text, place text) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT starts_with(pcode, CASE WHEN place ~ '^[0-9]{4}000$' THEN left(place, 4) ELSE place END) $$;
COMMENT ON FUNCTION bus.is_within IS 'the P-code is the place or lies below it';

CREATE FUNCTION bus.label_rank(label text) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_position(ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'],
                                   regexp_replace(label, '^LABEL_', '')), 4)
$$;
COMMENT ON FUNCTION bus.label_rank IS '1 PUBLIC to 4 HOUSEHOLD_PERSONAL; a word that is not known counts as the last';

-- What both parties say alike, in its highest version; of no more force than its time. Nobody here looks at the
-- signatures under it: a broker that has officers pinned does, and `eocctl audit agreements`. Row level security
-- believes this view.
CREATE VIEW bus.sharing AS
SELECT DISTINCT ON (g.agreement_id) g.agreement_id, g.version, g.giver, g.taker, g.valid_from, g.valid_to, g.terms,
       g.seq AS giver_seq, t.seq AS taker_seq,
       (SELECT m.content FROM bus.message m WHERE m.seq = g.seq AND m.type = 240) AS giver_content,
       (SELECT m.content FROM bus.message m WHERE m.seq = t.seq AND m.type = 240) AS taker_content
  FROM bus.agreement g JOIN bus.agreement t USING (agreement_id, version)
 WHERE g.party = 'giver' AND t.party = 'taker' AND g.terms = t.terms
 ORDER BY g.agreement_id, g.version DESC;
COMMENT ON VIEW bus.sharing IS 'sharing agreements that both parties said alike, in the highest such version';

-- Every rule there is; of agreements one for each type that is given whole. Those have the taker's agency,
-- after an @, in place of a role, and hold for what the giver's principals say.
CREATE VIEW bus.rule_text AS
SELECT r.rule_id, r.role, r.effect, r.verb, r.types, r.places, r.label, '' AS giver, NULL::timestamptz AS valid_from,
       NULL::timestamptz AS valid_to, '' AS agreement
  FROM bus.rule r
UNION ALL
SELECT 0, '@' || s.taker, 'allow', 'hear', g->>'type',
       coalesce((SELECT string_agg(p, ' ') FROM jsonb_array_elements_text(g->'pcodes') AS p), 'any'),
       regexp_replace(g->>'max_label', '^LABEL_', ''), s.giver, s.valid_from, s.valid_to, s.agreement_id::text
  FROM bus.sharing s CROSS JOIN LATERAL jsonb_array_elements(s.terms->'grants') AS g
 WHERE s.valid_to > now() AND coalesce(jsonb_array_length(g->'field_mask'), 0) = 0
   -- Only what brokers can read: one line that they cannot would keep every change of rights from them.
   AND s.giver <> s.taker AND s.giver ~ '^[a-z0-9_-]{1,32}$' AND s.taker ~ '^[a-z0-9_-]{1,32}$'
   AND g->>'type' ~ '^([*]|[a-z_]+([.][*])?)$'
   AND g->>'max_label' ~ '^LABEL_(PUBLIC|INTERNAL|RESTRICTED|HOUSEHOLD_PERSONAL)$'
   AND coalesce((g->>'counts_only')::bool, false) = false;
COMMENT ON VIEW bus.rule_text IS 'all rules, those of sharing agreements too';

-- Both words of each agreement that both said alike, in hexadecimal; "-": it is not in the log.
CREATE FUNCTION bus.shares_text() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT string_agg(format('0 %s allow share %s %s RESTRICTED - 0 0', s.agreement_id,
                                     coalesce(encode(bus.pb_get(s.giver_content, 240), 'hex'), '-'),
                                     coalesce(encode(bus.pb_get(s.taker_content, 240), 'hex'), '-')),
                              E'\n' ORDER BY s.agreement_id)
              FROM bus.sharing s WHERE s.valid_to > now());
END
$$;

-- What brokers read: one line a rule, and in the same ten words how many approve an order to a machine, and what
-- agencies share: of that each party's own words, since a broker looks at the signatures before any rule follows.
CREATE FUNCTION bus.rules_text() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws(E'\n', x.rules, x.needs, x.shares)
      FROM (SELECT
        (SELECT string_agg(concat_ws(' ', r.rule_id, r.role, r.effect, r.verb, replace(r.types, ' ', ','),
                                     replace(r.places, ' ', ','), r.label,
                                     coalesce(nullif(r.giver, ''), '-'),
                                     coalesce((extract(epoch FROM r.valid_from) * 1000000)::int8, 0),
                                     coalesce((extract(epoch FROM r.valid_to) * 1000000)::int8, 0)),
                           E'\n' ORDER BY r.role, r.rule_id, r.types)
           FROM bus.rule_text r WHERE r.agreement = '') AS rules,
        (SELECT string_agg(format('0 %s allow need %s:%s any RESTRICTED - 0 0', n.approvers, n.type, n.action),
                           E'\n' ORDER BY n.type, n.action)
           FROM bus.approval_need n) AS needs,
        bus.shares_text() AS shares) AS x
$$;

CREATE FUNCTION bus.roles_of(p bus.principal) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY['everyone', '@' || coalesce(nullif(p.agency, ''), split_part(p.name, '.', 1))]
           || string_to_array(p.roles, ' ')
$$;
CREATE FUNCTION bus.places_of(p bus.principal) RETURNS text[] LANGUAGE sql STABLE AS
$$ SELECT string_to_array(p.places, ' ') $$;

-- Does this rule speak of this message? `reach`: names of those it is for, split by blanks. An allow wants
-- every place of what is said within, a deny any; heard is what has any place within.
CREATE FUNCTION bus.rule_matches(r bus.rule_text, p bus.principal, type text, places text, label text, sender text,
                                 reach text, at timestamptz) RETURNS bool
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    family text := (SELECT t.family FROM bus.type t WHERE t.name = rule_matches.type);
    at_places text[] := array_remove(string_to_array(coalesce(rule_matches.places, ''), ' '), '');
    within text[];
    is_all bool;
BEGIN
    IF NOT string_to_array(r.types, ' ') && ARRAY['*', rule_matches.type, family || '.*'] THEN
        RETURN false;
    END IF;
    IF (CASE WHEN r.effect = 'allow' THEN bus.label_rank(rule_matches.label) > bus.label_rank(r.label)
             ELSE bus.label_rank(rule_matches.label) < bus.label_rank(r.label) END) THEN
        RETURN false;
    END IF;
    IF r.giver <> '' AND (split_part(coalesce(sender, ''), '.', 1) <> r.giver
                          OR rule_matches.at < r.valid_from OR rule_matches.at >= r.valid_to) THEN
        RETURN false;
    END IF;
    IF r.places = 'to_me' THEN
        RETURN p.name = ANY (string_to_array(coalesce(reach, ''), ' '));
    END IF;
    within := CASE r.places WHEN 'any' THEN '{}'::text[] WHEN 'own' THEN bus.places_of(p)
                            ELSE string_to_array(r.places, ' ') END;
    IF cardinality(within) = 0 THEN
        RETURN true; -- anywhere: the whole country
    END IF;
    IF cardinality(at_places) = 0 THEN
        RETURN false;
    END IF;
    is_all := r.effect = 'allow' AND r.verb <> 'hear';
    RETURN (SELECT CASE WHEN is_all THEN bool_and(x.is_in) ELSE bool_or(x.is_in) END
              FROM (SELECT EXISTS (SELECT FROM unnest(within) AS w WHERE bus.is_within(q, w)) AS is_in
                      FROM unnest(at_places) AS q) AS x);
END
$$;

-- The rules that speak of it.
CREATE FUNCTION bus.why(principal text, verb text, type text, places text DEFAULT '', label text DEFAULT 'INTERNAL',
                        sender text DEFAULT '', reach text DEFAULT '', at timestamptz DEFAULT now())
RETURNS SETOF bus.rule_text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT r.* FROM bus.principal p JOIN bus.rule_text r ON r.role = ANY (bus.roles_of(p))
     WHERE p.name = why.principal AND p.principal_id > 0 AND r.verb = why.verb
       AND bus.rule_matches(r, p, why.type, why.places, why.label, why.sender, why.reach, why.at)
     ORDER BY r.effect DESC, r.rule_id, r.agreement;
END
$$;

-- Allowed is what some allow matches and no deny does. Saying it as FLASH wants the right to say it too; so
-- does carrying, of its sender.
CREATE FUNCTION bus.may(principal text, verb text, type text, places text DEFAULT '', label text DEFAULT 'INTERNAL',
                        sender text DEFAULT '', reach text DEFAULT '', at timestamptz DEFAULT now()) RETURNS bool
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(bool_and(w.effect = 'allow'), false)
              FROM bus.why(may.principal, may.verb, may.type, may.places, may.label, may.sender, may.reach, may.at) AS w);
END
$$;
COMMENT ON FUNCTION bus.may IS 'may this principal (say, hear, flash, carry, open, enrol, operate, approve) this? places and reach split by blanks';

-- A message sharing_agreement: the word of one of its parties, for itself alone.
CREATE FUNCTION bus.agreement_said(number int8, from_id int4, body jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own text := (SELECT coalesce(nullif(p.agency, ''), split_part(p.name, '.', 1)) FROM bus.principal p
                  WHERE p.principal_id = from_id);
BEGIN
    INSERT INTO bus.agreement (agreement_id, version, party, seq, said_by, giver, taker, valid_from, valid_to, terms)
    SELECT (body->>'agreement_id')::uuid, (body->>'version')::int4, x.party, number, from_id, body->>'giver',
           body->>'taker', eoc.at(body->>'valid_from_us'), eoc.at(body->>'valid_to_us'), body - 'signatures'
      FROM (VALUES ('giver', body->>'giver'), ('taker', body->>'taker')) AS x(party, agency)
     WHERE x.agency = own
        ON CONFLICT (agreement_id, version, party) DO UPDATE
       SET seq = excluded.seq, said_by = excluded.said_by, giver = excluded.giver, taker = excluded.taker,
           valid_from = excluded.valid_from, valid_to = excluded.valid_to, terms = excluded.terms;
END
$$;

-- --- changed by people -----------------------------------------------------------------------------------

-- Why the rest of this transaction changes rights; the audit events of the changes say it.
CREATE FUNCTION bus.give_reason(reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce(btrim(reason), '') = '' THEN
        RAISE EXCEPTION 'a change of rights needs a reason' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM set_config('eocbus.reason', reason, true);
END
$$;

-- Whoever changes a rule, with these functions or without, leaves an event.
CREATE FUNCTION bus.audit_rule() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) ELSE '{}' END;
    is_now jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) ELSE '{}' END;
BEGIN
    PERFORM bus.say_audit(
        TG_TABLE_NAME || CASE TG_OP WHEN 'INSERT' THEN '_added' WHEN 'UPDATE' THEN '_changed' ELSE '_removed' END,
        coalesce(is_now->>'rule_id', was->>'rule_id', is_now->>'role', was->>'role', is_now->>'type', was->>'type'),
        CASE WHEN TG_OP = 'INSERT' THEN '' ELSE was::text END, CASE WHEN TG_OP = 'DELETE' THEN '' ELSE is_now::text END,
        coalesce(current_setting('eocbus.reason', true), ''));
    RETURN NULL;
END
$$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON bus.rule FOR EACH ROW EXECUTE FUNCTION bus.audit_rule();
CREATE TRIGGER audit_all AFTER TRUNCATE ON bus.rule FOR EACH STATEMENT EXECUTE FUNCTION bus.audit_table();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON bus.role FOR EACH ROW EXECUTE FUNCTION bus.audit_rule();
CREATE TRIGGER audit_all AFTER TRUNCATE ON bus.role FOR EACH STATEMENT EXECUTE FUNCTION bus.audit_table();

CREATE FUNCTION bus.role_add(role text, note text, reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.give_reason(role_add.reason);
    INSERT INTO bus.role VALUES (role_add.role, coalesce(role_add.note, ''));
END
$$;

CREATE FUNCTION bus.rule_add(role text, effect text, verb text, types text, places text, label text, note text,
                             reason text, OUT rule_id int4)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    unknown text;
BEGIN
    PERFORM bus.give_reason(rule_add.reason);
    IF NOT EXISTS (SELECT FROM bus.role x WHERE x.role = rule_add.role) THEN
        RAISE EXCEPTION 'there is no role "%"', rule_add.role USING ERRCODE = 'no_data_found';
    END IF;
    SELECT w INTO unknown FROM unnest(string_to_array(rule_add.types, ' ')) AS w
     WHERE w <> '*' AND NOT EXISTS (SELECT FROM bus.type t WHERE w IN (t.name, t.family || '.*')) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'there is no type of message "%"', unknown USING ERRCODE = 'no_data_found',
            HINT = 'A name such as flash_report, a family such as report.*, or *.';
    END IF;
    INSERT INTO bus.rule (role, effect, verb, types, places, label, note)
    VALUES (rule_add.role, rule_add.effect, rule_add.verb, rule_add.types, rule_add.places, rule_add.label,
            coalesce(rule_add.note, ''))
    RETURNING rule.rule_id INTO rule_add.rule_id;
END
$$;

CREATE FUNCTION bus.rule_remove(rule_id int4, reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.give_reason(rule_remove.reason);
    DELETE FROM bus.rule r WHERE r.rule_id = rule_remove.rule_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no rule %', rule_remove.rule_id USING ERRCODE = 'no_data_found';
    END IF;
END
$$;

-- Principals with a role that nobody has defined, or with `all`: for eocctl status.
CREATE VIEW bus.role_trouble AS
SELECT p.name, w.role, CASE WHEN w.role = 'all' THEN 'has every right until somebody gives it its role'
                            WHEN w.role IS NULL THEN 'has no role'
                            ELSE 'there is no such role' END AS why
  FROM bus.principal p LEFT JOIN LATERAL unnest((bus.roles_of(p))[3:]) AS w(role) ON true
 WHERE p.principal_id > 0 AND p.revoked_at IS NULL
   AND (w.role IS NULL OR w.role = 'all' OR NOT EXISTS (SELECT FROM bus.role r WHERE r.role = w.role));
COMMENT ON VIEW bus.role_trouble IS 'principals in force whose roles want looking at';

GRANT SELECT ON bus.rule_text, bus.sharing, bus.role_trouble TO bus_admin;
GRANT EXECUTE ON FUNCTION bus.is_within, bus.label_rank, bus.why, bus.may, bus.roles_of, bus.places_of
    TO bus_admin, bus_audit;
GRANT EXECUTE ON FUNCTION bus.may TO bus_console; -- a page asks whether its person may, before it says something
GRANT EXECUTE ON FUNCTION bus.role_add, bus.rule_add, bus.rule_remove TO bus_admin;

-- Explained ------------------------------------------------------------------------------------------------

CREATE FUNCTION bus.rule_words(r bus.rule_text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('%s (%s: %s %s %s, %s %s)',
                  CASE WHEN r.rule_id > 0 THEN 'rule ' || r.rule_id ELSE 'sharing agreement ' || r.agreement END,
                  CASE WHEN r.rule_id > 0 THEN r.role ELSE format('%s gives %s', r.giver, substr(r.role, 2)) END,
                  r.verb, r.types,
                  CASE r.places WHEN 'any' THEN 'anywhere' WHEN 'own' THEN 'in its own places' WHEN 'to_me' THEN 'if it is for it'
                                ELSE 'in ' || r.places END,
                  CASE r.effect WHEN 'allow' THEN 'up to' ELSE 'from' END, r.label)
$$;

-- One paragraph: may it, and by which rules; if not, which of its rules speak of the type at all.
CREATE FUNCTION bus.why_text(principal text, verb text, type text, places text, label text, sender text, reach text)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p bus.principal;
    denies text;
    allows text;
    near text;
    what text := format('%s at %s labelled %s%s%s', type, coalesce(nullif(places, ''), 'no place'),
                        regexp_replace(label, '^LABEL_', ''), coalesce(' from ' || nullif(sender, ''), ''),
                        coalesce(' for ' || nullif(reach, ''), ''));
BEGIN
    SELECT * INTO p FROM bus.principal x WHERE x.name = principal AND x.principal_id > 0;
    IF p.principal_id IS NULL THEN
        RETURN format('There is no principal %s.', principal);
    END IF;
    IF NOT EXISTS (SELECT FROM bus.type t WHERE t.name = type) THEN
        RETURN format('There is no type of message %s.', type);
    END IF;
    SELECT string_agg(bus.rule_words(w), ', ') FILTER (WHERE w.effect = 'deny'),
           string_agg(bus.rule_words(w), ', ') FILTER (WHERE w.effect = 'allow')
      INTO denies, allows
      FROM bus.why(principal, verb, type, places, label, sender, reach) AS w;
    SELECT string_agg(bus.rule_words(r), ', ') INTO near
      FROM bus.rule_text r
     WHERE r.role = ANY (bus.roles_of(p)) AND r.verb = why_text.verb AND r.effect = 'allow'
       AND string_to_array(r.types, ' ')
           && ARRAY['*', type, (SELECT t.family || '.*' FROM bus.type t WHERE t.name = type)];
    RETURN format('%s%s (roles %s; places %s) may%s %s %s: %s',
                  CASE WHEN p.revoked_at IS NOT NULL
                       THEN p.name || ' is revoked, so it hears and says nothing in any case. By its roles alone, '
                       WHEN p.not_after <= now()
                       THEN 'The time of ' || p.name || ' is over, so it hears and says nothing in any case. By its roles alone, '
                       ELSE '' END,
                  p.name, coalesce(nullif(p.roles, ''), 'none'),
                  coalesce(nullif(p.places, ''), 'the whole country'),
                  CASE WHEN denies IS NULL AND allows IS NOT NULL THEN '' ELSE ' not' END, verb, what,
                  CASE WHEN denies IS NOT NULL AND allows IS NOT NULL
                       THEN format('it is denied by %s, and a denial wins over %s.', denies, allows)
                       WHEN denies IS NOT NULL THEN format('it is denied by %s, and no rule allows it.', denies)
                       WHEN allows IS NOT NULL THEN format('it is allowed by %s, and denied by none.', allows)
                       WHEN near IS NOT NULL THEN format('of the rules that speak of this type none fits: %s.', near)
                       ELSE 'no rule of its roles speaks of this type.' END);
END
$$;

-- The same of a message in the log: may this principal hear it, and could its sender say it today?
CREATE FUNCTION bus.why_number(principal text, number int8) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    m record;
BEGIN
    SELECT x.places, x.lane, t.name AS type, s.name AS sender,
           (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])
               [CASE WHEN x.sender_id = 0 THEN 2 ELSE coalesce(nullif(x.marks >> 4, 0), 4) END] AS label,
           (SELECT string_agg(DISTINCT q.name, ' ') FROM bus.recipient_reach r JOIN bus.principal q USING (principal_id)
             WHERE r.seq = why_number.number) AS reach
      INTO m
      FROM bus.message x JOIN bus.type t ON t.number = x.type JOIN bus.principal s ON s.principal_id = x.sender_id
     WHERE x.seq = why_number.number;
    IF m.type IS NULL THEN
        RETURN format('There is no message %s in the log.', why_number.number);
    END IF;
    RETURN bus.why_text(principal,
                        CASE WHEN m.sender <> principal THEN 'hear' WHEN m.lane = 1 THEN 'flash' ELSE 'say' END,
                        m.type, m.places, m.label, m.sender, coalesce(m.reach, ''));
END
$$;
GRANT EXECUTE ON FUNCTION bus.rule_words, bus.why_text, bus.why_number TO bus_admin, bus_audit;
