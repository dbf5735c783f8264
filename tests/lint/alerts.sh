#!/bin/sh
# alerts.sh - every metric that an alert looks at is one that the broker prints, with the suffix it prints, and every
# paragraph of the runbook that one names is there.
set -u
cd "${1:-$(dirname "$0")/../..}"
rules=deploy/alerts/eocbus.rules.yml
bad=0
names=$(mktemp)
trap 'rm -f "$names"' EXIT
# {"name", KIND, AT(...): one row a metric
sed -nE 's/^ *\{"([a-z_]+)", (GAUGE|COUNTER|FLAG), .*/\1 \2/p' broker/admin/metrics.c |
    awk '{ print "eocbus_" $1 ($2 == "COUNTER" ? "_total" : "") }' >"$names"
[ -s "$names" ] || { echo "no metrics found in broker/admin/metrics.c"; exit 2; }
for name in $(grep -E '^ *expr:' "$rules" | grep -oE 'eocbus_[a-z_]+' | sort -u); do
    grep -qx "$name" "$names" || { echo "$rules: the broker prints no $name"; bad=1; }
done
grep -oE '^ *runbook: ".*"' "$rules" | sed -E 's/^ *runbook: "(.*)"/\1/' | sort -u | while read -r title; do
    grep -qxE "##+ $(printf '%s' "$title" | sed 's/[.()]/\\&/g')" deploy/runbook.md ||
        { echo "$rules: the runbook has no paragraph \"$title\""; exit 1; }
done || bad=1
exit $bad
