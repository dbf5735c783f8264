#!/bin/sh
# includes.sh must find what it is for: a tree of wrong arrows, one by one, and a tree without any.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

fresh() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/proto/base" "$tree/proto/wire" "$tree/broker/store" "$tree/broker/router" \
        "$tree/broker/access" "$tree/broker/egress" "$tree/agents/link" "$tree/agents/sensor" \
        "$tree/agents/ctl" "$tree/sql" "$tree/tests/unit"
    for header in proto/base/mem proto/wire/gate broker/parcel broker/config broker/broker \
        broker/store/store broker/router/router broker/access/access broker/egress/egress \
        agents/link/agent agents/link/outbox_file agents/sensor/line agents/ctl/db sql/sql_text tests/unit/help; do
        echo '/* a door */' >"$tree/$header.h"
    done
}

# rejects FILE TEXT WORDS: TEXT in FILE must be reported at FILE:2 in a sentence with WORDS.
rejects() {
    fresh
    printf '/* line one */\n%b\n' "$2" >"$tree/$1"
    if said=$("$here/includes.sh" "$tree"); then
        echo "not found: $1: $2"
        failed=1
        return
    fi
    case "$said" in
    "$1:2: "*"$3"*) ;;
    *)
        echo "wrong report for $1: $2"
        echo "  $said"
        failed=1
        ;;
    esac
}

# accepts FILE TEXT: nothing to say.
accepts() {
    fresh
    printf '/* line one */\n%b\n' "$2" >"$tree/$1"
    if ! said=$("$here/includes.sh" "$tree"); then
        echo "blamed without reason: $1: $2"
        echo "  $said"
        failed=1
    fi
}

rejects proto/base/x.c '#include "proto/wire/gate.h"' 'knows nothing of messages'
rejects proto/base/x.c '#include "eocbus/v1/envelope.pb-c.h"' 'knows nothing of messages'
rejects proto/wire/x.c '#include "broker/parcel.h"' 'stands on proto/base alone'
rejects broker/parcel.c '#include "broker/store/store.h"' 'the parcel knows no room'
rejects broker/store/x.c '#include "broker/router/router.h"' 'rooms never include each other'
rejects broker/store/x.c '#include "broker/access/access.h"' 'rooms never include each other'
rejects broker/store/x.c '#include "broker/broker.h"' 'does not know the hallway'
rejects broker/config.c '#include "broker/store/store.h"' 'settings know no room'
rejects broker/router/x.c '#include "sql/sql_text.h"' 'SQL belongs to the store'
rejects broker/store/x.c '#include "agents/link/agent.h"' 'never include each other'
rejects agents/sensor/x.c '#include "broker/parcel.h"' 'never include each other'
rejects agents/sensor/x.c '#include "agents/ctl/db.h"' 'agents do not include each other'
rejects agents/sensor/x.c '#include "sql/sql_text.h"' 'only eocctl'
rejects agents/link/x.c '#include "agents/sensor/line.h"' 'knows none of them'
rejects agents/link/x.c '#include "agents/link/outbox_file.h"' 'share it'
rejects agents/sensor/x.c '#include "tests/unit/help.h"' 'does not include its tests'
rejects broker/store/x.c '#include "store.h"' 'not written from the root'
rejects broker/store/x.c '#include "../parcel.h"' 'not written from the root'
rejects broker/store/x.c '#include "broker/store/none.h"' 'does not exist'
for guest in uv zmq libpq-fe sqlite3 jansson sodium libgfshare microhttpd; do
    rejects broker/router/x.c "#include <$guest.h>" "$guest.h>, whose only doors are"
done
rejects agents/ctl/x.c '#include <postgresql/libpq-fe.h>' 'libpq-fe.h>'
rejects proto/base/pg.c '  #  include "sqlite3.h"' 'sqlite3.h>'
rejects broker/store/x.c 'int f(char *d){ return sprintf (d, "x"); }' 'sprintf() is banned'
rejects proto/base/pg.c 'PQexec(conn, text);' 'no literal'
rejects proto/base/pg.c 'PQexec(conn,\n     text);' 'no literal'
rejects agents/ctl/x.c 'db_script(d, text);' 'no literal'
rejects agents/ctl/x.c 'snprintf(s, n, "SELECT a FROM %s", t);' 'put together'

accepts agents/link/outbox_x.c '#include "agents/link/outbox_file.h"'
accepts broker/store/x.c '#include "broker/parcel.h"\n#include "broker/store/store.h"\n#include "sql/sql_text.h"'
accepts broker/egress/x.c '#include "broker/access/access.h"\n#include "eocbus/v1/session.pb-c.h"'
accepts broker/broker.c '#include "broker/store/store.h"\n#include "broker/egress/egress.h"'
accepts proto/wire/x.c '#include "rules.inc"\n#include "proto/base/mem.h"'
accepts agents/ctl/db.c '#include <libpq-fe.h>\nPQexec(conn, sql);'
accepts agents/sensor/x.c '#include "agents/link/agent.h"'
accepts proto/base/pg.c 'PQexec(conn, "BEGIN");\nPQexec(conn,\n    sql_query("x"));'
accepts broker/store/x.c '/* sprintf(x)\n #include <uv.h>\n atoi(x) */ // gets(x)\nchar *s = "atoi(x) /*"; int my_atoi(int x);'
accepts tests/unit/x.c '#include <zmq.h>\n#include "broker/store/store.h"\n#include "agents/ctl/db.h"'

[ "$failed" = 0 ] && echo "includes.sh finds every wrong arrow it is asked for"
exit "$failed"
