#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, builds, and shows what the built-in model makes:
# in a window where there is a display, else as files.
#
#   pipelines/demo.sh [--files] [OUTPUT-FOLDER]     (demo-output)
set -eu
absolute () { case "$1" in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }

files=
case "${1:-}" in
  --files) files=yes; shift ;;
  -h|--help) sed -n '3,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
out=$(absolute "${1:-demo-output}")
cd "$(dirname "$0")/.."
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || files=yes
# shellcheck source=pipelines/environment.sh
. pipelines/environment.sh

if [ -z "$files" ]; then
  pipelines/install-dependencies.sh gstreamer1.0-x
  echo "Noise becomes sixteen images that never existed. Close the window or press Ctrl-C to stop."
  exec gst-launch-1.0 -q ddpmnoise batch-size=16 seed="$(date +%s)" ! \
    ddpmdenoise columns=4 emit=trajectory ! \
    videoscale method=nearest-neighbour ! video/x-raw,width=512,height=512 ! \
    videoconvert ! autovideosink
fi

mkdir -p "$out"
echo "No display: writing files."
pipelines/sample.sh --images 64 --columns 8 --output "$out/images.png"
pipelines/sample.sh --images 16 --columns 4 --output "$out/denoising.webm"
echo "Done: $out/images.png (64 images), $out/denoising.webm (16 images on their way out of the noise)"
