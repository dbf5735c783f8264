#!/bin/bash
# room_test.sh - the dispatchers' page in Debian's Chromium (room.mjs).
set -euo pipefail
cd "$(dirname "$0")"
exec bash ./browser.sh room.mjs
