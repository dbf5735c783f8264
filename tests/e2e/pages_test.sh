#!/bin/bash
# pages_test.sh - the dispatchers' page in Debian's Chromium: the boards, the map, public alerts and papers, readable by everybody (room.mjs).
set -euo pipefail
cd "$(dirname "$0")"
exec bash ./browser.sh room.mjs pages
