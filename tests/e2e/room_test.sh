#!/bin/bash
# room_test.sh - the dispatchers' page in Debian's Chromium (room.mjs). The two libraries that drive it come from npm
# into BUILD/e2e, once.
set -euo pipefail
cd "$(dirname "$0")"
build=$(realpath "${BUILD:-../../build}")
mkdir -p "$build/e2e"
cp package.json "$build/e2e/"
if [ ! -e "$build/e2e/node_modules/playwright-core" ] || [ ! -e "$build/e2e/node_modules/axe-core" ]; then
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --prefix "$build/e2e" --no-audit --no-fund --no-package-lock --loglevel=error
fi
exec node room.mjs "$build"
