-- 0039 alert_again: what public alerts are over, for whom an alert was taken, and the ladder that it was given.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.alert_ended (
    alert_id uuid NOT NULL,
    seq      int8 NOT NULL,
    PRIMARY KEY (alert_id, seq)
);
COMMENT ON TABLE bus.alert_ended IS 'public alerts that were cancelled or replaced by somebody who may';
COMMENT ON COLUMN bus.alert_ended.alert_id IS 'id of its message';
COMMENT ON COLUMN bus.alert_ended.seq IS 'number of the message that ended it';
ALTER TABLE bus.alert_ended ENABLE ROW LEVEL SECURITY;
ALTER TABLE bus.alert_ended FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON bus.alert_ended TO bus_owner USING (true) WITH CHECK (true);
CREATE POLICY whole ON bus.alert_ended FOR SELECT TO bus_admin, bus_audit USING (true);

CREATE INDEX document_cap ON bus.document ((doc->'public_alert'->>'identifier')) WHERE type = 180;
INSERT INTO bus.alert_ended (alert_id, seq)
SELECT DISTINCT d.message_id, c.seq
  FROM bus.document c CROSS JOIN LATERAL jsonb_array_elements(coalesce(c.doc->'public_alert'->'references', '[]')) AS r
  JOIN bus.document d ON d.type = 180 AND d.doc->'public_alert'->>'identifier' = r->>'identifier' AND d.seq < c.seq AND d.status = c.status
 WHERE c.type = 180 AND c.doc->'public_alert'->>'msg_type' IN ('CAP_MSG_TYPE_CANCEL', 'CAP_MSG_TYPE_UPDATE');

-- Answers that are here before their alarm are found by it.
CREATE INDEX document_answer ON bus.document ((doc->'receipt'->>'message_id'))
 WHERE type = 181 AND doc->'receipt'->>'level' IN ('RECEIPT_LEVEL_ACCEPTED', 'RECEIPT_LEVEL_REJECTED');

-- Of a torrent only what is not over is looked at.
DROP INDEX bus.alert_sender;
CREATE INDEX alert_live ON bus.alert (sender_id, torrent_id, seq) WHERE state NOT IN ('OVER', 'CANCELLED');
UPDATE bus.cycle_event SET means = 'PublicAlert UPDATE, or the next SensorDetection of its torrent' WHERE cycle = 'alert' AND event = 'SUPERSEDE';

ALTER TABLE bus.alert_answer ADD COLUMN targets text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN bus.alert_answer.targets IS 'role@place that the principal had; * = may speak for all places of the alert';
UPDATE bus.alert_answer n SET targets = ARRAY(SELECT DISTINCT c.target FROM bus.alert_call c WHERE c.alert_id = n.alert_id AND c.step = ANY (n.steps));
COMMENT ON COLUMN bus.alert.calls IS 'false: an exercise about another time, or recorded while the link was down: it asks nobody by itself';

ALTER TABLE bus.rested_on DROP CONSTRAINT rested_on_what_check,
    ADD CONSTRAINT rested_on_what_check CHECK (what IN ('right', 'turn', 'ladder'));
COMMENT ON COLUMN bus.rested_on.what IS
    'right: its sender had the right to speak of these places then; turn: others waited before it; ladder: whom it asked, as the rules were then';
COMMENT ON COLUMN bus.rested_on.detail IS 'of a right: the P-codes, split by blanks; of a ladder: acknowledgements needed, level, hazard and place of its rule, split by /';
INSERT INTO bus.rested_on (seq, what, detail)
SELECT a.seq, 'ladder', concat_ws('/', a.acks_needed, a.rule_level, a.rule_hazard, a.rule_place) FROM bus.alert a ON CONFLICT DO NOTHING;

RESET ROLE;
