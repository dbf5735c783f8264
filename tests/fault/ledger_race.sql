-- ledger_race: what the fight is about. A site of ten plots, and a household for each writer that may be offered one;
-- said in the name of the first writer, from an outbox that it does not have any more.
DO $$
DECLARE
    n int8 := 0;
    s record;
BEGIN
    FOR s IN
        SELECT 0 AS home, 0 AS turn, 224 AS type, 'plot_site' AS name, '{"site_id": "zafarobod.4", "pcode": "3505203",
               "name": "Zafarobod 4", "capacity_total": 10, "hazard_checked": "ANSWER_YES"}'::jsonb AS body
        UNION ALL
        SELECT i, t.turn, 220, 'household_event', t.body || jsonb_build_object('actor', 'coes.test.registry', 'household_id',
               ('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid)
          FROM generate_series(1, 64) AS i CROSS JOIN (VALUES
               (1, '{"to_state": "HOUSEHOLD_STATE_AFFECTED", "affected": {"members": 7}}'::jsonb),
               (2, '{"to_state": "HOUSEHOLD_STATE_ASSESSED", "assessed": {"house": "DAMAGE_CLASS_DESTROYED", "verdict":
                    "ZONE_VERDICT_RELOCATE", "eligible": "ANSWER_YES", "act_no": "14", "signatories": ["head of jamoat", "commission"]}}'),
               (3, '{"to_state": "HOUSEHOLD_STATE_ELIGIBLE", "preferences": {"movers": 7}}')) AS t(turn, body)
         ORDER BY 1, 2
    LOOP
        n := n + 1;
        PERFORM bus.append_one((SELECT principal_id FROM bus.principal WHERE name = 'coes.test.writer00'), 1, 4::int2, n, gen_random_uuid(),
                               s.type::int2, 1::int2, '3505203', now(), clock_timestamp(), NULL, NULL, (4 << 4)::int2, '\x00',
                               NULL, NULL, NULL, jsonb_build_object('kind', 'KIND_REPORT', s.name, s.body), 1, 0);
    END LOOP;
END
$$;
