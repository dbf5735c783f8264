-- week: a bad week as the first of June 2019 was. Ten mudflows in eleven districts, 1,350 households with ten events
-- each, and for each mudflow twenty requests that go from the first word to the way home. Whoever says that a thing ended
-- names what it ends: everything is said at once here, and outboxes overtake each other.
--
-- Rows: who says it (0-10 districts, 11-13 registries, 14 and 15 suppliers), and the message, in the order of the week.
WITH district (d, pcode) AS (
    SELECT ordinality - 1, p FROM unnest('{3505203,3505205,3505211,3505213,3505217,3505220,3504207,3504203,3502202,3502204,3503202}'::text[])
           WITH ORDINALITY AS x(p, ordinality)
), flow (f, d, at, id) AS ( -- twice in one place on the sixth day
    SELECT f, (f * 7) % 11, now() - interval '8 days' + f * interval '15 hours', md5('flow' || f)::uuid FROM generate_series(0, 9) AS f
), home (h, f, d, at, id) AS (
    SELECT h, h % 10, h % 11, f.at + (h % 40) * interval '11 minutes', md5('home' || h)::uuid
      FROM generate_series(0, 1349) AS h JOIN flow f ON f.f = h % 10
), event (who, at, pcode, flow, label, name, body, more) AS (
    SELECT d, f.at + e.after, pcode, f.id, 'INTERNAL', e.name, e.body, '{}'::jsonb FROM flow f JOIN district USING (d) CROSS JOIN LATERAL (
        VALUES (interval '0', 'flash_report', '{"hazard": "HAZARD_MUDFLOW", "confidence": "CONFIDENCE_HIGH", "reporter_role": "REPORTER_ROLE_JAMOAT"}'::jsonb),
               ('5 minutes', 'incident', jsonb_build_object('incident_id', f.id, 'hazard', 'HAZARD_MUDFLOW', 'name', 'Mudflow ' || f.f,
                    'severity', 'SEVERITY_SEVERE', 'urgency', 'URGENCY_IMMEDIATE', 'certainty', 'CERTAINTY_OBSERVED')),
               ('10 minutes', 'incident_transition', jsonb_build_object('incident_id', f.id, 'event', 'INCIDENT_EVENT_OPENED', 'to_state', 'INCIDENT_STATE_VERIFYING')),
               ('20 minutes', 'incident_transition', jsonb_build_object('incident_id', f.id, 'event', 'INCIDENT_EVENT_CONFIRMED',
                    'to_state', 'INCIDENT_STATE_CONFIRMED', 'certainty', 'CERTAINTY_OBSERVED'))) AS e(after, name, body)
    UNION ALL
    SELECT CASE WHEN e.name IN ('household_event') THEN home.d ELSE 11 + h % 3 END, home.at + e.after, pcode, flow.id, 'HOUSEHOLD_PERSONAL', e.name,
           e.body || jsonb_build_object('household_id', home.id)
           || CASE e.name WHEN 'household_event' THEN '{"actor": "coes.test.office"}'::jsonb ELSE '{}' END, '{}'
      FROM home JOIN district ON district.d = home.d JOIN flow ON flow.f = home.f CROSS JOIN LATERAL (
        VALUES (interval '1 hour', 'household_event', '{"to_state": "HOUSEHOLD_STATE_AFFECTED", "affected": {"members": 5}}'::jsonb),
               ('2 hours', 'household_event', '{"to_state": "HOUSEHOLD_STATE_AFFECTED", "consent": {"state": "CONSENT_STATE_NOT_ASKED_EMERGENCY"}}'),
               ('30 hours', 'household_event', '{"to_state": "HOUSEHOLD_STATE_ASSESSED", "assessed": {"house": "DAMAGE_CLASS_DESTROYED",
                    "verdict": "ZONE_VERDICT_RELOCATE", "eligible": "ANSWER_YES", "act_no": "14", "signatories": ["head of jamoat", "commission"]}}'),
               ('6 hours', 'assistance_entitlement', jsonb_build_object('entitlement_id', md5('bread' || h)::uuid, 'item', 'ASSISTANCE_ITEM_RATION',
                    'ration_days', 14, 'from_us', bus.us(home.at)::text, 'provider', 'test')),
               ('8 hours', 'assistance_delivery', jsonb_build_object('entitlement_id', md5('bread' || h)::uuid, 'item', 'ASSISTANCE_ITEM_RATION',
                    'quantity', '{"value": "5", "unit": "KGM"}'::jsonb, 'ration_days', 4, 'distributor', 'rcst.test.team')),
               ('40 hours', 'assistance_delivery', jsonb_build_object('entitlement_id', md5('bread' || h)::uuid, 'item', 'ASSISTANCE_ITEM_RATION',
                    'quantity', '{"value": "5", "unit": "KGM"}'::jsonb, 'ration_days', 5, 'distributor', 'rcst.test.team')),
               ('41 hours', 'assistance_delivery', jsonb_build_object('item', 'ASSISTANCE_ITEM_TENT',
                    'quantity', '{"value": "1", "unit": "H87"}'::jsonb, 'distributor', 'rcst.test.team')),
               ('31 hours', 'household_event', '{"to_state": "HOUSEHOLD_STATE_ELIGIBLE", "preferences": {"movers": 5}}'),
               ('32 hours', 'plot_offer', jsonb_build_object('offer_id', md5('offer' || h)::uuid, 'action', 'OFFER_ACTION_MAKE', 'site_id', 'zafarobod.4',
                    'valid_until_us', '2099-01-01T00:00Z', 'actor', 'coes.test.registry', 'authority', 'order 12')),
               ('42 hours', 'offer_response', jsonb_build_object('offer_id', md5('offer' || h)::uuid, 'taken_by', 'coes.test.registry', 'answer',
                    CASE h % 3 WHEN 0 THEN 'OFFER_ANSWER_ACCEPT' ELSE 'OFFER_ANSWER_DECLINE' END)
                    || CASE h % 3 WHEN 0 THEN '{}'::jsonb ELSE '{"reasons": ["OFFER_DECLINE_REASON_NO_MEANS_TO_MOVE"]}' END)) AS e(after, name, body)
    UNION ALL
    SELECT 11, now() - interval '9 days', '3508000', NULL, 'INTERNAL', 'plot_site',
           '{"site_id": "zafarobod.4", "pcode": "3508000", "name": "Zafarobod 4", "capacity_total": 2000, "hazard_checked": "ANSWER_YES"}', '{}'
    UNION ALL
    SELECT CASE e.side WHEN 'c' THEN flow.d ELSE 14 + r % 2 END, flow.at + interval '1 hour' + e.n * interval '40 minutes' + r * interval '90 seconds', pcode, flow.id,
           'RESTRICTED', e.name,
           '{"contacts": [{"role": "Sender", "name": "duty"}]}'::jsonb
           || CASE e.name WHEN 'requisition_resource' THEN '{"funding": [{"code": "reserve"}]}'::jsonb ELSE '{}' END
           || jsonb_build_object('lines', jsonb_build_array(jsonb_strip_nulls(
                  '{"line_id": 1, "assignment": {"quantity": {"value": "1", "unit": "H87"}}}'::jsonb || jsonb_build_object(
                  'resource', jsonb_build_object('kind', 'excavator', 'resource_id', CASE WHEN e.n IN (3, 4, 5, 7, 8) THEN format('EX-%s-%s', f, r) END),
                  'response', e.response, 'schedules', e.schedules)))),
           jsonb_strip_nulls(jsonb_build_object('message_id', md5(format('r%s.%s.%s', f, r, e.n))::uuid, 'originating_id', md5(format('r%s.%s.0', f, r))::uuid,
                              'preceding_id', CASE WHEN e.n > 0 THEN md5(format('r%s.%s.%s', f, r, e.answers))::uuid END))
      FROM flow JOIN district ON district.d = flow.d CROSS JOIN generate_series(0, 19) AS r CROSS JOIN LATERAL (
        VALUES (0, 'c', 'request_resource', NULL::int, NULL::jsonb, NULL::jsonb),
               (1, 's', 'response_to_request_resource', 0, '{"type": "RESPONSE_TYPE_ACCEPT"}', NULL),
               (2, 'c', 'requisition_resource', 1, NULL, NULL),
               (3, 's', 'commit_resource', 2, '{"type": "RESPONSE_TYPE_ACCEPT"}', jsonb_build_array(
                    jsonb_build_object('type', 'SCHEDULE_TYPE_ESTIMATED_DEPARTURE', 'time_us', bus.us(flow.at)::text),
                    jsonb_build_object('type', 'SCHEDULE_TYPE_END_AVAILABLE', 'time_us', bus.us(flow.at + interval '20 days')::text))),
               (4, 's', 'report_resource_deployment_status', 3, NULL, jsonb_build_array(jsonb_build_object('type', 'SCHEDULE_TYPE_ACTUAL_DEPARTURE', 'time_us', bus.us(flow.at)::text))),
               (5, 's', 'report_resource_deployment_status', 3, NULL, jsonb_build_array(jsonb_build_object('type', 'SCHEDULE_TYPE_ACTUAL_ARRIVAL', 'time_us', bus.us(flow.at)::text))),
               (6, 'c', 'release_resource', 5, NULL, NULL),
               (7, 's', 'report_resource_deployment_status', 6, NULL, jsonb_build_array(jsonb_build_object('type', 'SCHEDULE_TYPE_ACTUAL_RETURN_DEPARTURE', 'time_us', bus.us(flow.at)::text))),
               (8, 's', 'report_resource_deployment_status', 7, NULL, jsonb_build_array(jsonb_build_object('type', 'SCHEDULE_TYPE_ACTUAL_RETURN_ARRIVAL', 'time_us', bus.us(flow.at)::text)))
           ) AS e(n, side, name, answers, response, schedules)
)
SELECT who || ' ' || (jsonb_build_object(
           'lane', 'LANE_ROUTINE', 'status', 'STATUS_ACTUAL', 'kind', 'KIND_REPORT', 'label', 'LABEL_' || label, 'event_time_us', bus.us(at)::text,
           'area', jsonb_build_object('pcodes', jsonb_build_array(pcode)),
           'incident_ids', CASE WHEN flow IS NULL THEN '[]'::jsonb ELSE jsonb_build_array(flow) END, name, body) || more)::text
  FROM event ORDER BY at, name;
