#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes the built-in model "tiles" again: models/tiles.safetensors, from the CC0
# tiles of Dungeon Crawl Stone Soup in the record layout of CIFAR-10, sorted by
# label. Of them it takes what stands before a black ground: items, traces and
# monsters, labels 4 to 6, records 1839 to 3377.
#
#   models/train-tiles.sh TILES.bin [WORK-FOLDER] [PROPERTY=VALUE ...]
#
# docs/training.md says how long it took and what came of it. Interrupt it and
# run it again: it goes on.
set -eu
# shellcheck source=pipelines/environment.sh
. "$(dirname "$0")/../pipelines/environment.sh"
usage () { sed -n '3,11s/^# \{0,1\}//p' "$0"; exit "$1"; }
case "${1:-}" in
  -h|--help) usage 0 ;;
  ''|-*) usage 2 >&2 ;;
esac

data=$(absolute "$1"); shift
work=tiles-model
case "${1:-}" in ''|*=*) ;; *) work=$1; shift ;; esac
work=$(absolute "$work")
GST_DDPM_INSTALLED=             # with this tree's own programs
make_available
mkdir -p "$work"

tail -c +$((1839 * 3073 + 1)) "$data" | head -c $((1539 * 3073)) >"$work/figures.bin"

# Interrupted, it saves what it has; that is no model to build in.
trap 'exit 130' INT TERM
# Pixels in 0..1 make the black ground 0, the mean of the noise; the schedule
# ends earlier, since so little of these pictures is left at its end.
# NAME SEED STEPS PROPERTY ...: $work/NAME.bin, to so many steps in all
train () {
  name=$1 seed=$2 steps=$3
  shift 3
  run_to_eos cifarsrc location="$work/figures.bin" epochs=0 \
      seed="$seed" ! \
    ddpmtrainsink location="$work/$name.bin" resume=true seed="$seed" \
      log-location="$work/$name.csv" checkpoint-interval=200 \
      channels=32 channel-mult=1,2,4 attention-levels=2 res-blocks=1 dropout=0 \
      data-range=unit beta-end=0.012 batch-size=16 learning-rate=5e-4 \
      ema-decay=0.998 max-steps="$steps" "$@"
}
train eps 1 6803 warmup-steps=200 "$@"
train v 2 2090 warmup-steps=100 prediction-type=v-prediction \
  initial-model="$work/eps.bin" "$@"
build/tools/shrink-checkpoint "$work/v.bin" models/tiles.safetensors
ls -l models/tiles.safetensors
