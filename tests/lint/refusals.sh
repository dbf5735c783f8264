#!/bin/sh
# refusals.sh - every code of refusal that a person may meet at the page has a sentence there: the gate's, the ledger's
# (its judges' and the conditions of its moves), the page's own server's. That a sentence stands in all three languages
# the build sees to (agents/console/page/embed.awk).
set -u
cd "${1:-$(dirname "$0")/../..}"
words=agents/console/page/words

# In calls of bus.refuse, bus.contest and bus.hold the first literal that is an argument of its own.
judges() {
    cat sql/functions/*.sql | tr '\n' ' ' | grep -oE "bus\.(refuse|contest|hold)\([^;]{0,200}" | sed -E "s/->>?'[a-z_]+'//g" |
        sed -nE "s/^bus\.[a-z]+\(([^']*, *)?'([a-z_]+)', .*/\2/p"
}
conditions() {
    awk '/INSERT INTO bus.cycle_guard/ { inside = 1 } inside { print } /;$/ { inside = 0 }' sql/migrations/*.sql |
        sed -nE "s/^[^(]*\( *'[a-z]+', *'[a-z_]+', *'([a-z_]+)',.*/\1/p"
}
gate() {
    sed -nE 's/^#define CODE_[A-Z]+ +"([a-z0-9_]+)".*/\1/p' proto/wire/gate.h
}
server() {
    cat agents/console/api/*.c | tr '\n' ' ' | grep -oE '(answer_error|answer_later|refuse)\([a-z>-]+, [0-9]+, "[a-z_]+"' |
        sed -E 's/.*"([a-z_]+)"/\1/'
}

bad=0
for from in judges conditions gate server; do
    codes=$($from | sort -u)
    count=$(printf '%s\n' "$codes" | wc -l)
    [ "$count" -ge 10 ] || { echo "$from: only $count codes were found; the search is broken"; bad=1; }
    for code in $codes; do
        grep -qE "^(refused|trouble)\.$code	" $words/*.tsv || { echo "$from: no words for the refusal '$code' in $words/refused.tsv"; bad=1; }
    done
done
[ $bad -eq 0 ] && echo "1 passed, 0 failed" || echo "0 passed, 1 failed"
exit $bad
