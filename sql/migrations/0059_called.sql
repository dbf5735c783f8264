-- 0059 called: what people call agencies, offices, duties and resources, in three languages, so that nobody has to write or
-- read `duty@3505203`, and a kind of resource is one kind in whatever language somebody asks for it.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.called (
    list   text NOT NULL CHECK (list IN ('agency', 'office', 'duty', 'resource')),
    id     text NOT NULL CHECK (id ~ '^[a-z0-9_ -]{1,64}$'),
    place_in_list int2 NOT NULL,
    tg     text NOT NULL,
    ru     text NOT NULL,
    en     text NOT NULL,
    also   text[] NOT NULL DEFAULT '{}',
    folded text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (list, id)
);
COMMENT ON TABLE bus.called IS 'names of what has an id only: bus.called_set adds one';
COMMENT ON COLUMN bus.called.list IS 'agency: first part of a principal''s name; office: a role of principals; duty: what stands before the @ of a recipient; resource: a kind';
COMMENT ON COLUMN bus.called.place_in_list IS 'of offices and duties: who is proposed first, and which of several roles names an office';
COMMENT ON COLUMN bus.called.also IS 'what else people call it, in any language';
COMMENT ON COLUMN bus.called.folded IS 'all of these as eoc.fold has them';

INSERT INTO bus.called (list, id, place_in_list, tg, ru, en, also) VALUES
    ('agency', 'coes',      10, 'КҲФ', 'КЧС', 'Committee of Emergency Situations', '{"Кумитаи ҳолатҳои фавқулода","Комитет по чрезвычайным ситуациям",CoES,МЧС}'),
    ('agency', 'hydromet',  20, 'Агентии обуҳавошиносӣ', 'Гидромет', 'Hydromet', '{Тоҷикгидромет,Таджикгидромет,"Агентство по гидрометеорологии"}'),
    ('agency', 'rcst',      30, 'Ҳилоли Аҳмар', 'Красный Полумесяц', 'Red Crescent', '{"Ҷамъияти Ҳилоли Аҳмар","Общество Красного Полумесяца",RCST}'),
    ('agency', 'geology',   40, 'Саридораи геология', 'Главное управление геологии', 'Department of Geology', '{Геология}'),
    ('agency', 'health',    50, 'Вазорати тандурустӣ', 'Минздрав', 'Ministry of Health', '{"Министерство здравоохранения",Медицина}'),
    ('agency', 'police',    60, 'ВКД', 'МВД', 'Ministry of Internal Affairs', '{Милитсия,Милиция,Полиция,Police,"Вазорати корҳои дохилӣ","Министерство внутренних дел"}'),
    ('agency', 'roads',     70, 'Хадамоти роҳ', 'Дорожная служба', 'Road service', '{"Вазорати нақлиёт","Министерство транспорта",Road}'),
    ('agency', 'water',     80, 'Хоҷагии об', 'Водное хозяйство', 'Water and irrigation', '{Мелиоратсия,Мелиорация,Irrigation}'),
    ('agency', 'energy',    90, 'Барқи Тоҷик', 'Барки Точик', 'Barqi Tojik', '{Электричество,Electricity,Energy}'),
    ('agency', 'msf',      100, 'MSF, Пизишкони бемарз', 'MSF, Врачи без границ', 'MSF', '{"Medecins Sans Frontieres","Doctors without borders"}'),
    ('agency', 'wfp',      110, 'ББХ, Барномаи умумиҷаҳонии озуқа', 'ВПП ООН', 'WFP', '{"World Food Programme","Всемирная продовольственная программа"}'),
    ('agency', 'undp',     120, 'БРСММ', 'ПРООН', 'UNDP', '{}'),
    ('agency', 'unicef',   130, 'ЮНИСЕФ', 'ЮНИСЕФ', 'UNICEF', '{}'),
    ('agency', 'who',      140, 'ТУТ, Созмони умумиҷаҳонии тандурустӣ', 'ВОЗ', 'WHO', '{"World Health Organization"}'),
    ('agency', 'iom',      150, 'Созмони байналмилалии муҳоҷират', 'МОМ', 'IOM', '{}'),
    ('agency', 'unhcr',    160, 'УВКБ ООН', 'УВКБ ООН', 'UNHCR', '{}'),
    ('agency', 'akah',     170, 'Агентии Оғохон оид ба маскан', 'Агентство Ага Хана по Хабитат', 'Aga Khan Agency for Habitat', '{FOCUS,AKAH}'),
    ('agency', 'acted',    180, 'ACTED', 'ACTED', 'ACTED', '{}'),

    ('office', 'district',   10, 'Шуъба', 'Отдел', 'Office', '{Идора,"District office",Управление}'),
    ('office', 'dispatcher', 20, 'Диспетчер', 'Диспетчер', 'Dispatcher', '{Навбатдор,Дежурный}'),
    ('office', 'eoc',        30, 'Маркази идораи ҳолатҳои бӯҳронӣ', 'Центр управления в кризисных ситуациях', 'Crisis management centre', '{ЦУКС,EOC,Марказ,Центр}'),
    ('office', 'supplier',   40, 'Анбор', 'Склад', 'Depot', '{База,Stock,Warehouse}'),
    ('office', 'registry',   50, 'Бақайдгирии кӯчонидан', 'Учёт переселения', 'Relocation registry', '{Регистратура}'),
    ('office', 'partner',    60, 'Гурӯҳ', 'Группа', 'Team', '{Дастаи,Команда,Отряд}'),
    ('office', 'ministry',   70, 'Вазорат', 'Министерство', 'Ministry', '{}'),
    ('office', 'caseworker', 80, 'Корманди иҷтимоӣ', 'Социальный работник', 'Caseworker', '{}'),
    ('office', 'operator',   90, 'Маъмури система', 'Администратор системы', 'Operator', '{}'),
    ('office', 'officer',   100, 'Корманди бақайдгирӣ', 'Сотрудник регистрации', 'Enrolment officer', '{}'),
    ('office', 'auditor',   110, 'Аудитор', 'Аудитор', 'Auditor', '{}'),
    ('office', 'all',       120, 'Хизмат', 'Служба', 'Service', '{}'),

    ('duty', 'duty',           10, 'Навбатдор', 'Дежурный', 'Duty officer', '{Навбатдори,"На дежурстве"}'),
    ('duty', 'office',         11, 'Шуъба', 'Отдел', 'Office', '{Идора}'),
    ('duty', 'dispatcher',     12, 'Диспетчер', 'Диспетчер', 'Dispatcher', '{}'),
    ('duty', 'head',           13, 'Раис', 'Председатель', 'Head', '{Раиси,Глава,Chairman}'),
    ('duty', 'district_head',  14, 'Раиси ноҳия', 'Председатель района', 'Head of the district', '{Глава,Chairman}'),
    ('duty', 'deputy',         15, 'Муовин', 'Заместитель', 'Deputy', '{}'),
    ('duty', 'jamoat',         16, 'Раиси ҷамоат', 'Председатель джамоата', 'Head of the jamoat', '{}'),
    ('duty', 'chief',          17, 'Сардор', 'Начальник', 'Chief', '{Сардори,Руководитель}'),
    ('duty', 'medic',          18, 'Табиб', 'Врач', 'Medic', '{Духтур,Doctor}'),
    ('duty', 'rescue',         19, 'Наҷотдиҳандагон', 'Спасатели', 'Rescuers', '{}'),

    ('resource', 'excavator',    10, 'экскаватор', 'экскаватор', 'excavator', '{digger}'),
    ('resource', 'bulldozer',    20, 'булдозер', 'бульдозер', 'bulldozer', '{}'),
    ('resource', 'loader',       30, 'мошини боркунанда', 'погрузчик', 'loader', '{}'),
    ('resource', 'crane',        40, 'кран', 'кран', 'crane', '{автокран}'),
    ('resource', 'dump truck',   50, 'мошини худборфарор', 'самосвал', 'dump truck', '{tipper}'),
    ('resource', 'lorry',        60, 'мошини боркаш', 'грузовик', 'lorry', '{truck,"грузовая машина",камаз}'),
    ('resource', 'bus',          70, 'автобус', 'автобус', 'bus', '{coach}'),
    ('resource', 'ambulance',    80, 'мошини ёрии таъҷилӣ', 'машина скорой помощи', 'ambulance', '{"ёрии таъҷилӣ","скорая помощь",скорая}'),
    ('resource', 'fire engine',  90, 'мошини сӯхторхомӯшкунӣ', 'пожарная машина', 'fire engine', '{"fire truck"}'),
    ('resource', 'water tanker',100, 'мошини обкаш', 'водовоз', 'water tanker', '{"цистерна для воды","water truck"}'),
    ('resource', 'helicopter',  110, 'чархбол', 'вертолёт', 'helicopter', '{}'),
    ('resource', 'boat',        120, 'қаиқ', 'лодка', 'boat', '{лодок}'),
    ('resource', 'rescue team', 130, 'гурӯҳи наҷот', 'спасательная группа', 'rescue team', '{спасатели,наҷотдиҳандагон,rescuers,"спасательных групп"}'),
    ('resource', 'medical team',140, 'гурӯҳи тиббӣ', 'медицинская бригада', 'medical team', '{врачи,духтурон,doctors}'),
    ('resource', 'tent',        150, 'хайма', 'палатка', 'tent', '{чодир,палаток}'),
    ('resource', 'blanket',     160, 'кӯрпа', 'одеяло', 'blanket', '{}'),
    ('resource', 'mattress',    170, 'кӯрпача', 'матрас', 'mattress', '{}'),
    ('resource', 'stove',       180, 'оташдон', 'печь', 'stove', '{печка}'),
    ('resource', 'ration',      190, 'бастаи озуқа', 'продовольственный паёк', 'ration', '{паёк,озуқа,"food ration","food"}'),
    ('resource', 'water',       200, 'оби нӯшокӣ', 'питьевая вода', 'drinking water', '{об,вода,water}'),
    ('resource', 'medical kit', 210, 'маҷмӯи тиббӣ', 'медицинский набор', 'medical kit', '{аптечка}'),
    ('resource', 'body bag',    220, 'халтаи ҷасад', 'мешок для тел', 'body bag', '{}'),
    ('resource', 'pump',        230, 'насос', 'насос', 'pump', '{помпа,мотопомпа}'),
    ('resource', 'generator',   240, 'генератор', 'генератор', 'generator', '{электростанция}'),
    ('resource', 'fuel',        250, 'сӯзишворӣ', 'топливо', 'fuel', '{солярка,diesel,дизел,бензин}'),
    ('resource', 'sandbag',     260, 'халтаи рег', 'мешок с песком', 'sandbag', '{}'),
    ('resource', 'gabion',      270, 'габион', 'габион', 'gabion', '{}'),
    ('resource', 'satellite phone', 280, 'телефони моҳворавӣ', 'спутниковый телефон', 'satellite phone', '{}'),
    ('resource', 'radio',       290, 'рация', 'рация', 'radio', '{радиостанция}');

RESET ROLE;
