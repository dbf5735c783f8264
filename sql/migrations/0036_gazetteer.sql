-- 0036 gazetteer: places, how they are called, what each source says of them, and where sources contradict each other.
--
-- bus.place_stated keeps what the imported tables say, each for itself; bus.place is what became of it and of the
-- messages that changed it. Rows are never changed: one that is replaced says by which version (until_version).
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.gazetteer_version (
    version      int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    seq          int8,
    said_version int8,
    changed      int4 NOT NULL DEFAULT 0,
    source       text NOT NULL
);
COMMENT ON TABLE bus.gazetteer_version IS 'every change of the gazetteer: an import, or a message gazetteer_update';
COMMENT ON COLUMN bus.gazetteer_version.seq IS 'number of the message; null: an import';
COMMENT ON COLUMN bus.gazetteer_version.said_version IS 'version that the message gives itself';
COMMENT ON COLUMN bus.gazetteer_version.changed IS 'rows of bus.place that it made';

CREATE TABLE bus.place (
    valid_from      timestamptz NOT NULL,
    valid_to        timestamptz,
    lat             float8,
    lon             float8,
    version         int4 NOT NULL REFERENCES bus.gazetteer_version,
    until_version   int4,
    population      int4,
    level           int2 NOT NULL CHECK (level BETWEEN 1 AND 5),
    population_year int2,
    pcode           text NOT NULL,
    parent          text NOT NULL DEFAULT '',
    name_tg         text NOT NULL DEFAULT '',
    name_ru         text NOT NULL DEFAULT '',
    name_en         text NOT NULL,
    source          text NOT NULL,
    replaced_by     text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (pcode, valid_from, version)
);
CREATE UNIQUE INDEX place_stands ON bus.place (pcode, valid_from) WHERE until_version IS NULL;
CREATE INDEX place_parent ON bus.place (parent) WHERE until_version IS NULL;
COMMENT ON TABLE bus.place IS 'places, one row for each span of their life and each version of what was known of it';
COMMENT ON COLUMN bus.place.level IS '1 country, 2 region, 3 district or city, 4 jamoat or town, 5 village';
COMMENT ON COLUMN bus.place.parent IS 'P-code of the unit it lies in; of a region the country, which need not be here';
COMMENT ON COLUMN bus.place.valid_from IS 'first day it holds; -infinity: always';
COMMENT ON COLUMN bus.place.valid_to IS 'first day it holds no more; null: still holds';
COMMENT ON COLUMN bus.place.replaced_by IS 'P-codes that took its place; several after a split';
COMMENT ON COLUMN bus.place.until_version IS 'version that replaced this row; null: this is what is known';
COMMENT ON COLUMN bus.place.lat IS 'degrees north, WGS 84; a point inside, for maps';
COMMENT ON COLUMN bus.place.lon IS 'degrees east, WGS 84';
COMMENT ON COLUMN bus.place.population IS 'persons; null: not known';

CREATE TABLE bus.place_alias (
    is_former bool NOT NULL DEFAULT false,
    pcode     text NOT NULL,
    alias     text NOT NULL,
    language  text NOT NULL CHECK (language IN ('tg', 'ru', 'en', '')),
    source    text NOT NULL,
    folded    text NOT NULL,
    skeleton  text NOT NULL,
    PRIMARY KEY (pcode, alias, language)
);
CREATE INDEX place_alias_folded ON bus.place_alias (folded text_pattern_ops);
CREATE INDEX place_alias_skeleton ON bus.place_alias (skeleton);
COMMENT ON TABLE bus.place_alias IS 'everything a place is called, its names included; what eoc.find_place looks through';
COMMENT ON COLUMN bus.place_alias.language IS 'tg, ru, en; empty: another one, or none';
COMMENT ON COLUMN bus.place_alias.folded IS 'bus.fold_place(alias): alike for spellings of one name';
COMMENT ON COLUMN bus.place_alias.skeleton IS 'the same without vowels';
COMMENT ON COLUMN bus.place_alias.is_former IS 'used in the past only';

CREATE TABLE bus.place_stated (
    valid_from      timestamptz,
    valid_to        timestamptz,
    lat             float8,
    lon             float8,
    line            int4 NOT NULL,
    population      int4,
    population_year int2,
    rank            int2 NOT NULL,
    level           int2 NOT NULL,
    source          text NOT NULL,
    shape           text NOT NULL,
    pcode           text NOT NULL DEFAULT '',
    parent          text NOT NULL DEFAULT '',
    parent_name     text NOT NULL DEFAULT '',
    name_tg         text NOT NULL DEFAULT '',
    name_ru         text NOT NULL DEFAULT '',
    name_en         text NOT NULL DEFAULT '',
    aliases         text[] NOT NULL DEFAULT '{}',
    replaced_by     text[] NOT NULL DEFAULT '{}',
    matched         text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (source, line)
);
CREATE INDEX place_stated_code ON bus.place_stated (pcode);
COMMENT ON TABLE bus.place_stated IS 'what each imported table says, row by row, as it says it';
COMMENT ON COLUMN bus.place_stated.rank IS 'whose word counts first where several say something: 0 before 1';
COMMENT ON COLUMN bus.place_stated.pcode IS 'empty: this table has names and no codes';
COMMENT ON COLUMN bus.place_stated.matched IS 'codes whose names fit a row that has none';
COMMENT ON COLUMN bus.place_stated.lat IS 'degrees north, WGS 84';
COMMENT ON COLUMN bus.place_stated.lon IS 'degrees east, WGS 84';
COMMENT ON COLUMN bus.place_stated.population IS 'persons';

CREATE TABLE bus.place_conflict (
    conflict_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at  timestamptz,
    seq         int8,
    is_found    bool NOT NULL DEFAULT true,
    kind        text NOT NULL,
    subject     text NOT NULL,
    what        text NOT NULL,
    done        text NOT NULL,
    sources     text[] NOT NULL DEFAULT '{}',
    proposed    text[] NOT NULL DEFAULT '{}',
    settled_by  text,
    settled_as  text,
    because     text,
    UNIQUE (kind, subject, what)
);
COMMENT ON TABLE bus.place_conflict IS 'where sources contradict each other or themselves; each stays until a person settles it or the data are mended';
COMMENT ON COLUMN bus.place_conflict.subject IS 'P-code, or a name where there is none';
COMMENT ON COLUMN bus.place_conflict.done IS 'what the gazetteer does meanwhile';
COMMENT ON COLUMN bus.place_conflict.is_found IS 'false while an import has not found it again';
COMMENT ON COLUMN bus.place_conflict.proposed IS 'P-codes that it may be about';
COMMENT ON COLUMN bus.place_conflict.seq IS 'number of the message that it was found in; null: an import';
COMMENT ON COLUMN bus.place_conflict.settled_as IS 'P-code whose alias the name became; empty: left as it is';

RESET ROLE;
