-- page: requests and what was promised of them, as the board has them: CSV with HXL tags, asked by /api/csv/resources
-- takes: lang status
SELECT eoc.csv($1::text, '#activity+id|Request|Запрос|Дархост', '#activity+line|Line|Строка|Сатр', '#event+id|Incident|Происшествие|Ҳодиса', '#event+status|Kind|Вид|Навъ', '#adm2+code|District code|Код района|Рамзи ноҳия',
               '#adm2+name|District|Район|Ноҳия', '#item+name|What|Что|Чӣ', '#item+unit|Unit|Единица|Воҳид', '#status|State|Состояние|Ҳолат', '#org+asked|Asked by|Кто просит|Кӣ дархост кард', '#date+asked|Asked at|Когда|Кай',
               '#date+needed|Needed by|Нужно к|Лозим то', '#need+num|Wanted|Нужно|Лозим', '#need+unmet+num|Open|Открыто|Кушода', '#output+promised+num|Promised|Обещано|Ваъда', '#output+underway+num|Under way|В пути|Дар роҳ',
               '#output+onscene+num|On scene|На месте|Дар ҷой', '#output+dueback+num|Due back|К возврату|Бармегардад', '#indicator+late|Late|Опоздало|Дер', '#org+suppliers|Suppliers|Поставщики|Таъминкунандагон')
    || coalesce((SELECT string_agg(eoc.csv_row(b.thread::text, b.line_id::text, b.incident_id::text, b.status, left(b.places, 7), eoc.place_name(split_part(b.places, ' ', 1), coalesce($1::text, 'en')), b.kind,
                                               nullif(b.unit, 'H87'), b.state, b.asked_by, eoc.csv_time(b.asked_at), eoc.csv_time(b.needed_at), coalesce(trim_scale(b.wanted)::text, b.wanted_text), trim_scale(b.open)::text,
                                               trim_scale(b.promised)::text, trim_scale(b.under_way)::text, trim_scale(b.on_scene)::text, trim_scale(b.due_back)::text, b.late::text, array_to_string(b.suppliers, '; ')), ''
                                   ORDER BY b.asked_at, b.thread, b.line_id)
                   FROM (SELECT * FROM eoc.board x WHERE x.status = coalesce($2::text, x.status) LIMIT 5000) AS b), '');
