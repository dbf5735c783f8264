-- page: reports that districts owe, by period: CSV with HXL tags, asked by /api/csv/reports
-- takes: lang
SELECT eoc.csv($1::text, '#adm2+code|District code|Код района|Рамзи ноҳия', '#adm2+name|District|Район|Ноҳия', '#meta+report+type|Report|Донесение|Гузориш', '#date+start|From|С|Аз', '#date+end|Until|До|То', '#date+due|Due|Срок|Муҳлат',
               '#indicator+expected|Expected|Ожидалось|Интизор', '#indicator+received|Received|Получено|Расид', '#indicator+ontime|On time|Вовремя|Сари вақт', '#indicator+missing|Missing|Нет|Нарасид')
    || coalesce((SELECT string_agg(eoc.csv_row(r.pcode, eoc.place_name(r.pcode, coalesce($1::text, 'en')), r.type, eoc.csv_time(r.period_from), eoc.csv_time(r.period_to), eoc.csv_time(r.due_at), r.expected::text, r.received::text,
                                               r.on_time::text, r.missing::text), '' ORDER BY r.period_from DESC, r.pcode, r.type)
                   FROM eoc.report_due r), '');
