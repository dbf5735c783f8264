-- 0037 incident_messages: what belongs to an incident is found by what each message names.
SET LOCAL ROLE bus_owner;

CREATE INDEX document_incidents ON bus.document USING gin ((doc->'incident_ids') jsonb_path_ops)
    WITH (fastupdate = off) WHERE doc ? 'incident_ids';
CREATE INDEX document_thread ON bus.document ((doc->>'originating_id')) WHERE doc ? 'originating_id';

RESET ROLE;
