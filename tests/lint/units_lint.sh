#!/bin/bash
# units_lint.sh - every systemd unit of `make install`: complete, known to systemd, exposure below 2.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

if ! BUILD=${BUILD:-$root/build} DESTDIR=$work PREFIX=/usr VERSION=0 sh "$root/deploy/install.sh"; then
    echo "install.sh failed"
    echo "0 passed, 1 failed"
    exit 1
fi
for unit in "$work"/usr/lib/systemd/system/*.service; do
    # The programs are not installed on this machine; everything else about the unit is judged as it is.
    sed -i -E 's|^(ExecStart(Pre)?)=.*|\1=/bin/true|; /^ExecReload/d; /^Documentation/d' "$unit"
    level=$(systemd-analyze security --offline=true "$unit" 2>/dev/null |
        sed -nE 's/.*Overall exposure level for [^:]*: ([0-9.]+).*/\1/p')
    if [ -n "$level" ] && awk "BEGIN { exit !($level < 2) }" && ! grep -q '@[A-Z]*@' "$unit"; then
        passed=$((passed + 1))
    else
        echo "$(basename "$unit"): exposure '${level:-not judged}', should be below 2"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -ge 4 ]
