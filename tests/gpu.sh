#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a GPU proves, from a built tree: suite gpu, memory and races of kernels,
# the margins between backends, and how fast it is.
#
#   tests/gpu.sh [BUILD-DIR [REPORT]]     (build, BUILD-DIR/gpu-report.txt)
#
# Takes at most nine minutes: what has no time left is skipped, and named.
# Exit status: 0; 1: something failed; 77: there is no GPU.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

build=$(realpath "${1:-build}")
report=${2:-$build/gpu-report.txt}
limit=520                       # seconds
python=${PYTHON:-python3}
export GST_DDPM_MODULE_DIR=$build/kernels/cuda
export DDPM_REQUIRE_GPU=1 OMP_WAIT_POLICY=passive
failed=0

[ -x "$build/tools/ddpm-check" ] ||
  { echo "$build is not a built tree: meson setup, meson compile" >&2; exit 1; }
if ! missing=$("$build/tools/ddpm-bench" forward --backend=cuda --channels=32 \
    --batch=1 --repeats=1 --warmup=1 2>&1 >/dev/null) &&
    [[ $missing == *"backend=cuda needs"* ]]; then
  echo "no GPU here: ${missing#ddpm-bench: }"
  exit 77
fi

# stage SECONDS NAME COMMAND ...: what it prints goes into the report too
stage () {
  local most=$1 name=$2 left=$((limit - SECONDS)) status=0
  shift 2
  printf '\n=== %s\n' "$name"
  if [ "$left" -lt 10 ]; then
    echo "skipped: no time left"
    return
  fi
  timeout --kill-after=5 "$((left < most ? left : most))" "$@" || status=$?
  [ $status -eq 0 ] && return
  [ $status -eq 124 ] && echo "not finished in time"
  echo "FAILED ($status): $name"
  failed=$((failed + 1))
}

sanitizer () {
  stage 60 "compute-sanitizer $1" compute-sanitizer --tool "$1" \
    --error-exitcode 9 --target-processes all \
    "$build/tests/test-gpu-operations" -p /gpu/f32/swish \
    -p /gpu/f32/losses -p /gpu/f32/adam-is-the-reference-s-to-the-bit \
    -p /gpu/f32/noise-and-steps-are-the-reference-s-to-the-bit \
    -p /gpu/f32/attention -p /gpu/bf16/attention -p /gpu/bf16/upsampling-and-sums
  stage 60 "compute-sanitizer $1, a small network" compute-sanitizer \
    --tool "$1" --error-exitcode 9 "$build/tools/ddpm-bench" train \
    --backend=cuda --channels=32 --channel-mult=1,2 --attention-levels=1 \
    --res-blocks=1 --width=8 --height=8 --batch=3 --repeats=1 --warmup=1
}

pytorch () {
  stage 60 "beside PyTorch: $1, batch $2" "$python" tools/bench-pytorch.py \
    --bench="$build/tools/ddpm-bench" --device=cuda --compile --mode="$1" \
    --batch="$2" --rounds=1 --repeats=3
}

everything () {
  date -u
  command -v nvidia-smi >/dev/null && nvidia-smi -L
  stage 180 "suite gpu" meson test -C "$build" --no-rebuild --suite gpu \
    --print-errorlogs
  stage 40 "margins, f32" "$build/tools/ddpm-check" --backend=cuda \
    --precision=f32
  stage 40 "margins, bf16" "$build/tools/ddpm-check" --backend=cuda \
    --precision=bf16
  stage 90 "sampling" "$build/tools/ddpm-bench" sample --backend=cuda \
    --batch=1,5,64,256 --repeats=5
  stage 60 "sampling one image in 1,000 steps" "$build/tools/ddpm-bench" \
    sample --backend=cuda --batch=1 --steps=1000 --repeats=2 --warmup=1
  stage 90 "training" "$build/tools/ddpm-bench" train --backend=cuda \
    --batch=32,128,256 --repeats=5
  if command -v compute-sanitizer >/dev/null; then
    sanitizer memcheck
    sanitizer racecheck
  else
    printf '\n=== compute-sanitizer\nskipped: not found\n'
  fi
  if "$python" -c 'import torch; assert torch.cuda.is_available ()' \
      2>/dev/null; then
    pytorch forward 64
    pytorch train 128
  else
    printf '\n=== beside PyTorch\nskipped: no %s with torch and CUDA\n' "$python"
  fi
  printf '\n%d stages failed, %d s\n' "$failed" "$SECONDS"
  [ "$failed" -eq 0 ]
}

everything 2>&1 | tee "$report"
