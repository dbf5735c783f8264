-- 0025 unvouched: the role of a key that nobody vouches for, under a name that officers signed another
-- key for. It comes without rules; what it may is the operator's to say (eocctl rights).
SET LOCAL ROLE bus_owner;

INSERT INTO bus.role VALUES
    ('unvouched', 'a key that no officer signed for, under the name of one they signed for (access.unsigned_enrolment)');

RESET ROLE;
