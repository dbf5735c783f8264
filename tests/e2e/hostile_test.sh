#!/bin/bash
# hostile_test.sh - texts that mean harm on every page, in Debian's Chromium (hostile.mjs).
set -euo pipefail
cd "$(dirname "$0")"
exec bash ./browser.sh hostile.mjs
