#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Compares the pipeline with the library alone: prints images a second of
# "ddpmnoise ! ddpmdenoise ! fakesink" and of "ddpm-bench sample" with one
# model, in turn, so that other load on the machine slows both down.
#
#   tools/bench-pipeline.sh [OPTION ...]
#
#   --model FILE      a checkpoint, or a built-in model's name (default: the first)
#   --batch N         images at a time (16)
#   --steps N         evaluations from noise to image (10)
#   --threads N       compute threads (0: one per core)
#   --precision NAME  auto, f32 or bf16 (auto)
#   --buffers N       batches of one measurement (10)
#   --rounds N        measurements (5)
#
# The start and the end of a pipeline do not count: the time of N batches is the
# time of N + 1 batches less that of 1. On a machine with other load, compare the
# times of processors.
set -eu
# shellcheck source=pipelines/environment.sh
. "$(dirname "$0")/../pipelines/environment.sh"
usage () { sed -n '3,20s/^# \{0,1\}//p' "$0"; exit "$1"; }

model='' batch=16 steps=10 threads=0 precision=auto buffers=10 rounds=5
while [ $# -gt 0 ]; do
  case "$1" in
    -h|--help) usage 0 ;;
    --model|--precision) [ $# -ge 2 ] || usage 2 >&2 ;;
    --batch|--steps|--threads|--buffers|--rounds)
      case "$# ${2:-}" in 1\ *|*\ |*\ *[!0-9]*) usage 2 >&2 ;; esac ;;
    *) usage 2 >&2 ;;
  esac
  case "$1" in
    --model) model=$(model_path "$2") ;;
    --precision) precision=$2 ;;
    --batch) batch=$2 ;;
    --steps) steps=$2 ;;
    --threads) threads=$2 ;;
    --buffers) buffers=$2 ;;
    --rounds) rounds=$2 ;;
  esac
  shift 2
done
make_available
bench=ddpm-bench
[ -n "${GST_DDPM_INSTALLED:-}" ] || bench=build/tools/ddpm-bench

# Of so many batches: seconds from PLAYING to the end of the stream, seconds of
# processors
pipeline () {
  {
    LC_ALL=C gst-launch-1.0 ddpmnoise num-buffers="$1" batch-size="$batch" ! \
      ddpmdenoise ${model:+model="$model"} sampler=ddim steps="$steps" \
      threads="$threads" precision="$precision" ! fakesink sync=false
    times
  } | awk '
    function seconds (text) { split (text, m, "m"); return 60 * m[1] + m[2] }
    /^Execution ended after/ { split ($4, t, ":"); wall = 3600 * t[1] + 60 * t[2] + t[3] }
    { cpu = seconds($1) + seconds($2) }   # of the children: the last line
    END { if (wall) print wall, cpu }'
}

# of one batch, both in milliseconds
engine () {
  "$bench" sample --json --model="$model" --sampler=ddim --steps="$steps" \
    --batch="$batch" --threads="$threads" --precision="$precision" \
    --repeats="$buffers" |
    sed -n 's/.*"step_ms":{"median":\([0-9.e+-]*\).*"cpu_ms":{"median":\([0-9.e+-]*\).*/\1 \2/p'
}

rows=$(for round in $(seq "$rounds"); do
  ms=$(engine)
  one=$(pipeline 1)
  all=$(pipeline $((buffers + 1)))
  [ -n "$ms" ] && [ -n "$one" ] && [ -n "$all" ] || exit 1
  echo "$round $ms $one $all"
done)
echo "$batch images at a time, $steps evaluations each:"
echo "$rows" | awk -v batch="$batch" -v n="$buffers" '
  function median (x, count,    i, k, y) {
    for (i = 1; i <= count; i++)
      for (k = i + 1; k <= count; k++)
        if (x[k] < x[i]) { y = x[i]; x[i] = x[k]; x[k] = y }
    return (x[int ((count + 1) / 2)] + x[int (count / 2) + 1]) / 2
  }
  {
    engine = batch * 1000 / $2
    pipeline = batch * n / ($6 - $4)
    speed[NR] = pipeline / engine
    cpu[NR] = ($7 - $5) / (n * $3 / 1000)
    printf "round %d: engine %.2f images/s, pipeline %.2f: %.1f %%; its CPU time: %.1f %%\n",
      $1, engine, pipeline, 100 * speed[NR], 100 * cpu[NR]
  }
  END {
    printf "median: the pipeline makes %.1f %% of the images per second of the engine, with %.1f %% of its CPU time\n",
      100 * median(speed, NR), 100 * median(cpu, NR)
  }'
