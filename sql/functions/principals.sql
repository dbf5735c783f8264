-- principals: how they come, change and go. Every change raises bus.principal_version and says so
-- on the channel eocbus_principals; brokers hear it, or see the version within five seconds.
--
-- Who is vouched for comes with a record that two officers signed (bus.principal_enrol). Nobody here
-- looks at the signatures: a broker that has officers pinned does, and believes the record, not the
-- columns beside it.

CREATE FUNCTION bus.principals_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE bus.principal_version SET version = version + 1;
    PERFORM pg_notify('eocbus_principals', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bus.principal
    FOR EACH STATEMENT EXECUTE FUNCTION bus.principals_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bus.principal_key
    FOR EACH STATEMENT EXECUTE FUNCTION bus.principals_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bus.rule
    FOR EACH STATEMENT EXECUTE FUNCTION bus.principals_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bus.approval_need
    FOR EACH STATEMENT EXECUTE FUNCTION bus.principals_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON bus.agreement
    FOR EACH STATEMENT EXECUTE FUNCTION bus.principals_changed();

-- Enrols a new principal with its first key, on nobody's signature. Several roles and places are split
-- by blanks. not_after null = until revoked.
CREATE FUNCTION bus.principal_add(name text, agency text, role text, place text, public_key bytea,
                                  not_after timestamptz DEFAULT NULL, OUT principal_id int4)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF EXISTS (SELECT FROM bus.principal p WHERE p.name = principal_add.name) THEN
        RAISE EXCEPTION 'principal "%" exists already', principal_add.name
            USING ERRCODE = 'unique_violation',
                  HINT = 'Names are never given twice; choose another, or add a key to this one.';
    END IF;
    IF EXISTS (SELECT FROM bus.principal_key k WHERE k.public_key = principal_add.public_key) THEN
        RAISE EXCEPTION 'this public key belongs to a principal already'
            USING ERRCODE = 'unique_violation', HINT = 'Make a key pair of its own: eocctl keygen.';
    END IF;
    INSERT INTO bus.principal (name, agency, roles, places, not_after)
    VALUES (principal_add.name, coalesce(principal_add.agency, ''), coalesce(principal_add.role, ''),
            coalesce(principal_add.place, ''), principal_add.not_after)
    RETURNING principal.principal_id INTO principal_add.principal_id;
    INSERT INTO bus.principal_key (principal_id, public_key)
    VALUES (principal_add.principal_id, principal_add.public_key);
END
$$;

-- A second key beside the first, so that a device can change keys without a gap; unsigned as well.
CREATE FUNCTION bus.principal_key_add(name text, public_key bytea, valid_to timestamptz DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO bus.principal_key (principal_id, public_key, valid_to)
    SELECT p.principal_id, principal_key_add.public_key, principal_key_add.valid_to
      FROM bus.principal p WHERE p.name = principal_key_add.name AND p.principal_id > 0 AND p.revoked_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no principal "%" in force', principal_key_add.name
            USING ERRCODE = 'no_data_found';
    END IF;
END
$$;

-- The principal that a record is for, made if it is new; locked until the end of the transaction.
CREATE FUNCTION bus.principal_named(named text) RETURNS bus.principal
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who bus.principal;
BEGIN
    INSERT INTO bus.principal (name) VALUES (named) ON CONFLICT (name) DO NOTHING;
    SELECT * INTO who FROM bus.principal p WHERE p.name = named FOR UPDATE;
    IF who.principal_id = 0 THEN
        RAISE EXCEPTION '"%" is the bus itself', named USING ERRCODE = 'unique_violation';
    END IF;
    IF who.revoked_at IS NOT NULL THEN
        RAISE EXCEPTION 'principal "%" was revoked', named
            USING ERRCODE = 'unique_violation', HINT = 'Names are never given twice; choose another.';
    END IF;
    RETURN who;
END
$$;

-- A key of a record may be new, or one that this principal holds already (its time is prolonged, or it
-- was enrolled on nobody's signature).
CREATE FUNCTION bus.principal_key_check(id int4, public_key bytea, sign_key bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM bus.principal_key k
                WHERE k.public_key = principal_key_check.public_key
                  AND (k.principal_id <> id OR k.revoked_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'this public key belongs to another principal, or was revoked'
            USING ERRCODE = 'unique_violation', HINT = 'Make a key pair of its own: eocctl keygen.';
    END IF;
    IF EXISTS (SELECT FROM bus.principal_key k
                WHERE k.sign_key = principal_key_check.sign_key AND k.principal_id <> id) THEN
        RAISE EXCEPTION 'this signing key belongs to another principal'
            USING ERRCODE = 'unique_violation', HINT = 'Make a key pair of its own: eocctl keygen.';
    END IF;
END
$$;

-- Takes a record with its signatures: a new principal, another key of one, or other roles and places
-- with a key it has. `enrolment` is what counts; the rest is what it says, for asking. The serial has to
-- be higher than any before. False: this very record is here already.
CREATE FUNCTION bus.principal_enrol(name text, agency text, roles text, places text, public_key bytea,
                                    sign_key bytea, valid_from timestamptz, not_after timestamptz,
                                    serial int8, enrolment bytea) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who bus.principal;
BEGIN
    IF EXISTS (SELECT FROM bus.principal_key k WHERE k.public_key = principal_enrol.public_key
                  AND k.enrolment = principal_enrol.enrolment AND k.revoked_at IS NULL) THEN
        RETURN false;
    END IF;
    who := bus.principal_named(principal_enrol.name);
    IF coalesce(principal_enrol.serial, 0) <= who.serial THEN
        RAISE EXCEPTION 'serial % of "%" is not above %', principal_enrol.serial, principal_enrol.name, who.serial
            USING ERRCODE = 'invalid_parameter_value', HINT = format('The next record has serial %s.', who.serial + 1);
    END IF;
    PERFORM bus.principal_key_check(who.principal_id, principal_enrol.public_key, principal_enrol.sign_key);
    UPDATE bus.principal p
       SET agency = principal_enrol.agency, roles = principal_enrol.roles, places = principal_enrol.places,
           serial = principal_enrol.serial, not_after = NULL
     WHERE p.principal_id = who.principal_id;
    INSERT INTO bus.principal_key AS k (principal_id, public_key, valid_from, valid_to, sign_key, serial, enrolment)
    VALUES (who.principal_id, principal_enrol.public_key, principal_enrol.valid_from, principal_enrol.not_after,
            principal_enrol.sign_key, principal_enrol.serial, principal_enrol.enrolment)
    ON CONFLICT ON CONSTRAINT principal_key_pkey DO UPDATE
       SET valid_from = least(k.valid_from, excluded.valid_from), valid_to = excluded.valid_to,
           sign_key = excluded.sign_key, serial = excluded.serial, enrolment = excluded.enrolment;
    RETURN true;
END
$$;

-- Ends a principal and all its keys; true if it was in force. What it said stays in the log. `act` is
-- the OfficerAct of who decided it.
CREATE FUNCTION bus.principal_revoke(name text, act bytea DEFAULT NULL) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id int4;
BEGIN
    UPDATE bus.principal p SET revoked_at = now(), revocation = act
     WHERE p.name = principal_revoke.name AND p.principal_id > 0 AND p.revoked_at IS NULL
    RETURNING p.principal_id INTO id;
    IF id IS NULL THEN
        IF NOT EXISTS (SELECT FROM bus.principal p WHERE p.name = principal_revoke.name AND p.principal_id > 0) THEN
            RAISE EXCEPTION 'there is no principal "%"', principal_revoke.name USING ERRCODE = 'no_data_found';
        END IF;
        RETURN false;
    END IF;
    UPDATE bus.principal_key k SET revoked_at = now() WHERE k.principal_id = id AND k.revoked_at IS NULL;
    RETURN true;
END
$$;

-- Ends one key; the principal goes on with its others. True if the key was in force.
CREATE FUNCTION bus.principal_key_revoke(name text, public_key bytea, act bytea DEFAULT NULL) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was timestamptz;
BEGIN
    SELECT k.revoked_at INTO was
      FROM bus.principal_key k JOIN bus.principal p USING (principal_id)
     WHERE p.name = principal_key_revoke.name AND k.public_key = principal_key_revoke.public_key
       FOR UPDATE OF k;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'principal "%" has no such key', principal_key_revoke.name USING ERRCODE = 'no_data_found';
    END IF;
    UPDATE bus.principal_key k SET revoked_at = now(), revocation = act
     WHERE k.public_key = principal_key_revoke.public_key AND was IS NULL;
    RETURN was IS NULL;
END
$$;

CREATE VIEW bus.principal_list AS
SELECT p.principal_id, p.name, p.agency, p.roles, p.places, k.public_key, k.sign_key,
       CASE WHEN p.revoked_at IS NOT NULL OR k.revoked_at IS NOT NULL THEN 'revoked'
            WHEN k.public_key IS NULL THEN 'no key'
            WHEN p.not_after <= now() OR k.valid_to <= now() THEN 'expired'
            WHEN k.valid_from > now() THEN 'not yet'
            ELSE 'active' END AS state,
       p.created_at, k.valid_from, least(p.not_after, k.valid_to) AS not_after,
       least(p.revoked_at, k.revoked_at) AS revoked_at, coalesce(k.serial, 0) AS serial,
       k.enrolment, coalesce(k.revocation, p.revocation) AS revocation, p.note
  FROM bus.principal p LEFT JOIN bus.principal_key k USING (principal_id)
 WHERE p.principal_id > 0; -- 0 is the bus itself
COMMENT ON VIEW bus.principal_list IS 'one row per key: who, which key, whether it opens the door now, until when, and the record that vouches for it';

-- What a broker caches: keys that open the door now. With them (is_shut) those that do not any more and
-- hold the record with the highest serial, which still tells what the others may, and those of whose
-- revocation an officer's word is kept. The first row
-- brings every rule there is, so that both are of one moment.
CREATE FUNCTION bus.principals()
RETURNS TABLE (principal_id int4, name text, agency text, roles text, places text, public_key bytea,
               not_after timestamptz, sign_key bytea, serial int8, enrolment bytea, is_shut bool,
               rules text, revoked_at timestamptz, revocation bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.principal_id, l.name, l.agency, l.roles, l.places, l.public_key, l.not_after,
           l.sign_key, l.serial, l.enrolment, l.state <> 'active',
           CASE WHEN row_number() OVER (ORDER BY l.principal_id, l.public_key) = 1 THEN bus.rules_text() END,
           l.revoked_at, l.revocation
      FROM (SELECT x.*, bool_or(x.state = 'active') OVER who AS is_here,
                   max(x.serial) FILTER (WHERE x.state <> 'not yet') OVER who AS last_serial
              FROM bus.principal_list x WINDOW who AS (PARTITION BY x.principal_id)) AS l
     WHERE l.state = 'active' OR (l.is_here AND l.serial > 0 AND l.serial = l.last_serial)
        OR (l.enrolment IS NOT NULL AND l.state IN ('revoked', 'expired')) -- what it signed before is good
        OR (l.revocation IS NOT NULL AND l.public_key IS NOT NULL)
     ORDER BY l.principal_id, l.public_key
$$;

GRANT EXECUTE ON FUNCTION bus.principals TO bus_ingest;
GRANT SELECT ON bus.principal_list TO bus_admin;
GRANT EXECUTE ON FUNCTION bus.principal_add, bus.principal_key_add, bus.principal_enrol,
    bus.principal_revoke, bus.principal_key_revoke TO bus_admin;
