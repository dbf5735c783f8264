#!/bin/sh
# words.sh - the project speaks of itself alone: every document it names exists in it, and no path of some
# developer's machine stands in it.
set -u
cd "$(dirname "$0")/../.."
bad=0

# Documents that a comment or a page names by file.
for name in $(git grep -hoIE '\b[A-Za-z0-9_-]+\.md\b' -- . ':!tests/data' ':!deploy/demo/data' |
    sort -u); do
    git ls-files | grep -qE "(^|/)$(printf '%s' "$name" | sed 's/[.]/[.]/g')\$" || {
        echo "a document that does not exist is named: $name"
        git grep -nIF "$name" -- . | head -n 3
        bad=1
    }
done
if git grep -nIE '(/home|/root|/Users)/[A-Za-z]' -- . ':!tests/unit/base/conf_test.c' ':!tests/lint/words.sh'; then
    echo "a path of one machine stands in the tree"
    bad=1
fi
exit $bad
