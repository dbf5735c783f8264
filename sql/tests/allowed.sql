-- allowed: who may do what; sql/tests/matrix.sql tries everything. A line a reason: roles, statement, names.
INSERT INTO allowed VALUES

-- A broker stores, reads the log back, follows it, and reads no table.
('bus_ingest', 'EXECUTE', 'bus.append bus.append_one'),
('bus_ingest', 'EXECUTE', 'bus.replay bus.replay_to bus.last_values bus.seq_at bus.head bus.schema_version
                           bus.function_digest bus.see_timeline bus.raise_epoch'),
('bus_ingest', 'EXECUTE', 'bus.principals'),
('bus_ingest', 'EXECUTE', 'bus.cursor_open bus.cursor_move bus.delivered bus.tick bus.chain_head bus.say_settings
                           bus.broker_here'),
('bus_ingest bus_admin', 'EXECUTE', 'bus.say_audit'),
('bus_ingest', 'EXECUTE', 'bus.keys_of'),
('bus_ingest', 'EXECUTE', 'bus.project_place bus.project_page bus.project_put bus.summarize'),

-- Readers see views, and what is behind them, row by row (sql/functions/z_readers.sql).
('bus_reader', 'EXECUTE', 'bus.reader_id bus.reader_map bus.reader_places bus.reader_reached bus.reader_asks
                           bus.reader_senders bus.reader_opens'),
('bus_reader bus_admin', 'SELECT', 'bus.ledger bus.message bus.document bus.reading bus.sensor_status bus.quarantine
    bus.addressed bus.recipient bus.recipient_reach bus.recipient_step bus.duty_roster bus.duty_shift bus.cursor
    bus.log_head bus.sealed_box bus.wrapped_key bus.blind_mark bus.household_clock bus.type bus.observation_type bus.unit'),
('bus_reader', 'SELECT', 'bus.principal.principal_id bus.principal.name bus.principal.not_after
                          bus.principal.revoked_at'),
('bus_reader bus_admin bus_audit', 'EXECUTE', 'eoc.word eoc.at eoc.amount eoc.words eoc.receipt_level bus.on_duty
                                           bus.owner_of'),
('bus_reader bus_admin', 'SELECT', 'eoc.message eoc.newest eoc.document eoc.observation eoc.sensor_status eoc.quarantine
    eoc.sensor_detection eoc.flash_report eoc.situation_report eoc.situation_need eoc.damage_assessment
    eoc.casualty_summary eoc.resource_total eoc.incident eoc.incident_transition eoc.resource_message
    eoc.public_alert eoc.receipt eoc.facility_status eoc.household_event eoc.assistance eoc.plot_site eoc.plot_offer
    eoc.offer_response eoc.move_event eoc.listener eoc.recipient eoc.recipient_step eoc.reached eoc.duty eoc.addressee
    eoc.audit'),
-- The rules of life cycles are for everybody who reads; what moved by them, row by row.
('bus_reader bus_admin', 'SELECT', 'bus.cycle_state bus.cycle_event bus.cycle_guard bus.transition bus.held bus.contested
    bus.moved eoc.transition eoc.moved eoc.undecided'),
('bus_admin', 'EXECUTE', 'bus.rejudge'),
('bus_reader bus_admin bus_audit', 'EXECUTE', 'eoc.incident_messages bus.incident_whole'),
('bus_admin', 'SELECT', 'bus.ledger_setting'),
('bus_reader bus_admin', 'SELECT', 'eoc.identity eoc.identity_read eoc.household_request eoc.household_match
    eoc.household_counts'),
('bus_reader bus_admin', 'SELECT', 'bus.incident bus.incident_report bus.incident_filed eoc.incident_now eoc.incident_timeline
    eoc.incident_proposal'),
('bus_reader bus_admin', 'SELECT', 'bus.report bus.report_rule eoc.report eoc.report_current eoc.report_expected
    eoc.report_due eoc.report_rule eoc.alert_in_force eoc.silence'),
-- What people call agencies, offices and resources, to whom they can write, and who could supply.
('bus_reader bus_admin', 'SELECT', 'bus.called eoc.called'),
('bus_reader', 'EXECUTE', 'bus.offices eoc.recipients eoc.suppliers'),
('bus_reader bus_admin', 'EXECUTE', 'eoc.asked_kind eoc.kinds_of eoc.called_as'),
('bus_admin', 'EXECUTE', 'bus.called_set'),
-- The boards: numbers of families, who is heard, streams of samples; each asks what the reader may hear.
('bus_reader bus_admin bus_audit', 'EXECUTE', 'eoc.families eoc.incident_families eoc.links eoc.channels
    eoc.brokers eoc.hubs'),
('bus_reader bus_admin bus_audit', 'EXECUTE', 'eoc.reports_expected bus.district_of bus.codes_over bus.places_heard bus.words_at'),
('bus_admin', 'EXECUTE', 'bus.report_rule_set bus.report_rule_drop'),
('bus_reader bus_admin', 'SELECT', 'bus.request bus.line bus.commitment eoc.board eoc.request_open eoc.queue eoc.taken eoc.commitment
    eoc.line_part eoc.line_moves'),
('bus_reader bus_admin', 'SELECT', 'bus.household bus.offer bus.entitlement bus.delivery bus.site bus.plot
    eoc.household eoc.offer eoc.site eoc.ration eoc.decline eoc.household_twin'),
('bus_reader bus_admin', 'SELECT', 'bus.alert bus.alert_call bus.alert_answer bus.alert_ended bus.escalation_rule
    eoc.alert_open eoc.escalation eoc.escalation_rule eoc.alert_draft eoc.alert_receipts eoc.alert_published'),
('bus_reader bus_admin', 'SELECT', 'eoc.relocation_counts eoc.datastream'),
('bus_reader bus_admin bus_audit', 'EXECUTE', 'eoc.harm_said eoc.harm eoc.csv eoc.csv_row eoc.csv_time'),
('bus_reader bus_admin bus_audit', 'EXECUTE', 'bus.may_at bus.speaks_for bus.sign_keys_of bus.approval_stands'),
('bus_reader bus_admin', 'SELECT', 'eoc.household_story eoc.siren_report eoc.machine_order eoc.order_draft eoc.detector_numbers'),
-- The gazetteer is for everybody who reads; the operator imports it and settles its conflicts.
('bus_reader bus_admin', 'SELECT', 'bus.place bus.place_alias bus.place_conflict bus.gazetteer_version eoc.place
    eoc.place_history eoc.place_conflict'),
('bus_reader bus_admin bus_audit', 'EXECUTE', 'eoc.place_name eoc.find_place bus.place_now bus.place_up bus.place_known
    bus.fold_place bus.skeleton_place bus.transliterate_tg bus.transliterate_ru'),
('bus_admin', 'EXECUTE', 'bus.gazetteer_stage bus.gazetteer_merge bus.gazetteer_shape bus.gazetteer_rows bus.place_settle'),
('bus_reader bus_admin', 'EXECUTE', 'eoc.fold'),
('bus_reader', 'EXECUTE', 'eoc.search bus.search_kind bus.search_places bus.search_query bus.search_seqs'),
('bus_reader bus_admin', 'SELECT', 'eoc.station eoc.torrent eoc.gateway_level'),
('bus_console', 'EXECUTE', 'bus.head bus.seq_at'),

-- The operator: who comes in, single messages and refusals, how far the log is.
('bus_admin', 'SELECT', 'bus.principal bus.principal_key bus.principal_list bus.epoch bus.migration bus.function_text
                         bus.chain bus.retired'),
('bus_admin', 'EXECUTE', 'bus.principal_add bus.principal_key_add bus.principal_revoke bus.principal_enrol
                          bus.principal_key_revoke bus.cursor_forget bus.broker_forget bus.retire_log
                          bus.raise_epoch bus.reader_set bus.reader_drop'),
-- The rules, and why they say what they say.
('bus_admin', 'SELECT', 'bus.role bus.rule bus.agreement bus.rule_text bus.sharing bus.role_trouble'),
('bus_admin bus_audit', 'EXECUTE', 'bus.may bus.why bus.is_within bus.label_rank bus.roles_of bus.places_of
                                    bus.rule_words bus.why_text bus.why_number bus.pb_all bus.pb_get'),
('bus_console', 'EXECUTE', 'bus.may bus.why_no_answer bus.rights_text'),
('bus_reader bus_admin bus_audit', 'EXECUTE', 'bus.had_right'),
('bus_admin', 'EXECUTE', 'bus.role_add bus.rule_add bus.rule_remove'),
-- Who approves orders to machines.
('bus_admin', 'SELECT', 'bus.approval_need'),
('bus_reader bus_admin bus_audit', 'EXECUTE', 'bus.approvers_needed'),
('bus_admin', 'EXECUTE', 'bus.approvers_set');
