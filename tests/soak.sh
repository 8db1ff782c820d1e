#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Start/stop cycles, flushing seeks, property writes while playing, fifty
# pipelines at once, and trainings that are killed. Fails on a crash, a hang, a
# leak, a file that does not load or a row of the log that is lost; the last
# lines have the figures.
#
#   tests/soak.sh [SECONDS]     how long in all (300)
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -*) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

build=${DDPM_BUILD_DIR:-build-tests}
[ -d "$build/meson-private" ] || meson setup "$build" >/dev/null
meson compile -C "$build" >/dev/null

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export GST_REGISTRY=$tmp/registry.bin
export GST_PLUGIN_PATH_1_0=$PWD/$build/plugins
export GST_DDPM_MODEL_DIR=$PWD/models
export G_DEBUG=fatal-criticals
"$build/tests/soak" "${1:-300}" "$tmp"
