-- principals: how they come, change and go. Every change raises bus.principal_version and says so
-- on the channel eocbus_principals; brokers hear it, or see the version within five seconds.

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

-- Enrols a new principal with its first key. not_after null = until revoked.
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
    INSERT INTO bus.principal (name, agency, role, place, not_after)
    VALUES (principal_add.name, coalesce(principal_add.agency, ''), coalesce(principal_add.role, ''),
            coalesce(principal_add.place, ''), principal_add.not_after)
    RETURNING principal.principal_id INTO principal_add.principal_id;
    INSERT INTO bus.principal_key (principal_id, public_key)
    VALUES (principal_add.principal_id, principal_add.public_key);
END
$$;

-- A second key beside the first, so that a device can change keys without a gap.
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

-- Ends a principal and all its keys; true if it was in force. What it said stays in the log.
CREATE FUNCTION bus.principal_revoke(name text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id int4;
BEGIN
    UPDATE bus.principal p SET revoked_at = now()
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

CREATE VIEW bus.principal_list AS
SELECT p.principal_id, p.name, p.agency, p.role, p.place, k.public_key,
       CASE WHEN p.revoked_at IS NOT NULL OR k.revoked_at IS NOT NULL THEN 'revoked'
            WHEN p.not_after <= now() OR k.valid_to <= now() THEN 'expired'
            WHEN k.valid_from > now() THEN 'not yet'
            ELSE 'active' END AS state,
       p.created_at, least(p.not_after, k.valid_to) AS not_after,
       least(p.revoked_at, k.revoked_at) AS revoked_at, p.note
  FROM bus.principal p LEFT JOIN bus.principal_key k USING (principal_id)
 WHERE p.principal_id > 0; -- 0 is the bus itself
COMMENT ON VIEW bus.principal_list IS 'one row per key: who, which key, and whether it opens the door now';

-- What a broker caches: keys that open the door now.
CREATE FUNCTION bus.principals()
RETURNS TABLE (principal_id int4, name text, agency text, role text, place text, public_key bytea,
               not_after timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.principal_id, l.name, l.agency, l.role, l.place, l.public_key, l.not_after
      FROM bus.principal_list l WHERE l.state = 'active' ORDER BY l.principal_id, l.public_key
$$;

GRANT EXECUTE ON FUNCTION bus.principals TO bus_ingest;
GRANT SELECT ON bus.principal_list TO bus_admin;
GRANT EXECUTE ON FUNCTION bus.principal_add, bus.principal_key_add, bus.principal_revoke TO bus_admin;
