#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, builds, and shows what the built-in model makes:
# in a window where there is a display, else as files.
#
#   pipelines/demo.sh [--files] [OUTPUT-FOLDER]     (demo-output)
set -eu
# shellcheck source=pipelines/environment.sh
. "$(dirname "$0")/environment.sh"
usage () { sed -n '3,6s/^# \{0,1\}//p' "$0"; exit "$1"; }

files=
case "${1:-}" in
  --files) files=yes; shift ;;
  -h|--help) usage 0 ;;
  -*) usage 2 >&2 ;;
esac
out=$(absolute "${1:-demo-output}")

if [ -z "$files" ] && [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  make_available
  [ -n "${GST_DDPM_INSTALLED:-}" ] || pipelines/install-dependencies.sh gstreamer1.0-x
  echo "Noise becomes sixteen images that never existed. Close the window or press Ctrl-C to stop."
  exec gst-launch-1.0 -q ddpmnoise batch-size=16 seed="$(date +%s)" ! \
    ddpmdenoise columns=4 emit=trajectory sampler=ddim steps=25 ! \
    videoscale method=nearest-neighbour ! video/x-raw,width=512,height=512 ! \
    videoconvert ! autovideosink
fi

[ -n "$files" ] || echo "No display: writing files."
make_available
mkdir -p "$out"
pipelines/sample.sh --images 60 --columns 10 --output "$out/images.png"
pipelines/sample.sh --images 16 --columns 4 --output "$out/denoising.webm" \
  sampler=ddim steps=25
echo "Done: $out/images.png (60 images, a class in each column), $out/denoising.webm (16 images on their way out of the noise)"
