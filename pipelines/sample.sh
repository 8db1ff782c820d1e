#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes images with a trained model: a PNG grid of them, or a video of their
# way out of the noise.
#
#   pipelines/sample.sh [OPTION ...] --output FILE.png | FILE.webm
#
#   --model FILE      a checkpoint; default: the built-in model
#   --images N        how many (16)
#   --columns N       of the grid (4)
#   --seed N          (0); image n of one seed is always the same image
#   --scale N         pixels of the output for one of an image (4)
#   Anything else that has an = goes to ddpmdenoise: sampler=ddpm steps=0 ...
set -eu

usage () { sed -n '3,14s/^# \{0,1\}//p' "$0"; exit "$1"; }
absolute () { case "$1" in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }

model='' images=16 columns=4 seed=0 scale=4 output='' settings=''
while [ $# -gt 0 ]; do
  case "$1" in
    -h|--help) usage 0 ;;
    *=*) settings="$settings $1"; shift; continue ;;
    --model|--images|--columns|--seed|--scale|--output) [ $# -ge 2 ] || usage 2 >&2 ;;
    *) usage 2 >&2 ;;
  esac
  case "$1" in
    --model) model=$(absolute "$2") ;;
    --images) images=$2 ;;
    --columns) columns=$2 ;;
    --seed) seed=$2 ;;
    --scale) scale=$2 ;;
    --output) output=$(absolute "$2") ;;
  esac
  shift 2
done
cd "$(dirname "$0")/.."
# shellcheck source=pipelines/environment.sh
. pipelines/environment.sh

width=$((32 * columns * scale))
height=$((32 * ((images + columns - 1) / columns) * scale))
case "$output" in
  *.png) emit=final ;;
  *.webm) emit=trajectory ;;
  *) usage 2 >&2 ;;
esac

set -- ddpmnoise num-buffers=1 batch-size="$images" seed="$seed" ! \
  ddpmdenoise columns="$columns" emit=$emit
[ -z "$model" ] || set -- "$@" model="$model"
# shellcheck disable=SC2086
set -- "$@" $settings
set -- "$@" ! videoscale method=nearest-neighbour ! \
  "video/x-raw,width=$width,height=$height" ! videoconvert
case "$output" in
  *.png) set -- "$@" ! pngenc ! filesink location="$output.part" ;;
  *.webm) set -- "$@" ! vp8enc deadline=1 target-bitrate=2000000 ! webmmux ! filesink location="$output.part" ;;
esac
# what is there stays where this fails
trap 'rm -f "$output.part"' EXIT
gst-launch-1.0 -q "$@"
mv "$output.part" "$output"
echo "$output"
