#!/bin/sh
# clang-tidy and cppcheck over the product, with the settings of .clang-tidy and cppcheck.suppress.
#
#   tests/lint/static.sh          BUILD=dir: where generated headers are or go (default build)
#                                 SECONDS_MAX=n: time for clang-tidy (default 170)
#
# A file that was clean is not looked at again until it, a header of it or .clang-tidy changes, so only
# the first run is long: about two seconds a file. Exit 0: clean; 1: findings; 2: a tool or a generated
# header is missing; 3: time was over before all files were looked at (run it again, it goes on).
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
limit=${SECONDS_MAX:-170}
cache=$build/tidy
for tool in clang-tidy cppcheck pkg-config; do
    command -v "$tool" >/dev/null || { echo "static.sh: $tool is missing" >&2; exit 2; }
done
generated=$(for p in proto/eocbus/v1/*.proto; do
    echo "$build/gen/eocbus/v1/$(basename "$p" .proto).pb-c.h"
done)
# shellcheck disable=SC2086 # one word per file is meant
make -s BUILD="$build" $generated "$build/gen/rules.inc" >/dev/null || exit 2
mkdir -p "$cache"
flags="-std=c11 -D_GNU_SOURCE -I. -Iagents/link -isystem $build/gen $(pkg-config --cflags libzmq libuv \
    libprotobuf-c libpq sqlite3 jansson libsodium libgfshare libxml-2.0 xmlsec1-openssl)"
files=$(find broker proto agents -name '*.c' | LC_ALL=C sort)
export build cache flags

found=0
# -j2 loses nothing here: no check that needs the whole program at once is on.
# shellcheck disable=SC2086
cppcheck --quiet -j2 --std=c11 --enable=warning,portability,performance --inline-suppr \
    -D_GNU_SOURCE -I. --suppressions-list=tests/lint/cppcheck.suppress --error-exitcode=1 \
    --template='{file}:{line}: {id}: {message}' $files || found=1

# One file a process: clang-tidy 14 sees uninitialised va_lists in the second file of a run. What it says
# of the way to a finding is long, and left out here: `clang-tidy FILE -- $flags` tells it.
look='
    seen=$cache/$( { cat .clang-tidy; clang $flags -E "$1" 2>/dev/null; } | sha256sum | cut -c1-32)
    [ -e "$seen" ] && exit 0
    said=$(clang-tidy --quiet "$1" -- $flags 2>/dev/null) && touch "$seen" && exit 0
    echo "$said" | grep -E "(error|warning):" || echo "$1: clang-tidy could not read it"
    exit 1'
status=0
timeout "$limit" xargs -P "$(nproc)" -n 1 sh -c "$look" tidy >"$cache.said" <<FILES || status=$?
$files
FILES
sed "s|^$PWD/||; s|^\./||" "$cache.said" | LC_ALL=C sort -u
if [ "$status" = 124 ]; then
    echo "static.sh: not all files were looked at within $limit s; run it again" >&2
    [ "$found" = 1 ] || [ -s "$cache.said" ] || exit 3
fi
[ "$status" = 0 ] || found=1
exit "$found"
