-- 0014 enrolment: several roles and places of one principal, the key it signs with, and beside each key
-- the record that two officers signed. The bytes are what brokers and agents believe; the columns are
-- for asking.
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.principal RENAME COLUMN role TO roles;
ALTER TABLE bus.principal RENAME COLUMN place TO places;
ALTER TABLE bus.principal DROP CONSTRAINT principal_place_check;
ALTER TABLE bus.principal
    ADD CONSTRAINT principal_places_check
        CHECK (places ~ '^(([0-9]{7,13}|[A-Z]{2}[0-9]{2,13})( ([0-9]{7,13}|[A-Z]{2}[0-9]{2,13}))*)?$'),
    ADD COLUMN serial int8 NOT NULL DEFAULT 0 CHECK (serial >= 0),
    ADD COLUMN revocation bytea;
COMMENT ON COLUMN bus.principal.roles IS 'names of roles split by blanks';
COMMENT ON COLUMN bus.principal.places IS 'official P-codes it stands for, split by blanks; empty = the whole country';
COMMENT ON COLUMN bus.principal.serial IS 'of the enrolment record that agency, roles and places come from; 0 = there is none';
COMMENT ON COLUMN bus.principal.revocation IS 'OfficerAct of who revoked it; null: nobody signed for that';

ALTER TABLE bus.principal_key
    ADD COLUMN sign_key bytea CHECK (length(sign_key) = 32),
    ADD COLUMN serial int8 NOT NULL DEFAULT 0 CHECK (serial >= 0),
    ADD COLUMN enrolment bytea CHECK (length(enrolment) BETWEEN 1 AND 4000),
    ADD COLUMN revocation bytea,
    ADD CONSTRAINT principal_key_signed CHECK ((serial > 0) = (enrolment IS NOT NULL));
CREATE UNIQUE INDEX principal_key_serial ON bus.principal_key (principal_id, serial) WHERE serial > 0;
CREATE INDEX principal_key_sign ON bus.principal_key (sign_key);
COMMENT ON COLUMN bus.principal_key.sign_key IS 'Ed25519 public key its messages are signed with; null = it speaks unsigned';
COMMENT ON COLUMN bus.principal_key.serial IS 'of the enrolment record; 0 = there is none';
COMMENT ON COLUMN bus.principal_key.enrolment IS 'bytes of the Enrolment (trust.proto), as its officers signed it';
COMMENT ON COLUMN bus.principal_key.revocation IS 'OfficerAct of who revoked this key; null: nobody signed for that';

RESET ROLE;
