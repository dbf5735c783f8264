#!/bin/sh
# setup_test.sh - setup.sh says in one sentence that a folder to build in belongs to somebody else.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/b/agents"
as=
if [ "$(id -u)" = 0 ]; then
    as="setpriv --reuid=65534 --regid=65534 --clear-groups"
else
    chmod a-w "$dir/b/agents"
fi

code=0
$as env BUILD="$dir/b" sh deploy/setup.sh test >"$dir/out" 2>&1 || code=$?
chmod -R u+w "$dir/b"
if [ "$code" != 4 ] || ! grep -q "belongs to $(id -un).*sudo chown -R .*$dir/b" "$dir/out"; then
    echo "setup.sh said with status $code:"
    cat "$dir/out"
    exit 1
fi
[ "$(wc -l <"$dir/out")" = 1 ]
