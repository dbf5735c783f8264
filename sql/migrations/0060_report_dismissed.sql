-- 0060 report_dismissed: a person says of a report that it needs no decision (a decision, RULING_DISMISSED).
SET LOCAL ROLE bus_owner;

COMMENT ON COLUMN bus.incident_report.over_seq IS 'number of what ended it: of a WARNING what its detector concluded after it, of any report the decision of a person that it needs none; null = it stands';

RESET ROLE;
