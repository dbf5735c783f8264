-- 0005 views: the words behind the numbers of messages, readings and units. The views themselves are
-- sql/functions/views.sql.
-- was: 33bc12c8af2a90af690a4deab02535b7c5abbb9d298ec4e6cea39c7d2737defc
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.type (
    number int2 PRIMARY KEY,
    name   text NOT NULL UNIQUE,
    family text NOT NULL
);
COMMENT ON TABLE bus.type IS 'types of messages: fields of Envelope.body';
INSERT INTO bus.type VALUES
    (100, 'observation_batch', 'sensor'),
    (101, 'sensor_detection', 'sensor'),
    (102, 'sensor_status', 'sensor'),
    (103, 'sensor_configuration', 'sensor'),
    (104, 'sensor_control', 'sensor'),
    (105, 'sensor_registry', 'sensor'),
    (106, 'siren_command', 'sensor'),
    (107, 'siren_report', 'sensor'),
    (108, 'compact_flash', 'sensor'),
    (120, 'flash_report', 'report'),
    (121, 'situation_report', 'report'),
    (122, 'damage_needs_assessment', 'report'),
    (123, 'casualty_summary', 'report'),
    (124, 'resource_totals', 'report'),
    (140, 'incident', 'incident'),
    (141, 'incident_transition', 'incident'),
    (160, 'request_resource', 'resource'),
    (161, 'response_to_request_resource', 'resource'),
    (162, 'requisition_resource', 'resource'),
    (163, 'commit_resource', 'resource'),
    (164, 'request_information', 'resource'),
    (165, 'response_to_request_information', 'resource'),
    (166, 'offer_unsolicited_resource', 'resource'),
    (167, 'release_resource', 'resource'),
    (168, 'request_return', 'resource'),
    (169, 'response_to_request_return', 'resource'),
    (170, 'request_quote', 'resource'),
    (171, 'response_to_request_quote', 'resource'),
    (172, 'request_resource_deployment_status', 'resource'),
    (173, 'report_resource_deployment_status', 'resource'),
    (174, 'request_extended_deployment_duration', 'resource'),
    (175, 'response_to_request_extended_deployment_duration', 'resource'),
    (180, 'public_alert', 'alert'),
    (181, 'receipt', 'alert'),
    (182, 'escalation_event', 'alert'),
    (200, 'general_message', 'office'),
    (201, 'activity_log_entry', 'office'),
    (202, 'facility_status', 'office'),
    (203, 'duty_roster', 'office'),
    (220, 'household_event', 'relocation'),
    (221, 'household_identity', 'relocation'),
    (222, 'assistance_entitlement', 'relocation'),
    (223, 'assistance_delivery', 'relocation'),
    (224, 'plot_site', 'relocation'),
    (225, 'plot_offer', 'relocation'),
    (226, 'offer_response', 'relocation'),
    (227, 'move_event', 'relocation'),
    (240, 'sharing_agreement', 'trust'),
    (241, 'key_revocation', 'trust'),
    (242, 'deny_list', 'trust'),
    (260, 'gazetteer_update', 'gazetteer'),
    (280, 'blob_chunk', 'transfer'),
    (281, 'thinned', 'transfer'),
    (282, 'withdrawn', 'transfer');

CREATE TABLE bus.observation_type (
    number int2 PRIMARY KEY,
    name   text NOT NULL UNIQUE
);
INSERT INTO bus.observation_type VALUES
    (1, 'RAIN_ACC'),
    (2, 'RAIN_INT'),
    (3, 'STAGE'),
    (4, 'STAGE_RATE'),
    (5, 'GV_RMS'),
    (6, 'GV_PEAK'),
    (7, 'GV_IMP'),
    (8, 'INFRA_RMS_LF'),
    (9, 'INFRA_RMS_HF'),
    (10, 'SPEC_DOM'),
    (11, 'TRIPWIRE'),
    (12, 'SURF_VEL'),
    (13, 'SOIL_VWC'),
    (14, 'PORE_P'),
    (15, 'TILT'),
    (16, 'AIR_T'),
    (17, 'SNOW_D'),
    (18, 'LAKE_LEVEL'),
    (19, 'SEIS_PGA'),
    (20, 'BATT_V'),
    (21, 'PANEL_V'),
    (22, 'RSSI'),
    (23, 'DISCHARGE');

CREATE TABLE bus.unit (
    number int2 PRIMARY KEY,
    name   text NOT NULL UNIQUE,
    symbol text NOT NULL
);
INSERT INTO bus.unit VALUES
    (1, 'ONE', ''),
    (2, 'METRE', 'm'),
    (3, 'MILLIMETRE', 'mm'),
    (4, 'MILLIMETRE_PER_HOUR', 'mm/h'),
    (5, 'METRE_PER_MINUTE', 'm/min'),
    (6, 'METRE_PER_SECOND', 'm/s'),
    (7, 'METRE_PER_SECOND_SQUARED', 'm/s2'),
    (8, 'PER_SECOND', '1/s'),
    (9, 'PASCAL', 'Pa'),
    (10, 'HERTZ', 'Hz'),
    (11, 'CUBIC_METRE_PER_CUBIC_METRE', 'm3/m3'),
    (12, 'MILLIRADIAN', 'mrad'),
    (13, 'DEGREE_CELSIUS', 'Cel'),
    (14, 'VOLT', 'V'),
    (15, 'DBM', 'dBm'),
    (16, 'PERCENT', '%'),
    (17, 'CUBIC_METRE_PER_SECOND', 'm3/s');

RESET ROLE;
