#!/bin/sh
# Who may include whom. Reports every arrow that runs the wrong way as `file:line: sentence`, and exits
# with 1 if there is any.
#
#   tests/lint/includes.sh [ROOT]     ROOT: the tree to read, default the one this script stands in
#
# The rules are the README's picture: proto/base <- proto/wire <- broker/parcel.h <- rooms <- broker/*.c;
# rooms never include each other, but ingress and egress may ask access; agents/link <- the agents;
# broker and agents never meet. A guest library has the doors listed below and no other. SQL text is
# never put together from values. Functions that proto/base/banned.h poisons are not used, also where
# that header was forgotten.
set -eu
root=${1:-$(dirname "$0")/../..}
cd "$root"
# Tests may look everywhere and use what they like; they are read for the form of their includes only.
files=$(find proto broker agents sql tests -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
[ -n "$files" ] || { echo "includes.sh: no sources below $PWD" >&2; exit 2; }

# shellcheck disable=SC2086 # one word per file is meant
awk '
BEGIN {
    # guest header -> files (or folders, ending in a slash) that may let it in
    door["uv.h"] = "proto/base/loop_parts.h"
    door["zmq.h"] = "proto/base/zport_parts.h proto/base/keys.c broker/access/zap.c"
    door["libpq-fe.h"] = "proto/base/pg_parts.h agents/ctl/db.c"
    door["sqlite3.h"] = "agents/link/outbox_file.h agents/link/inbox.c"
    door["jansson.h"] = "proto/wire/json.c agents/sensor/input/mapping_json.c agents/ctl/room_parts.h"
    door["sodium.h"] = "proto/base/keys.c proto/base/digest.c proto/base/sign.c proto/base/seal.c proto/base/password.c proto/base/locked.c"
    door["libgfshare.h"] = "proto/base/shares.c"
    door["parser.h"] = "agents/ctl/edxl_xml.c agents/console/cap/cap_tree.c agents/console/cap/cap_sign.c"
    door["tree.h"] = "agents/ctl/edxl_xml.c agents/console/cap/cap_parts.h agents/console/cap/cap_sign.c"
    door["xmlsec.h"] = door["crypto.h"] = door["errors.h"] = door["xmldsig.h"] = door["templates.h"] = door["xmltree.h"] = "agents/console/cap/cap_sign.c"
    door["gpiod.h"] = "agents/sensor/siren/gpio.c"
    door["mosquitto.h"] = "agents/sensor/input/mqtt_parts.h"
    door["mqtt_protocol.h"] = "agents/sensor/input/mqtt_parts.h"
    door["microhttpd.h"] = "agents/web/"
    door["zlib.h"] = "agents/web/pack.c"
    # header that only some files share -> how their names begin
    shared["agents/sensor/input/mqtt_parts.h"] = "agents/sensor/input/mqtt"
    shared["agents/console/cap/cap_parts.h"] = "agents/console/cap/cap_"
    shared["agents/ctl/room_parts.h"] = "agents/ctl/room_"
    shared["agents/link/outbox_file.h"] = "agents/link/outbox"
    shared["agents/link/downlink_parts.h"] = "agents/link/downlink"
    shared["agents/sensor/input/journal_parts.h"] = "agents/sensor/input/journal"
    shared["broker/store/cursor_parts.h"] = "broker/store/cursor"
    shared["proto/wire/record_parts.h"] = "proto/wire/record"
    shared["proto/base/pg_parts.h"] = "proto/base/pg"
    shared["proto/base/loop_parts.h"] = "proto/base/loop"
    shared["proto/base/zport_parts.h"] = "proto/base/z"
    shared["proto/base/conf_parts.h"] = "proto/base/conf"
    # The one file whose PQexec takes a variable: db_script, and what is given to that is checked
    whole_sql["agents/ctl/db.c"] = 1
    banned = "strcpy strcat sprintf vsprintf gets strtok atoi atol atof alloca"
    banned_count = split(banned, banned_names, " ")
    generated["rules.inc"] = 1
    generated["words.inc"] = 1
    generated["edxl_rm.inc"] = 1
    generated["places.inc"] = 1
    generated["room_words.inc"] = 1
}

function wrong_at(line, text) {
    printf "%s:%d: %s\n", FILENAME, line, text
    found = 1
}

function wrong(text) {
    wrong_at(FNR, text)
}

function starts(text, prefix) {
    return substr(text, 1, length(prefix)) == prefix
}

# "proto/base/pg.c" -> "broker/store"; "broker/broker.c" -> "broker"
function folder(path) {
    return match(path, /\/[^\/]*$/) ? substr(path, 1, RSTART - 1) : ""
}

# The first two parts: "tests/unit/base" -> "tests/unit", "broker/store/x" -> "broker/store"
function area(path,  parts, n) {
    n = split(path, parts, "/")
    return n > 2 ? parts[1] "/" parts[2] : parts[1]
}

function exists(path,  line, got) {
    if (!(path in known)) {
        got = (getline line < path)
        close(path)
        known[path] = got >= 0
    }
    return known[path]
}

# Empty if FILENAME may include the header, else why not.
function fault(to,  from, base, own) {
    from = area(FILENAME)
    own = area(to)
    base = starts(to, "proto/base/")
    if (to in shared && !starts(FILENAME, shared[to]))
        return "only " shared[to] "*.c share it"
    if (from == "proto/base")
        return base || (to == "sql/sql_text.h" && starts(FILENAME, "proto/base/pg")) ? "" : "proto/base knows nothing of messages; it may include only itself"
    if (starts(to, "tests/"))
        return "the product does not include its tests"
    if (base || starts(to, "eocbus/v1/"))
        return ""
    if (from == "proto/wire")
        return own == from ? "" : "proto/wire stands on proto/base alone"
    if (starts(to, "proto/wire/"))
        return ""
    if (starts(FILENAME, "broker/")) {
        if (starts(to, "agents/"))
            return "the broker and the agents never include each other"
        if (FILENAME == "broker/parcel.h" || FILENAME == "broker/parcel.c")
            return to == "broker/parcel.h" ? "" : "the parcel knows no room"
        if (to == "sql/sql_text.h")
            return from == "broker/store" || from == "broker" ? "" : "SQL belongs to the store"
        if (from == "broker" && starts(FILENAME, "broker/config."))
            return to == "broker/config.h" ? "" : "settings know no room"
        if (from == "broker")
            return starts(to, "broker/") ? "" : "the hallway knows only rooms and proto"
        if (to == "broker/parcel.h" || own == from)
            return ""
        if (own == "broker/access" && (from == "broker/ingress" || from == "broker/egress"))
            return ""
        if (own == "broker")
            return "a room does not know the hallway; let the hallway hand it what it needs"
        return "rooms never include each other; let the hallway connect " from " and " own
    }
    if (starts(FILENAME, "agents/")) {
        if (starts(to, "broker/"))
            return "the broker and the agents never include each other"
        if (to == "sql/sql_text.h")
            return from == "agents/ctl" || starts(FILENAME, "agents/console/read/") ? "" : "of the agents only eocctl and the pages speak SQL"
        if (own == from)
            return ""
        if (from == "agents/link" || from == "agents/web")
            return from " is what agents stand on; it knows none of them"
        if (own == "agents/link" || own == "agents/web")
            return ""
        return "agents do not include each other; what two need goes to agents/link"
    }
    return ""
}

function check_quoted(to,  why) {
    if (to in generated || starts(to, "eocbus/v1/"))
        ;
    else if (index(to, "/") == 0 || starts(to, "../") || starts(to, "./")) {
        wrong("\"" to "\" is not written from the root of the tree")
        return
    } else if (!exists(to)) {
        wrong("\"" to "\" does not exist in the tree")
        return
    }
    if (to in generated || starts(FILENAME, "tests/") || starts(FILENAME, "sql/"))
        return
    why = fault(to)
    if (why != "")
        wrong("includes \"" to "\": " why)
}

function check_guest(header,  doors, n, i) {
    sub(/^.*\//, "", header)
    if (!(header in door) || starts(FILENAME, "tests/"))
        return
    n = split(door[header], doors, " ")
    for (i = 1; i <= n; i++)
        if (FILENAME == doors[i] || (doors[i] ~ /\/$/ && starts(FILENAME, doors[i])))
            return
    wrong("includes <" header ">, whose only doors are " door[header])
}

function check_include(line,  name) {
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
    name = substr(line, 2)
    sub(/[">].*/, "", name)
    check_guest(name)
    if (substr(line, 1, 1) == "\"")
        check_quoted(name)
}

# The line without comments; strings become "". Keeps in_comment over lines.
function code_of(line,  out) {
    out = ""
    while (line != "") {
        if (in_comment) {
            if (!match(line, /\*\//))
                return out
            line = substr(line, RSTART + 2)
            in_comment = 0
            continue
        }
        if (!match(line, /"|\047|\/\*|\/\//))
            return out line
        out = out substr(line, 1, RSTART - 1)
        line = substr(line, RSTART)
        if (starts(line, "//"))
            return out
        if (starts(line, "/*")) {
            in_comment = 1
            line = substr(line, 3)
        } else if (match(line, /^"([^"\\]|\\.)*"/)) {
            out = out "\"\""
            line = substr(line, RLENGTH + 1)
        } else if (match(line, /^\047([^\047\\]|\\.)+\047/)) {
            out = out "0"
            line = substr(line, RLENGTH + 1)
        } else {
            line = substr(line, 2)
        }
    }
    return out
}

function check_banned(code,  i, name) {
    for (i = 1; i <= banned_count; i++) {
        name = banned_names[i]
        if (index(code, name) && match(" " code, "[^A-Za-z0-9_]" name "[ \t]*\\("))
            wrong(name "() is banned; see proto/base/banned.h")
    }
}

# PQexec(conn, X), db_script(db, X): X is a literal or a text of sql/ (sql_query(), a row of sql_texts).
function check_sql_argument(argument, line) {
    sub(/^[ \t]*/, "", argument)
    if (argument ~ /^("|sql_|t->text)/ || FILENAME in whole_sql)
        return
    wrong_at(line, "SQL that is no literal is run whole; use parameters, or a file in sql/queries")
}

function check_sql(code, raw,  rest) {
    if (waiting && code !~ /^[ \t]*$/) {
        check_sql_argument(code, waiting)
        waiting = 0
    }
    if (code !~ /enum status db_script/ && match(code, /(PQexec|db_script)[ \t]*\([^,]*,/)) {
        rest = substr(code, RSTART + RLENGTH)
        if (rest ~ /^[ \t]*$/)
            waiting = FNR
        else
            check_sql_argument(rest, FNR)
    }
    if (code != "" && raw ~ /"(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|GRANT) [^"]*%l*[sdu]/)
        wrong("SQL put together from a value; use a parameter")
}

FNR == 1 {
    in_comment = waiting = 0
}

!in_comment && /^[ \t]*#[ \t]*include[ \t]*["<]/ {
    check_include($0)
}

{
    code = code_of($0)
    if (starts(FILENAME, "tests/") || code ~ /^[ \t]*#[ \t]*(pragma|undef)/)
        next
    check_banned(code)
    check_sql(code, $0)
}

END {
    exit found
}
' $files
