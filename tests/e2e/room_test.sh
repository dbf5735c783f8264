#!/bin/bash
# room_test.sh - the dispatchers' page in Debian's Chromium: the room: alarms, the night of Ayni, the queue, what is done, and what breaks (room.mjs).
set -euo pipefail
cd "$(dirname "$0")"
exec bash ./browser.sh room.mjs room
