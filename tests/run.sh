#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing (Debian), builds, and runs the tests.
#
#   tests/run.sh [--build-dir DIR] [--suite NAME] [MESON-SETUP-OPTION ...]
#
#   --build-dir DIR   where to build (build-tests)
#   --suite NAME      only the tests of kernels, library, elements, tools, fuzz or gpu
#
# The last line says how many test cases passed, failed and were skipped.
set -eu
cd "$(dirname "$0")/.."

build='build-tests'
suite=
while [ $# -gt 0 ]; do
  case "$1" in
    --build-dir) build=$2; shift 2 ;;
    --suite) suite="--suite $2"; shift 2 ;;
    -h|--help) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) break ;;
  esac
done

pipelines/install-dependencies.sh

if [ -d "$build/meson-private" ]; then
  [ $# -eq 0 ] || meson configure "$build" "$@"
else
  meson setup "$build" "$@"
fi
meson compile -C "$build"

# a locale whose decimals have a comma, for a test that needs one
LOCPATH=$PWD/$build/locale
export LOCPATH
mkdir -p "$LOCPATH"
[ -d "$LOCPATH/de_DE.UTF-8" ] ||
  localedef -i de_DE -f UTF-8 "$LOCPATH/de_DE.UTF-8" >/dev/null 2>&1 || true

log=$build/meson-logs/testlog.txt
status=0
: >"$log"
# shellcheck disable=SC2086
meson test -C "$build" --print-errorlogs --no-rebuild $suite || status=$?
echo
awk -v status="$status" -f tests/support/count.awk "$log"
