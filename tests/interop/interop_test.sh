#!/bin/sh
# interop_test.sh - the Python client against a real broker (SAN_BUILD) and a private PostgreSQL.
set -eu
cd "$(dirname "$0")/../.."
build=$(realpath "${SAN_BUILD:-build-san}")
work=$(mktemp -d /tmp/eocbus-interop-XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/gen"
protoc --proto_path=proto --python_out="$work/gen" --include_source_info \
    --descriptor_set_out="$work/contract.pb" proto/eocbus/v1/*.proto
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$work/gen" /usr/bin/python3 tests/interop/interop.py "$work" "$build"
