-- page: harm by district with how sure it is, of one incident or of all that are open: CSV with HXL tags, asked by /api/csv/harm
-- takes: lang incident
SELECT eoc.csv($1::text, '#event+id|Incident|Происшествие|Ҳодиса', '#event+name|Name|Название|Ном', '#event+status|Kind|Вид|Навъ', '#adm2+code|District code|Код района|Рамзи ноҳия', '#adm2+name|District|Район|Ноҳия',
               '#affected+type|What|Что|Чӣ', '#affected+num|Figure|Число|Адад', '#meta+certainty|How sure|Насколько точно|То чӣ андоза дақиқ', '#meta+others|Others say|Другие говорят|Дигарон мегӯянд',
               '#meta+source|Said by|Кто сообщил|Кӣ хабар дод', '#date+reported|Said at|Когда|Кай', '#meta+confidence|Confidence|Уверенность|Боварӣ')
    || coalesce((SELECT string_agg(eoc.csv_row(i.incident_id::text, i.name, i.status, h.district, eoc.place_name(h.district, coalesce($1::text, 'en')), h.what, h.figure::text, h.sure,
                                               (SELECT string_agg(format('%s: %s', o->>'said_by', o->>'figure'), '; ') FROM jsonb_array_elements(h.others) AS o),
                                               h.said_by, eoc.csv_time(h.said_at), h.confidence), '' ORDER BY i.began_at DESC, h.district, h.what)
                   FROM (SELECT * FROM eoc.incident_now n WHERE n.incident_id = $2::text::uuid
                         UNION ALL (SELECT * FROM eoc.incident_now n WHERE $2::text IS NULL AND n.state NOT IN ('CLOSED', 'MERGED', 'FALSE_ALARM') ORDER BY n.last_at DESC NULLS LAST LIMIT 100)) AS i
                  CROSS JOIN LATERAL eoc.harm(i.incident_id) AS h), '');
