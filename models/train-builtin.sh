#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes the built-in model again: models/builtin.safetensors, from the CC0
# tiles of Dungeon Crawl Stone Soup in the record layout of CIFAR-10.
#
#   models/train-builtin.sh TILES.bin [WORK-FOLDER] [PROPERTY=VALUE ...]
#
# docs/training.md says how long it took and what came of it. Interrupt it and
# run it again: it goes on.
set -eu
case "${1:-}" in ''|-h|--help) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 2 ;; esac
absolute () { case "$1" in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }

data=$(absolute "$1"); shift
work=builtin-model
case "${1:-}" in ''|*=*) ;; *) work=$1; shift ;; esac
work=$(absolute "$work")
cd "$(dirname "$0")/.."
# shellcheck source=pipelines/environment.sh
. pipelines/environment.sh
mkdir -p "$work"

gst-launch-1.0 -e cifarsrc location="$data" epochs=0 seed=1 ! \
  ddpmtrainsink name=train location="$work/builtin.bin" resume=true \
    log-location="$work/builtin.csv" checkpoint-interval=200 \
    channels=32 channel-mult=1,2,4 attention-levels=2 res-blocks=2 dropout=0 \
    batch-size=32 learning-rate=4e-4 warmup-steps=200 ema-decay=0.999 \
    max-steps=6000 seed=1 "$@"
build/pipelines/shrink-checkpoint "$work/builtin.bin" models/builtin.safetensors
ls -l models/builtin.safetensors
