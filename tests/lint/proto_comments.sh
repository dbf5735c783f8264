#!/bin/sh
# The .proto files are the protocol's documentation: every message and enum is explained above its name,
# and every number field says what it counts, by a comment or by the unit or kind of number in its name.
#
#   tests/lint/proto_comments.sh [FILE...]     default: all of proto/eocbus
set -eu
if [ $# = 0 ]; then
    cd "$(dirname "$0")/../.."
    set -- $(find proto/eocbus -name '*.proto' | LC_ALL=C sort)
fi
awk '
function wrong(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    found = 1
}
# Words of the session that mean the same wherever they stand, explained once in PROTOCOL.md.
function explains_itself(name) {
    return name ~ /_(us|ms|bytes)$/ || name ~ /^(tags?|token|subscription|log_epoch|seq|after)$/
}
FNR == 1 { above = "" }
/^[ \t]*(message|enum) [A-Za-z]/ {
    if (above !~ /^[ \t]*\/\//)
        wrong($2 " has no comment above that says what it is")
}
/^ +(repeated )?(u?int(32|64)|sint(32|64)|s?fixed(32|64)|double|float) [a-z_0-9]+ = / {
    name = $1 == "repeated" ? $3 : $2
    if (!index($0, "//") && above !~ /^[ \t]*\/\// && !explains_itself(name))
        wrong(name " is a number without unit or meaning; a comment above or behind it says so")
}
{ above = $0 }
END { exit found }
' "$@"
