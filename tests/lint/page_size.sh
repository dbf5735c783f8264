#!/bin/sh
# page_size.sh - all script of the dispatchers' page, as browsers get it (packed), is at most 100 KB; the map library does
# not count.
set -u
cd "${1:-$(dirname "$0")/../..}"
total=0
plain=0
for file in agents/console/page/*.js; do
    total=$((total + $(gzip -9nc "$file" | wc -c)))
    plain=$((plain + $(wc -c <"$file")))
done
echo "script of the page: $total bytes packed, $plain as it is written; at most 102400"
[ "$total" -le 102400 ] || { echo "0 passed, 1 failed"; exit 1; }
echo "1 passed, 0 failed"
