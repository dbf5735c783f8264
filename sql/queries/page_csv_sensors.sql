-- page: gateways and their channels with the last value of two days: CSV with HXL tags, asked by /api/csv/sensors
-- takes: lang
SELECT eoc.csv($1::text, '#meta+gateway|Gateway|Шлюз|Шлюз', '#meta+sensor+id|Channel|Канал|Канал', '#indicator+type|Measures|Измеряет|Чен мекунад', '#loc+name|Station|Станция|Истгоҳ', '#adm2+code|District code|Код района|Рамзи ноҳия',
               '#adm2+name|District|Район|Ноҳия', '#indicator+value|Last value|Последнее значение|Қимати охирин', '#indicator+unit|Unit|Единица|Воҳид', '#date+measured|Measured at|Измерено|Вақти ченкунӣ',
               '#meta+quality|Quality bits|Биты качества|Битҳои сифат', '#indicator+battery_v|Battery, V|Батарея, В|Батарея, В', '#date+reported|Gateway at|Шлюз на связи|Шлюз дар алоқа')
    || coalesce((SELECT string_agg(eoc.csv_row(d.sender, d.datastream_id::text, d.type, d.thing, left(d.pcode, 7), eoc.place_name(d.pcode, coalesce($1::text, 'en')), trim_scale(round(o.value::numeric, 6))::text, o.unit,
                                               eoc.csv_time(o.time), o.quality::text, trim_scale(s.battery_v)::text, eoc.csv_time(s.time)), '' ORDER BY d.sender, d.datastream_id)
                   FROM (SELECT * FROM eoc.datastream ORDER BY sender, datastream_id LIMIT 5000) AS d
                   LEFT JOIN LATERAL (SELECT x.time, x.value, x.unit, x.quality FROM eoc.observation x WHERE x.sender_id = d.sender_id AND x.datastream_id = d.datastream_id AND x.time > now() - interval '2 days'
                                         AND NOT x.is_missing ORDER BY x.time DESC LIMIT 1) AS o ON true
                   LEFT JOIN LATERAL (SELECT y.time, y.battery_v FROM eoc.sensor_status y WHERE y.sender = d.sender AND y.time > now() - interval '2 days' ORDER BY y.time DESC LIMIT 1) AS s ON true), '');
