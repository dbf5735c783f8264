-- 0038 questions: indexes for what people ask, over ten years of history.
SET LOCAL ROLE bus_owner;

-- Of the many that were fed once, those that live on rations now (eoc.ration).
CREATE INDEX household_hungry ON bus.household (fed_until)
 WHERE fed_until IS NOT NULL AND status = 1 AND state NOT IN ('CLOSED', 'WITHDRAWN', 'DUPLICATE', 'SETTLED');
-- Of a place and all that lies in it, newest harm first, whatever the collation.
CREATE INDEX household_under ON bus.household (places text_pattern_ops, affected_at);
-- Of all offers the declined ones (eoc.decline).
CREATE INDEX offer_declined ON bus.offer (since) WHERE reasons IS NOT NULL;

RESET ROLE;
