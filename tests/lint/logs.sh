#!/bin/sh
# logs.sh - no line of the log may say what somebody wrote: the sentence of a refusal quotes the field it refuses, and
# a content is a content. A log names principals, codes and paths.
#
#   tests/lint/logs.sh [ROOT]     ROOT: the tree to read, default the one this script stands in
set -u
cd "${1:-$(dirname "$0")/../..}"
# shellcheck disable=SC2046 # one word per file is meant
awk '
function judge() {
    if (call ~ /(why|oc|refused|refusal|outcome)(\.|->)text|->content|\.content[^_]|->subject|->narrative|->person/) {
        printf "%s:%d: this line of the log may quote what somebody wrote\n", FILENAME, at
        found = 1
    }
    call = ""
}
FNR == 1 { call = "" }
call == "" && /(^|[^a-z_])log_(debug|info|warn|error)\(/ && !/^(static )?void log_/ { call = " "; at = FNR }
call != "" { call = call $0; if (/;[ \t]*(\/\*.*)?$/) judge() }
END { exit found }
' $(find proto broker agents -name '*.c' ! -name log.c | LC_ALL=C sort)
