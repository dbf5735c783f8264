-- audit: what an inquiry may ask about becomes a message of the log, and with it part of the chain.
--
--   change of a right ─▶ trigger ─▶ bus.audit_pending ─▶ bus.tick ─▶ audit_event, a message of the bus
--
-- The event commits with what it tells of: there is no change without its event. Secrets and names of
-- families never stand in one.

-- At most `most` bytes of a text, never a part of a character.
CREATE FUNCTION bus.cut(t text, most int4) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN octet_length(t) <= most THEN coalesce(t, '') ELSE left(t, most / 4 - 3) || '...' END
$$;

-- Records an event: a stable word (PROTOCOL.md, "The record"), what it happened to, how that was before and
-- is now, why, and the message it is about. Who did it is the session's login, with which program its
-- application_name; `for_whom`: the principal a broker speaks for.
CREATE FUNCTION bus.say_audit(what text, subject text, before text DEFAULT '', after text DEFAULT '',
                              because text DEFAULT '', about uuid DEFAULT NULL, times int8 DEFAULT 1,
                              for_whom text DEFAULT NULL) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO bus.audit_pending (what, subject, who, via, before, after, because, message_id, times)
    VALUES (what, bus.cut(subject, 200), bus.cut(concat_ws(' for ', session_user, for_whom), 140),
            bus.cut(current_setting('application_name'), 120), bus.cut(before, 2000), bus.cut(after, 2000),
            bus.cut(because, 500), about, times)
$$;
GRANT EXECUTE ON FUNCTION bus.say_audit TO bus_ingest, bus_admin;

-- Who signed for what is in this row now and was not before: of a revocation its officer, of a record its two,
-- by the names that stand beside the signatures; null: nobody. Whoever has the officers' keys verifies them
-- (`eocctl principal list`); here they say whom to ask.
CREATE FUNCTION bus.officers_of(was jsonb, is_now jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    act bytea := (is_now->>'revocation')::bytea;
    record bytea := (is_now->>'enrolment')::bytea;
BEGIN
    IF is_now->>'revoked_at' IS NOT NULL AND was->>'revoked_at' IS NULL THEN
        -- A key that ends with its principal ends by the principal's.
        act := coalesce(act, (SELECT p.revocation FROM bus.principal p
                               WHERE p.principal_id = (is_now->>'principal_id')::int4));
        RETURN convert_from(bus.pb_get(bus.pb_get(act, 2), 1), 'UTF8');
    ELSIF record IS NOT NULL AND record IS DISTINCT FROM (was->>'enrolment')::bytea THEN
        RETURN (SELECT string_agg(convert_from(bus.pb_get(s, 1), 'UTF8'), ' and ')
                  FROM unnest(bus.pb_all(record, 2)) AS s);
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN 'nobody that can be read';
END
$$;

-- Row trigger for tables of rights: arguments are the word without its end (_added, _changed, _removed) and
-- the column that names the row. Of a change only the columns that changed are told; of bytes and
-- long texts, the beginning.
CREATE FUNCTION bus.audit_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) ELSE '{}' END;
    is_now jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) ELSE '{}' END;
    named text := coalesce(is_now->>TG_ARGV[1], was->>TG_ARGV[1], '');
BEGIN
    IF TG_ARGV[1] = 'principal_id' THEN
        named := coalesce((SELECT p.name FROM bus.principal p WHERE p.principal_id = named::int4), named);
    END IF;
    PERFORM bus.say_audit(
        TG_ARGV[0] || CASE TG_OP WHEN 'INSERT' THEN '_added' WHEN 'UPDATE' THEN '_changed' ELSE '_removed' END, named,
        bus.audit_columns(was, is_now), bus.audit_columns(is_now, was), '', NULL, 1, bus.officers_of(was, is_now));
    RETURN NULL;
END
$$;
CREATE FUNCTION bus.audit_columns(of_row jsonb, other jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(c.key, CASE WHEN length(c.value #>> '{}') > 100
                                                 THEN to_jsonb(left(c.value #>> '{}', 97) || '...')
                                                 ELSE c.value END)::text, '')
      FROM jsonb_each(of_row) AS c WHERE other->c.key IS DISTINCT FROM c.value AND c.value <> 'null'
$$;
-- Statement trigger, for what has no row to tell of.
CREATE FUNCTION bus.audit_table() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.say_audit('table_emptied', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME);
    RETURN NULL;
END
$$;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON bus.principal
    FOR EACH ROW EXECUTE FUNCTION bus.audit_row('principal', 'name');
CREATE TRIGGER audit_all AFTER TRUNCATE ON bus.principal FOR EACH STATEMENT EXECUTE FUNCTION bus.audit_table();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON bus.principal_key
    FOR EACH ROW EXECUTE FUNCTION bus.audit_row('key', 'principal_id');
CREATE TRIGGER audit_all AFTER TRUNCATE ON bus.principal_key FOR EACH STATEMENT EXECUTE FUNCTION bus.audit_table();

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON bus.reader
    FOR EACH ROW EXECUTE FUNCTION bus.audit_row('reader', 'login');

-- Another epoch: the log lost something, or somebody says so.
CREATE FUNCTION bus.audit_epoch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.say_audit('epoch_raised', NEW.log_epoch::text, '', format('{"head_then": %s}', NEW.head_then),
                          NEW.because);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit AFTER INSERT ON bus.epoch FOR EACH ROW EXECUTE FUNCTION bus.audit_epoch();

-- Refused messages are looked at, and thrown away at last; who did, stands in the log.
CREATE FUNCTION bus.audit_quarantine() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    n int8 := (SELECT count(*) FROM gone);
BEGIN
    IF n > 0 THEN
        PERFORM bus.say_audit('quarantine_dropped', 'bus.quarantine',
                              (SELECT format('{"from": "%s", "to": "%s"}', min(received_at), max(received_at)) FROM gone),
                              '', '', NULL, n);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit AFTER DELETE ON bus.quarantine REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bus.audit_quarantine();
CREATE TRIGGER audit_all AFTER TRUNCATE ON bus.quarantine FOR EACH STATEMENT EXECUTE FUNCTION bus.audit_table();

-- A broker says with which settings it runs, at each start and after each reload: text, a line each with name,
-- default and value, split by tabs. What is not as it was said last is an event; of a broker that is new, and of
-- settings that are new, what is not as by default.
CREATE FUNCTION bus.say_settings(broker_name text, settings text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM bus.broker_setting b
     WHERE b.broker = broker_name
       AND b.name NOT IN (SELECT split_part(line, E'\t', 1) FROM string_to_table(settings, E'\n') AS line);
    INSERT INTO bus.broker_setting AS b (broker, name, deflt, value)
    SELECT broker_name, split_part(line, E'\t', 1), split_part(line, E'\t', 2), split_part(line, E'\t', 3)
      FROM string_to_table(settings, E'\n') AS line WHERE line <> ''
        ON CONFLICT (broker, name) DO UPDATE SET deflt = excluded.deflt, value = excluded.value
     WHERE b.value <> excluded.value;
END
$$;
GRANT EXECUTE ON FUNCTION bus.say_settings TO bus_ingest;

CREATE FUNCTION bus.audit_setting() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM bus.say_audit('setting_removed', OLD.name, OLD.value, for_whom => OLD.broker);
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM bus.say_audit('setting_changed', NEW.name, OLD.value, NEW.value, for_whom => NEW.broker);
    ELSIF NEW.value <> NEW.deflt THEN
        PERFORM bus.say_audit('setting_changed', NEW.name, NEW.deflt, NEW.value, for_whom => NEW.broker);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON bus.broker_setting
    FOR EACH ROW EXECUTE FUNCTION bus.audit_setting();

-- Says one event; the caller holds the lock of the head.
CREATE FUNCTION bus.say_event(e bus.audit_pending) RETURNS int8
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN bus.say(
        4::int2, 3::int2, 1, 243::int2, NULL, NULL,
        bus.pb_text(1, e.what) || bus.pb_text(2, e.subject) || bus.pb_text(3, e.who) || bus.pb_text(4, e.via)
            || bus.pb_text(5, e.before) || bus.pb_text(6, e.after) || bus.pb_text(7, e.because)
            || bus.pb_bytes(8, uuid_send(e.message_id)) || bus.pb_number(9, e.times),
        jsonb_build_object('audit_event', jsonb_strip_nulls(jsonb_build_object(
            'what', e.what, 'subject', nullif(e.subject, ''), 'by', nullif(e.who, ''), 'via', nullif(e.via, ''),
            'before', nullif(e.before, ''), 'after', nullif(e.after, ''), 'because', nullif(e.because, ''),
            'message_id', e.message_id, 'times', e.times::text))),
        3, e.at);
END
$$;

-- Says what waits, at most `most` of them; answers how many. The caller holds the lock of the head.
CREATE FUNCTION bus.say_events(most int4) RETURNS int4
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e bus.audit_pending;
    said int4 := 0;
BEGIN
    FOR e IN SELECT * FROM bus.audit_pending a ORDER BY a.audit_id LIMIT most LOOP
        PERFORM bus.say_event(e);
        DELETE FROM bus.audit_pending a WHERE a.audit_id = e.audit_id;
        said := said + 1;
    END LOOP;
    RETURN said;
END
$$;
