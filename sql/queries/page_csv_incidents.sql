-- page: incidents as a file, open ones first: CSV with HXL tags, asked by /api/csv/incidents
-- takes: lang status
WITH list AS MATERIALIZED (
    SELECT * FROM eoc.incident_now i WHERE i.status = coalesce($2::text, i.status)
     ORDER BY i.state IN ('CLOSED', 'MERGED', 'FALSE_ALARM'), i.last_at DESC NULLS LAST LIMIT 2000
), family AS MATERIALIZED (SELECT f.* FROM eoc.incident_families(ARRAY(SELECT l.incident_id FROM list l)) AS f)
SELECT eoc.csv($1::text, '#event+id|Incident|Происшествие|Ҳодиса', '#event+name|Name|Название|Ном', '#event+type|Hazard|Опасность|Хатар', '#event+glide|GLIDE|GLIDE|GLIDE',
               '#status|State|Состояние|Ҳолат', '#event+status|Kind|Вид|Навъ', '#severity|Severity|Тяжесть|Вазнинӣ', '#meta+certainty|Certainty|Достоверность|Эътимод',
               '#adm2+code|District code|Код района|Рамзи ноҳия', '#adm2+name|District|Район|Ноҳия', '#date+start|Began|Начало|Оғоз', '#date+updated|Last word|Последнее слово|Хабари охирин',
               '#indicator+reports|Reports|Сообщений|Хабарҳо', '#affected+hh|Households|Семей|Хонаводаҳо')
    || coalesce((SELECT string_agg(eoc.csv_row(x.incident_id::text, x.name, x.hazard, x.glide, x.state, x.status, x.severity, x.certainty, split_part(x.places, ' ', 1), x.place,
                                               eoc.csv_time(x.began_at), eoc.csv_time(x.last_at), x.reports::text, x.families::text), '' ORDER BY x.over, x.last_at DESC NULLS LAST)
                   FROM (SELECT l.*, f.families, l.state IN ('CLOSED', 'MERGED', 'FALSE_ALARM') AS over, eoc.place_name(split_part(l.places, ' ', 1), coalesce($1::text, 'en')) AS place
                           FROM list l LEFT JOIN family f USING (incident_id)) AS x), '');
