#!/bin/sh
# page_words.sh [TREE] - the dispatchers' page says no words that there are none of, and has none that nobody says
# (agents/console/page/words). A key is said as it stands, "queue.empty", or is made: "state." + state, `fact.${fact}`,
# word("state", value), termOf("state"), count("queue.count", n), or by a field that offers all of a group.
set -u
cd "${1:-$(dirname "$0")/../..}/agents/console/page" || exit 2
bad=0
keys=$(cat words/*.tsv | cut -f 1 | grep -vx key)
found() { cat ./*.js | grep -oE "$1" | grep -oE '[a-z_0-9]+(\.[a-z_0-9]+)*\.?'; }

made=$(
    found '["`]([a-z_0-9]+\.)+("|\$\{)'
    {
        found '(word|termOf|capWord|count)\("[a-z_.0-9]+"' | grep -vxE 'word|termOf|capWord|count'
        cat ./*.js | grep -oE 'name: "[a-z_]+"[^}]*options: (words\.)?all' | cut -d '"' -f 2
    } | sed 's/$/./'
)
# shellcheck disable=SC2016
said=$(found '["`]([a-z_0-9]+\.)+[a-z_0-9]+["`]' | sort -u)
for key in $(printf '%s\n' "$keys" | SAID=$said MADE=$made awk '
    BEGIN { split(ENVIRON["SAID"], list, "\n"); for (i in list) said[list[i]]; n = split(ENVIRON["MADE"], made, "\n") }
    { is = $0 in said; for (i = 1; i <= n && !is; i++) is = index($0, made[i]) == 1; if (!is) print }'); do
    echo "nobody says $key"
    bad=1
done
# What begins like a key, and is neither one nor a group of them nor the beginning of one that is made.
for key in $(printf '%s\n' "$said" | KEYS=$keys awk '
    BEGIN { n = split(ENVIRON["KEYS"], keys, "\n"); for (i = 1; i <= n; i++) { is[keys[i]]; split(keys[i], part, "."); group[part[1]] } }
    { split($0, part, "."); if (!(part[1] in group) || $0 in is) next
      for (i = 1; i <= n; i++) if (index(keys[i], $0) == 1) next
      print }'); do
    echo "there are no words for $key, which the page says"
    bad=1
done
exit $bad
