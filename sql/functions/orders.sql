-- orders: how many persons besides its sender approve what a machine carries out (bus.approval_need), and
-- who may (verb approve of bus.rule). Brokers read both with the other rules; machines hear them from a broker
-- and hold an order against a list of their own as well (proto/wire/approval.h).

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON bus.approval_need
    FOR EACH ROW EXECUTE FUNCTION bus.audit_rule();
CREATE TRIGGER audit_all AFTER TRUNCATE ON bus.approval_need FOR EACH STATEMENT EXECUTE FUNCTION bus.audit_table();

-- How many this order takes; of an action that is not named what stands for the others, and two if nothing does.
CREATE FUNCTION bus.approvers_needed(type text, action text DEFAULT '') RETURNS int4
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT n.approvers FROM bus.approval_need n
                      WHERE n.type = approvers_needed.type AND n.action IN (approvers_needed.action, '*')
                      ORDER BY n.action = '*' LIMIT 1), 2)
$$;

CREATE FUNCTION bus.approvers_set(type text, action text, approvers int4, reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM bus.give_reason(approvers_set.reason);
    INSERT INTO bus.approval_need AS n (type, action, approvers)
    VALUES (approvers_set.type, approvers_set.action, approvers_set.approvers)
        ON CONFLICT (type, action) DO UPDATE SET approvers = excluded.approvers;
END
$$;
-- May this person order (say) or approve that of this machine? Asked of where it is, whatever places the order itself names.
CREATE FUNCTION bus.may_at(person text, verb text, type text, machine text) RETURNS bool
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce((SELECT bus.may(person, verb, type, p.places, 'INTERNAL') FROM bus.principal p
                      WHERE p.name = machine AND p.principal_id > 0)
                    AND (SELECT bus.is_in_force(w) FROM bus.principal w WHERE w.name = person), false);
END
$$;
-- May this sender say so in that person's name? Several desks with one record: each says what its own people approve or turn down.
CREATE FUNCTION bus.speaks_for(sender_id int4, person text, of_type int2, places text) RETURNS bool
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN bus.carried_author(sender_id, person, of_type, places, 2) IS NOT NULL;
END
$$;
-- The keys that this person signs with now, as hexadecimal digits with commas between; '-': none is enrolled.
CREATE FUNCTION bus.sign_keys_of(person text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(string_agg(encode(k.sign_key, 'hex'), ','), '-')
              FROM (SELECT l.sign_key FROM bus.principal_list l
                     WHERE l.name = person AND l.state = 'active' AND l.sign_key IS NOT NULL
                     ORDER BY l.valid_from DESC LIMIT 4) AS k);
END
$$;
-- Does this approval count still? Who gave it may approve, and has a key now that was enrolled by then. What its
-- signature is worth brokers and the machine judge, and refuse an order for one that is worth nothing.
CREATE FUNCTION bus.approval_stands(approval jsonb, type text, machine text) RETURNS bool
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN bus.may_at(approval->>'principal', 'approve', type, machine)
       AND EXISTS (SELECT FROM bus.principal_list l
                    WHERE l.name = approval->>'principal' AND l.state = 'active' AND l.sign_key IS NOT NULL
                      AND l.valid_from <= eoc.at(approval->>'approved_us'));
END
$$;
-- May this person turn this draft of an order down? Who may approve it, and who wrote it. Null: it is none.
CREATE FUNCTION bus.may_answer_order(person text, about uuid) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT d.doc->>'author' IS NOT DISTINCT FROM person OR bus.may_at(person, 'approve', t.name, coalesce(d.doc->t.name->>'site', d.doc->t.name->>'target'))
              FROM bus.document d JOIN bus.type t ON t.number = d.type
             WHERE d.message_id = about AND d.type IN (103, 104, 106) AND d.status IN (3, 4) AND NOT d.doc ? 'preceding_id' ORDER BY d.seq LIMIT 1);
END
$$;
GRANT EXECUTE ON FUNCTION bus.approvers_needed, bus.may_at, bus.speaks_for, bus.sign_keys_of, bus.approval_stands TO bus_reader, bus_admin, bus_audit;
GRANT EXECUTE ON FUNCTION bus.approvers_set TO bus_admin;
