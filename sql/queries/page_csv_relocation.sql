-- page: households by district as numbers, none below five: CSV with HXL tags, asked by /api/csv/relocation
-- takes: lang status
SELECT eoc.csv($1::text, '#adm2+code|District code|Код района|Рамзи ноҳия', '#adm2+name|District|Район|Ноҳия', '#event+id|Incident|Происшествие|Ҳодиса', '#event+status|Kind|Вид|Навъ', '#affected+hh|Households affected|Семей пострадало|Хонаводаҳои зарардида',
               '#affected+ind|Persons|Человек|Нафар', '#reached+assessed+hh|Assessed|Обследовано|Муоина шуд', '#targeted+hh|Eligible|Имеют право|Ҳуқуқ доранд', '#reached+assisted+hh|Fed|Накормлено|Хӯрока гирифт',
               '#reached+offered+hh|Offered|Предложено|Пешниҳод шуд', '#reached+declined+hh|Declined|Отказались|Рад кард', '#reached+moved+hh|Moved|Переехали|Кӯчид', '#reached+returned+hh|Returned|Вернулись|Баргашт',
               '#date+updated|As of|По состоянию на|То санаи')
    || coalesce((SELECT string_agg(eoc.csv_row(c.district, eoc.place_name(c.district, coalesce($1::text, 'en')), c.incident_id::text, c.status, c.affected::text, c.persons::text, c.assessed::text, c.eligible::text,
                                               c.assisted::text, c.offered::text, c.declined::text, c.moved::text, c.returned::text, eoc.csv_time(c.as_of)), '' ORDER BY c.district, c.incident_id)
                   FROM eoc.relocation_counts c WHERE c.status = coalesce($2::text, c.status)), '');
