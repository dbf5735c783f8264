-- Incidents that nobody has looked at yet: the queue asks for them with every news, among all incidents that ever were.
SET LOCAL ROLE bus_owner;
CREATE INDEX incident_new ON bus.incident (since) WHERE state IN ('REPORTED', 'VERIFYING');
