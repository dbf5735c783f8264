#!/bin/sh
# runbook.sh - every warning and error that a program can log has a paragraph `### id` in the runbook, and
# every such paragraph an id in the source. A paragraph is a heading with at least one line of text.
#
#   tests/lint/runbook.sh [ROOT]     ROOT: the tree to read, default the one this script stands in
set -eu
cd "${1:-$(dirname "$0")/../..}"
book=deploy/runbook.md
[ -e "$book" ] || { echo "runbook.sh: there is no $book" >&2; exit 2; }
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT

# The id may stand on the line after the bracket. A call whose id is no literal cannot be looked up.
# shellcheck disable=SC2046 # one word per file is meant
awk '
FNR == 1 { waiting = 0 }
FILENAME ~ /proto\/base\/log\.c$/ { next }
{
    rest = $0
    if (waiting) {
        sub(/^[ \t]*/, "", rest)
        rest = "log_warn(" rest
        waiting = 0
    }
    while (match(rest, /log_(warn|error)\(/)) {
        rest = substr(rest, RSTART + RLENGTH)
        if (rest ~ /^[ \t]*$/)
            waiting = 1
        else if (match(rest, /^"[a-z0-9_.]+"/))
            print substr(rest, 2, RLENGTH - 2)
        else
            printf "%s:%d: the id of a warning or error is no plain text\n", FILENAME, FNR >"/dev/stderr"
    }
}' $(find broker agents proto -name '*.c' | LC_ALL=C sort) >"$lists/all" 2>"$lists/wrong"
LC_ALL=C sort -u "$lists/all" >"$lists/source"
awk '
/^#/ {
    if (id != "" && !text)
        printf "deploy/runbook.md: %s has no text\n", id >"/dev/stderr"
    id = ""
}
/^### / { id = $2; text = 0; print id; next }
/[^ \t]/ { text = 1 }
END { if (id != "" && !text) printf "deploy/runbook.md: %s has no text\n", id >"/dev/stderr" }
' "$book" 2>>"$lists/wrong" | LC_ALL=C sort >"$lists/book"

{
    uniq -d "$lists/book" | sed "s|.*|$book: & has two paragraphs|"
    LC_ALL=C comm -23 "$lists/source" "$lists/book" |
        sed "s|.*|$book: & is logged and has no paragraph|"
    LC_ALL=C sort -u "$lists/book" | LC_ALL=C comm -13 "$lists/source" - |
        sed "s|.*|$book: & has a paragraph and is logged nowhere|"
} >>"$lists/wrong"
cat "$lists/wrong"
[ ! -s "$lists/wrong" ]
