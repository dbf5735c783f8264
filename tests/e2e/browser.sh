#!/bin/bash
# browser.sh SCRIPT [ARG...] - a script of ours under node, with the two libraries that drive Debian's Chromium; they come
# from npm into BUILD/e2e, once. The script's first argument is BUILD.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
build=$(realpath "${BUILD:-$here/../../build}")
mkdir -p "$build/e2e"
exec 8>"$build/e2e/install.lock"
flock 8 # of several that begin together one brings them
if ! cmp -s "$here/package.json" "$build/e2e/installed.json"; then
    cp "$here/package.json" "$build/e2e/"
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --prefix "$build/e2e" --no-audit --no-fund --no-package-lock --loglevel=error >&2
    cp "$here/package.json" "$build/e2e/installed.json" # all of it has come
fi
exec 8>&-
script=$1
shift
exec node "$script" "$build" "$@"
