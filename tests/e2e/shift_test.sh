#!/bin/bash
# shift_test.sh - the dispatchers' page in Debian's Chromium: who comes in and from where, orders to machines, the line, and a page that stays open (room.mjs).
set -euo pipefail
cd "$(dirname "$0")"
exec bash ./browser.sh room.mjs shift
