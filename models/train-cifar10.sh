#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes the built-in model "cifar10" again: models/cifar10.safetensors, from the
# training split of CIFAR-10: without its labels, with them, with early steps of
# sampling counting more, predicting v, and at last learning of itself: guidance,
# and to go in four steps.
#
#   models/train-cifar10.sh CIFAR-10-FOLDER [WORK-FOLDER] [PROPERTY=VALUE ...]
#
# docs/training.md says how long it took and what came of it. Interrupt it and
# run it again: it goes on.
set -eu
# shellcheck source=pipelines/environment.sh
. "$(dirname "$0")/../pipelines/environment.sh"
usage () { sed -n '3,10s/^# \{0,1\}//p' "$0"; exit "$1"; }
case "${1:-}" in
  -h|--help) usage 0 ;;
  ''|-*) usage 2 >&2 ;;
esac

data=$(absolute "$1"); shift
work=cifar10-model
case "${1:-}" in ''|*=*) ;; *) work=$1; shift ;; esac
work=$(absolute "$work")
GST_DDPM_INSTALLED=             # with this tree's own programs
make_available
mkdir -p "$work"

# NAME SEED STEPS PROPERTY ...: $work/NAME.bin, to so many steps in all
train () {
  name=$1 seed=$2 steps=$3
  shift 3
  run_to_eos cifarsrc location="$data" epochs=0 seed="$seed" ! \
    ddpmtrainsink location="$work/$name.bin" resume=true seed="$seed" \
      log-location="$work/$name.csv" checkpoint-interval=250 \
      channels=64 channel-mult=1,1,2,3 attention-levels=2 res-blocks=1 \
      dropout=0 batch-size=16 ema-decay=0.999 max-steps="$steps" "$@"
}

# Interrupted, it saves what it has; that is no model to build in.
trap 'exit 130' INT TERM
train plain 1 4318 learning-rate=8e-4 warmup-steps=300 classes=0 "$@"
train labelled 2 2715 learning-rate=8e-4 warmup-steps=200 classes=10 \
  initial-model="$work/plain.bin" "$@"
train weighted 3 6695 learning-rate=6e-4 warmup-steps=300 classes=10 \
  initial-model="$work/labelled.bin" max-loss-weight=30 "$@"
train v 3 7817 learning-rate=6e-4 warmup-steps=300 classes=10 \
  prediction-type=v-prediction initial-model="$work/weighted.bin" "$@"
train v 3 8530 learning-rate=1.5e-4 warmup-steps=300 classes=10 \
  prediction-type=v-prediction ema-decay=0.998 "$@"
train v 3 26750 learning-rate=3e-4 classes=10 prediction-type=v-prediction "$@"
train v 3 30148 learning-rate=1e-4 classes=10 prediction-type=v-prediction "$@"
train guided 7 696 learning-rate=3e-4 warmup-steps=50 classes=10 \
  prediction-type=v-prediction ema-decay=0.998 initial-model="$work/v.bin" \
  teacher-model="$work/v.bin" teacher-guidance=4 "$@"
# steps NUMBER LEARNING-RATE PROPERTY ...
steps () {
  number=$1 rate=$2
  shift 2
  train steps 9 "$number" learning-rate="$rate" warmup-steps=50 classes=10 \
    prediction-type=v-prediction ema-decay=0.998 \
    initial-model="$work/guided.bin" teacher-model="$work/guided.bin" \
    teacher-guidance=4 sampling-steps=4 teacher-steps=3 "$@"
}
steps 2335 2e-4 "$@"
steps 2670 5e-5 "$@"
build/tools/shrink-checkpoint "$work/steps.bin" models/cifar10.safetensors
ls -l models/cifar10.safetensors
