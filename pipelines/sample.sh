#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes images with a trained model: a PNG grid of them, or a video of their
# way out of the noise.
#
#   pipelines/sample.sh [OPTION ...] --output FILE.png | FILE.webm
#
#   --model FILE      a checkpoint, or a built-in model's name (default: the first)
#   --images N        how many (16)
#   --columns N       of the grid (4)
#   --seed N          (0); image n of one seed is always the same image
#   --scale N         pixels of the output for one of an image (4)
#   Anything else that has an = goes to ddpmdenoise: sampler=ddpm eta=0 ...
set -eu
# shellcheck source=pipelines/environment.sh
. "$(dirname "$0")/environment.sh"
usage () { sed -n '3,14s/^# \{0,1\}//p' "$0"; exit "$1"; }

model='' images=16 columns=4 seed=0 scale=4 output=''
left=$#
while [ "$left" -gt 0 ]; do
  case "$1" in
    -h|--help) usage 0 ;;
    # to the end of the arguments, which are the settings at last
    *=*) set -- "$@" "$1"; shift; left=$((left - 1)); continue ;;
    --model|--output) [ "$left" -ge 2 ] || usage 2 >&2 ;;
    --images|--columns|--scale|--seed)
      case "$left $2" in
        1\ *|*\ |*\ *[!0-9]*) usage 2 >&2 ;;
        *\ 0) [ "$1" = --seed ] || usage 2 >&2 ;;
      esac ;;
    *) usage 2 >&2 ;;
  esac
  case "$1" in
    --model) model=$(model_path "$2") ;;
    --images) images=$2 ;;
    --columns) columns=$2 ;;
    --seed) seed=$2 ;;
    --scale) scale=$2 ;;
    --output) output=$(absolute "$2") ;;
  esac
  shift 2
  left=$((left - 2))
done
case "$output" in
  *.png) emit=final ;;
  *.webm) emit=trajectory ;;
  *) usage 2 >&2 ;;
esac
make_available

# Width or height of the model's images, as its metadata says; else 32
pixels () {
  n=$(head -c 100000 "$model" 2>/dev/null | grep -ao "\"ddpm\.$1\": *\"[0-9]*\"" | tr -dc 0-9)
  [ "${n:-0}" -gt 0 ] || n=32
  echo "$n"
}
width=$(($(pixels width) * columns * scale))
height=$(($(pixels height) * ((images + columns - 1) / columns) * scale))

[ -z "$model" ] || set -- model="$model" "$@"
set -- ddpmnoise num-buffers=1 batch-size="$images" seed="$seed" ! \
  ddpmdenoise columns="$columns" emit=$emit "$@" ! \
  videoscale method=nearest-neighbour ! \
  "video/x-raw,width=$width,height=$height" ! videoconvert
case "$output" in
  *.png) set -- "$@" ! pngenc ;;
  *.webm) set -- "$@" ! vp8enc deadline=1 target-bitrate=2000000 ! webmmux ;;
esac
# what is there stays where this fails or is interrupted
trap 'rm -f "$output.part"' EXIT
trap 'exit 130' INT TERM
gst-launch-1.0 -q "$@" ! filesink location="$output.part"
mv "$output.part" "$output"
echo "$output"
