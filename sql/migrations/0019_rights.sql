-- 0019 rights: roles, the rules that hang on them, and sharing agreements.
--
-- Who is in here already may go on as before: role `all`, until somebody gives it the role it has.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.role (
    role text PRIMARY KEY CHECK (role ~ '^[a-z0-9_-]{1,32}$'),
    note text NOT NULL DEFAULT ''
);
COMMENT ON TABLE bus.role IS 'names that rules hang on; `everyone` is what every principal has besides its own';

CREATE TABLE bus.rule (
    rule_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role    text NOT NULL REFERENCES bus.role,
    effect  text NOT NULL DEFAULT 'allow' CHECK (effect IN ('allow', 'deny')),
    verb    text NOT NULL CHECK (verb IN ('say', 'hear', 'flash', 'carry', 'open', 'enrol', 'operate')),
    types   text NOT NULL DEFAULT '*' CHECK (types ~ '^([*]|[a-z_]+([.][*])?)( ([*]|[a-z_]+([.][*])?))*$'),
    places  text NOT NULL DEFAULT 'any'
            CHECK (places ~ '^(any|own|to_me|(([0-9]{7,13}|[A-Z]{2}[0-9]{2,13})( ([0-9]{7,13}|[A-Z]{2}[0-9]{2,13}))*))$'),
    label   text NOT NULL DEFAULT 'RESTRICTED'
            CHECK (label IN ('PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL')),
    note    text NOT NULL DEFAULT '',
    CHECK (places <> 'to_me' OR verb = 'hear')
);
COMMENT ON TABLE bus.rule IS 'who may do what: allowed is what some allow matches and no deny does';
COMMENT ON COLUMN bus.rule.verb IS 'say, hear, flash: say it as FLASH, carry: say what others signed, open: read identities, enrol, operate';
COMMENT ON COLUMN bus.rule.types IS 'names of types, family.* or *, split by blanks';
COMMENT ON COLUMN bus.rule.places IS 'any; own: the principal''s places and below; to_me: what is for it; or P-codes and below';
COMMENT ON COLUMN bus.rule.label IS 'allow: the most confidential label; deny: the least confidential one';
CREATE INDEX rule_role ON bus.rule (role);

-- A party's word on an agreement, as it said it last. What both say alike holds.
CREATE TABLE bus.agreement (
    agreement_id uuid NOT NULL,
    version      int4 NOT NULL,
    party        text NOT NULL CHECK (party IN ('giver', 'taker')),
    seq          int8 NOT NULL,
    said_by      int4 NOT NULL,
    giver        text NOT NULL,
    taker        text NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_to     timestamptz NOT NULL,
    terms        jsonb NOT NULL,
    PRIMARY KEY (agreement_id, version, party)
);
COMMENT ON TABLE bus.agreement IS 'sharing agreements as each party said them; bus.sharing is what holds';
COMMENT ON COLUMN bus.agreement.terms IS 'the body of sharing_agreement without its signatures';

GRANT SELECT ON bus.role, bus.rule, bus.agreement TO bus_admin;

INSERT INTO bus.role VALUES
    ('everyone', 'what every principal may: answers, its own receipts, public alerts, keys that are not believed any more'),
    ('gateway', 'a station: readings and alarms of its own place'),
    ('district', 'a district office: reports, requests and warnings of its own place'),
    ('registry', 'a relocation registry: households of its own place, plots and offers'),
    ('caseworker', 'an official who may know the households of his own place'),
    ('supplier', 'a depot: answers requests wherever they come from'),
    ('dispatcher', 'who is on duty at a hub: incidents, alerts and resources of its own place'),
    ('eoc', 'the emergency operations centre: the same of the whole country, and the network itself'),
    ('ministry', 'counts and public things only, and what is written to it'),
    ('partner', 'an agency or team beside the state: what concerns its own place, and relief'),
    ('counter', 'makes counts out of household messages'),
    ('carrier', 'a bridge, a radio operator, a stick: hands on what others signed'),
    ('operator', 'keeps brokers and gateways running'),
    ('officer', 'enrols principals, signs agreements and revocations'),
    ('auditor', 'hears everything but households, says nothing but its log'),
    ('witness', 'hears everything and says nothing: exercises and measuring'),
    ('broker', 'a broker in its own name: heads of the log'),
    ('all', 'tests and first steps: everything but to carry and to enrol');

INSERT INTO bus.rule (role, effect, verb, types, places, label, note) VALUES
    ('everyone', 'allow', 'say', 'receipt thinned audit_event', 'any', 'HOUSEHOLD_PERSONAL', 'answers, and what an outbox says of itself'),
    ('everyone', 'deny', 'say', 'withdrawn', 'any', 'PUBLIC', 'only the bus withdraws'),
    ('everyone', 'allow', 'hear', 'receipt', 'to_me', 'HOUSEHOLD_PERSONAL', 'what became of its own messages'),
    ('everyone', 'allow', 'hear', 'public_alert gazetteer_update', 'any', 'PUBLIC', ''),
    ('everyone', 'allow', 'hear', 'key_revocation deny_list log_head', 'any', 'INTERNAL', 'what readers check others by'),

    ('gateway', 'allow', 'say', 'observation_batch sensor_detection sensor_status sensor_registry sensor_configuration siren_report compact_flash', 'own', 'INTERNAL', ''),
    ('gateway', 'allow', 'flash', 'sensor_detection compact_flash', 'own', 'INTERNAL', ''),
    ('gateway', 'allow', 'hear', 'sensor_configuration sensor_control siren_command public_alert', 'own', 'RESTRICTED', 'its commands'),
    ('gateway', 'allow', 'hear', 'sensor_configuration sensor_control siren_command general_message', 'to_me', 'RESTRICTED', ''),

    ('district', 'allow', 'say', 'report.* resource.* facility_status activity_log_entry duty_roster incident_transition siren_command siren_report escalation_event blob_chunk', 'own', 'RESTRICTED', ''),
    ('district', 'allow', 'say', 'general_message', 'any', 'RESTRICTED', ''),
    ('district', 'allow', 'say', 'offer_unsolicited_resource response_to_request_resource commit_resource response_to_request_information response_to_request_return response_to_request_quote report_resource_deployment_status request_return response_to_request_extended_deployment_duration', 'any', 'RESTRICTED', 'help for others'),
    ('district', 'allow', 'flash', 'flash_report general_message siren_command', 'own', 'RESTRICTED', ''),
    ('district', 'allow', 'hear', 'sensor.* report.* incident.* resource.* alert.* office.* blob_chunk', 'own', 'RESTRICTED', ''),
    ('district', 'allow', 'hear', 'public_alert escalation_event', 'any', 'RESTRICTED', 'what is said to the region or to everybody'),
    ('district', 'allow', 'hear', '*', 'to_me', 'RESTRICTED', ''),
    ('district', 'allow', 'hear', 'household_counts plot_site', 'own', 'INTERNAL', ''),
    ('district', 'allow', 'hear', 'gazetteer_update', 'any', 'INTERNAL', ''),

    ('registry', 'allow', 'say', 'relocation.* blob_chunk facility_status activity_log_entry', 'own', 'HOUSEHOLD_PERSONAL', ''),
    ('registry', 'allow', 'say', 'plot_offer offer_response move_event', 'any', 'HOUSEHOLD_PERSONAL', 'a move has two ends'),
    ('registry', 'allow', 'say', 'general_message', 'any', 'HOUSEHOLD_PERSONAL', ''),
    ('registry', 'allow', 'say', 'gazetteer_update', 'any', 'INTERNAL', ''),
    ('registry', 'allow', 'hear', 'relocation.* blob_chunk', 'own', 'HOUSEHOLD_PERSONAL', ''),
    ('registry', 'allow', 'hear', 'report.* incident.* office.* alert.*', 'own', 'RESTRICTED', ''),
    ('registry', 'allow', 'hear', 'plot_site', 'any', 'INTERNAL', 'where there is land'),
    ('registry', 'allow', 'hear', '*', 'to_me', 'HOUSEHOLD_PERSONAL', ''),
    ('registry', 'allow', 'hear', 'gazetteer_update', 'any', 'INTERNAL', ''),
    ('registry', 'allow', 'open', 'household_identity', 'own', 'HOUSEHOLD_PERSONAL', ''),

    ('caseworker', 'allow', 'hear', 'relocation.*', 'own', 'HOUSEHOLD_PERSONAL', ''),
    ('caseworker', 'allow', 'hear', '*', 'to_me', 'HOUSEHOLD_PERSONAL', ''),
    ('caseworker', 'allow', 'say', 'assistance_delivery household_event', 'own', 'HOUSEHOLD_PERSONAL', ''),
    ('caseworker', 'allow', 'open', 'household_identity', 'own', 'HOUSEHOLD_PERSONAL', ''),

    ('supplier', 'allow', 'say', 'resource.* general_message', 'any', 'RESTRICTED', ''),
    ('supplier', 'allow', 'say', 'facility_status activity_log_entry resource_totals blob_chunk', 'own', 'RESTRICTED', ''),
    ('supplier', 'allow', 'hear', 'resource.* public_alert', 'any', 'RESTRICTED', ''),
    ('supplier', 'allow', 'hear', 'incident.* situation_report resource_totals facility_status gazetteer_update', 'any', 'INTERNAL', ''),
    ('supplier', 'allow', 'hear', '*', 'to_me', 'RESTRICTED', ''),

    ('dispatcher', 'allow', 'say', 'incident.* alert.* office.* resource.* flash_report situation_report siren_command sensor_control sensor_configuration', 'own', 'RESTRICTED', ''),
    ('dispatcher', 'allow', 'say', 'general_message', 'any', 'RESTRICTED', ''),
    ('dispatcher', 'allow', 'flash', 'public_alert siren_command flash_report general_message', 'own', 'RESTRICTED', ''),
    ('dispatcher', 'allow', 'hear', 'sensor.* report.* incident.* resource.* alert.* office.* transfer.*', 'own', 'RESTRICTED', ''),
    ('dispatcher', 'allow', 'hear', 'public_alert escalation_event duty_roster gazetteer_update', 'any', 'RESTRICTED', ''),
    ('dispatcher', 'allow', 'hear', 'household_counts plot_site', 'own', 'INTERNAL', ''),
    ('dispatcher', 'allow', 'hear', '*', 'to_me', 'RESTRICTED', ''),

    ('eoc', 'allow', 'say', 'sensor.* report.* incident.* resource.* alert.* office.* gazetteer.* blob_chunk', 'any', 'RESTRICTED', ''),
    ('eoc', 'allow', 'flash', '*', 'any', 'RESTRICTED', ''),
    ('eoc', 'allow', 'hear', 'sensor.* report.* incident.* resource.* alert.* office.* gazetteer.* transfer.* trust.* household_counts plot_site', 'any', 'RESTRICTED', ''),
    ('eoc', 'allow', 'hear', '*', 'to_me', 'RESTRICTED', ''),

    ('ministry', 'allow', 'say', 'general_message resource.*', 'any', 'INTERNAL', ''),
    ('ministry', 'allow', 'hear', '*', 'any', 'PUBLIC', ''),
    ('ministry', 'allow', 'hear', 'household_counts', 'any', 'INTERNAL', ''),
    ('ministry', 'allow', 'hear', 'general_message resource.*', 'to_me', 'RESTRICTED', ''),
    ('ministry', 'deny', 'hear', 'household_event household_identity assistance_entitlement assistance_delivery plot_offer offer_response move_event', 'any', 'PUBLIC', 'counts only, whatever an agreement says'),
    ('ministry', 'deny', 'open', '*', 'any', 'PUBLIC', ''),

    ('partner', 'allow', 'flash', 'flash_report', 'own', 'INTERNAL', 'a relief team is often the first on site'),
    ('partner', 'allow', 'say', 'flash_report damage_needs_assessment casualty_summary resource_totals facility_status', 'own', 'INTERNAL', ''),
    ('partner', 'allow', 'say', 'resource.* general_message', 'any', 'INTERNAL', ''),
    ('partner', 'allow', 'hear', 'report.* incident.* resource.* alert.* facility_status', 'own', 'INTERNAL', ''),
    ('partner', 'allow', 'hear', 'household_counts', 'own', 'INTERNAL', ''),
    ('partner', 'allow', 'hear', 'office.* resource.* report.*', 'to_me', 'RESTRICTED', ''),

    ('counter', 'allow', 'hear', 'household_event assistance_entitlement assistance_delivery plot_site plot_offer offer_response move_event', 'own', 'HOUSEHOLD_PERSONAL', ''),
    ('counter', 'allow', 'say', 'household_counts', 'own', 'INTERNAL', ''),

    ('carrier', 'allow', 'carry', '*', 'any', 'RESTRICTED', ''),
    ('carrier', 'allow', 'say', 'general_message', 'any', 'INTERNAL', ''),
    ('carrier', 'allow', 'hear', 'general_message', 'to_me', 'INTERNAL', ''),

    ('operator', 'allow', 'operate', '*', 'any', 'RESTRICTED', ''),
    ('operator', 'allow', 'say', 'general_message activity_log_entry', 'any', 'INTERNAL', ''),
    ('operator', 'allow', 'hear', 'sensor_status sensor_registry audit_event', 'any', 'INTERNAL', ''),
    ('operator', 'allow', 'hear', 'general_message', 'to_me', 'RESTRICTED', ''),

    ('officer', 'allow', 'enrol', '*', 'any', 'RESTRICTED', ''),
    ('officer', 'allow', 'say', 'sharing_agreement key_revocation deny_list general_message', 'any', 'RESTRICTED', ''),
    ('officer', 'allow', 'hear', 'trust.*', 'any', 'RESTRICTED', ''),
    ('officer', 'allow', 'hear', 'general_message', 'to_me', 'RESTRICTED', ''),

    ('auditor', 'allow', 'hear', '*', 'any', 'RESTRICTED', ''),
    ('auditor', 'allow', 'say', 'activity_log_entry', 'any', 'RESTRICTED', ''),
    ('auditor', 'deny', 'open', '*', 'any', 'PUBLIC', ''),

    ('witness', 'allow', 'hear', '*', 'any', 'HOUSEHOLD_PERSONAL', ''),

    ('broker', 'allow', 'say', 'log_head', 'any', 'RESTRICTED', ''),

    ('all', 'allow', 'say', '*', 'any', 'HOUSEHOLD_PERSONAL', ''),
    ('all', 'allow', 'hear', '*', 'any', 'HOUSEHOLD_PERSONAL', ''),
    ('all', 'allow', 'flash', '*', 'any', 'HOUSEHOLD_PERSONAL', ''),
    ('all', 'allow', 'open', '*', 'any', 'HOUSEHOLD_PERSONAL', ''),
    ('all', 'allow', 'operate', '*', 'any', 'HOUSEHOLD_PERSONAL', '');

UPDATE bus.principal SET note = concat_ws('; ', nullif(note, ''), 'before rights were kept its role was "' || roles || '"'),
                         roles = 'all'
 WHERE principal_id > 0 AND serial = 0;

RESET ROLE;
