-- 0057 order_draft: orders to machines that people write at a page are found by their time.
SET LOCAL ROLE bus_owner;

CREATE INDEX document_order ON bus.document (received_at) WHERE type IN (103, 104, 106) AND status IN (3, 4);
CREATE INDEX document_order_of ON bus.document ((doc->>'preceding_id')) WHERE type IN (103, 104, 106) AND doc ? 'preceding_id';

RESET ROLE;
