-- 0041 report_stands: a version remembers what came in its place, and the thread which one stands now.
SET LOCAL ROLE bus_owner;

COMMENT ON COLUMN bus.report.stands_id IS 'the version that came in its place, which may have been replaced, too; null: this one stands';
CREATE INDEX report_standing ON bus.report (thread_id) WHERE stands_id IS NULL;

RESET ROLE;
