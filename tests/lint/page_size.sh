#!/bin/bash
# page_size.sh [TREE] - how much script the dispatchers' page has. Its bar is "100 KB of script at most besides Leaflet", which this
# reads twice, each with 102,400 bytes: all together as a browser gets it, each file packed by itself (gzip -9); and what it must have
# for the first view (app.js and all that it imports statically) as it is written. All together as it is written is more than that:
# it is said, and not held. What is no script does not count: words, shapes, styles. Nothing is minified.
# What is imported when somebody wants it is not imported at once as well, and imports go one way, never in a circle.
set -u
cd "${1:-$(dirname "$0")/../..}/agents/console/page" || exit 2
most=102400
bad=0
fail() { echo "$*"; bad=1; }

# static_imports FILE: the modules beside it that it cannot begin without.
static_imports() { grep -oE "(\bfrom|^import) *[\"']\./[^\"']+" "$1" | sed "s/.*[\"']\.\///"; }

first=""
add() {
    case " $first " in *" $1 "*) return ;; esac
    [ -f "$1" ] || { fail "$1 is imported and does not exist"; return; }
    first="$first $1"
    local file
    for file in $(static_imports "$1"); do add "$file"; done
}
add app.js
# shellcheck disable=SC2086
written=$(cat $first | wc -c)
all=$(cat ./*.js | wc -c)
packed=0
for file in *.js; do packed=$((packed + $(gzip -9nc "$file" | wc -c))); done
echo "script of the page: first view $written bytes as written (at most $most), all $packed packed (at most $most), $all as written"
[ "$written" -le "$most" ] || fail "the first view is too large:$first"
[ "$packed" -le "$most" ] || fail "all together is too large"

# index.html names all of the first view: the browser asks for them at once, and not import by import.
named=$(grep -oE '/page/[a-z_0-9]+\.js' index.html | sed 's/.*\///' | sort)
[ "$named" = "$(printf '%s\n' $first | sort)" ] || fail "index.html names other files than the first view is made of:" $(printf '%s\n' $named $first | sort | uniq -u)

for file in $(grep -oE '"\./[a-z_0-9]+\.js"' parts.js | tr -d '"' | sed 's/^\.\///' | sort -u); do
    case " $first " in *" $file "*) grep -q "from \"./$file\"" parts.js || fail "$file comes when it is wanted (parts.js), and yet with the first view" ;; esac
done
for file in *.js; do
    for other in $(static_imports "$file"); do echo "$file $other"; done
done | tsort >/dev/null || fail "imports go in a circle"
[ "$bad" -eq 0 ] && echo "1 passed, 0 failed" || echo "0 passed, 1 failed"
exit $bad
