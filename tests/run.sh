#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing (Debian), builds, and runs the tests.
#
#   tests/run.sh [--build-dir DIR] [--suite NAME] [--setup NAME] [MESON-SETUP-OPTION ...]
#
# --suite long runs the long tests too (they take many minutes).
set -eu
cd "$(dirname "$0")/.."

build='build-tests'
suites="--no-suite long"
setup=
while [ $# -gt 0 ]; do
  case "$1" in
    --build-dir) build=$2; shift 2 ;;
    --suite) suites="--suite $2"; shift 2 ;;
    --setup) setup="--setup $2"; shift 2 ;;
    -h|--help) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
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

log=$build/meson-logs/run.txt
status=0
# shellcheck disable=SC2086
meson test -C "$build" --print-errorlogs --no-rebuild $suites $setup >"$log" 2>&1 || status=$?
cat "$log"

count () {
  sed -n "s/^$1: *\([0-9][0-9]*\).*/\1/p" "$log" | tail -n 1
}
passed=$(count Ok); failed=$(count Fail); timeout=$(count Timeout)
skipped=$(count Skipped); unexpected=$(count 'Unexpected Pass')
failed=$((${failed:-0} + ${timeout:-0} + ${unexpected:-0}))
if [ "${passed:-0}" -eq 0 ] && [ "$failed" -eq 0 ]; then
  echo "tests/run.sh: no test ran" >&2
  status=1
fi
if [ "$skipped" ] && [ "$skipped" -gt 0 ]; then
  echo "Skipped, with their reasons:"
  grep -hE '^ok .*# SKIP|^1\.\.0 # SKIP|^SKIP' "$build"/meson-logs/testlog*.txt | sort -u || true
fi
echo "${passed:-0} passed, $failed failed, ${skipped:-0} skipped"
exit $status
