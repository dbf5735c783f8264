-- page: one public alert that everybody may know, as an envelope for the feed; empty: there is none. Asked by the program, not by pages.
-- takes: alert status
SELECT coalesce((SELECT jsonb_build_object('public_alert', p.cap)::text FROM eoc.alert_published p
                  WHERE p.message_id = $1::text::uuid AND p.status = upper($2::text)), '');
