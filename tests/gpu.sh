#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs everything that needs a GPU, from a built tree: the suite gpu, memory
# errors and races of kernels, the margins between backends, and speed.
#
#   tests/gpu.sh [BUILD-DIR [REPORT]]
#
# Defaults: build, BUILD-DIR/gpu-report.txt
#
# The tree may have been built on another machine: this needs neither meson nor
# a compiler. If the system lacks libraries of CUDA, this looks for them in the
# packages of PYTHON (default: python3), where PyTorch installs them.
#
# Takes at most nine minutes. Stages for which no time is left are skipped, and
# the report names them.
# Exit status: 0: all passed; 1: something failed; 77: there is no GPU.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

build=$(realpath "${1:-build}")
report=${2:-$build/gpu-report.txt}
limit=520                       # seconds
python=${PYTHON:-python3}
bench=$build/tools/ddpm-bench
module=$build/kernels/cuda/libgstddpm-cuda.so
export GST_DDPM_MODULE_DIR=$build/kernels/cuda GST_DDPM_MODEL_DIR=$PWD/models
export DDPM_TEST_DATA=$PWD/tests/data DDPM_SHARED_DATA=$PWD/../shared/data
export DDPM_REQUIRE_GPU=1 CK_DEFAULT_TIMEOUT=60
export G_DEBUG=fatal-criticals XDG_CACHE_HOME=$build/gpu-cache
export GST_PLUGIN_PATH_1_0=$build/plugins${GST_PLUGIN_PATH_1_0:+:$GST_PLUGIN_PATH_1_0}
export GST_REGISTRY_1_0=$build/gpu-registry.bin
failed=0
table=()

die () { echo "$*" >&2; exit 1; }

missing_of () { ldd "$1" 2>/dev/null | awk '/not found/ { print $1 }' | sort -u; }

# Adds folders of PYTHON's packages that have the libraries that the module lacks
find_libraries () {
  local lacks folder
  lacks=$(missing_of "$module")
  [ -n "$lacks" ] || return 0
  for folder in /usr/local/cuda/lib64 $("$python" -c 'import glob, sys
for p in sys.path: print(*glob.glob(p + "/nvidia/*/lib"), sep="\n")' 2>/dev/null); do
    for name in $lacks; do
      [ -e "$folder/$name" ] || continue
      export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
      break
    done
  done
}

[ -x "$bench" ] ||
  die "$build is not a built tree: run meson setup and meson compile"
[ -e "$module" ] || die "$build has no CUDA backend: run meson setup -Dcuda=enabled"
lacks=$(missing_of "$bench")
[ -z "$lacks" ] || die "this machine lacks the libraries" "${lacks//$'\n'/ }"
find_libraries
lacks=$(missing_of "$module")
[ -z "$lacks" ] || die "the CUDA backend lacks the libraries" "${lacks//$'\n'/ }"
if ! missing=$(timeout 90 "$bench" forward --backend=cuda --channels=32 \
    --batch=1 --repeats=1 --warmup=1 2>&1 >/dev/null) &&
    [[ $missing == *"backend=cuda needs"* ]]; then
  [[ $missing != *"cannot be opened"* ]] || die "$missing"
  echo "no GPU here: ${missing#ddpm-bench: }"
  exit 77
fi

note () { table+=("$(printf '%-10s %4s s  %s' "$1" "$2" "$3")"); }

skip () {
  printf '\n=== %s\nskipped: %s\n' "$1" "$2"
  note skipped 0 "$1: $2"
}

# stage SECONDS NAME COMMAND ...: runs a command for at most SECONDS
stage () {
  local most=$1 name=$2 left=$((limit - SECONDS)) status=0 start=$SECONDS
  shift 2
  if [ "$left" -lt 10 ]; then
    skip "$name" "no time left"
    return
  fi
  printf '\n=== %s\n' "$name"
  timeout --kill-after=5 "$((left < most ? left : most))" "$@" || status=$?
  case $status in
    0) note passed $((SECONDS - start)) "$name" ;;
    77) note skipped $((SECONDS - start)) "$name" ;;
    *)
      [ $status -eq 124 ] && echo "not finished in time"
      echo "FAILED ($status): $name"
      note FAILED $((SECONDS - start)) "$name ($status)"
      failed=$((failed + 1)) ;;
  esac
}

# Makes cuDNN's plans on all cores at once, so that later stages find them in the
# cache. A failure here is ignored: it will happen again in its own stage.
plan_all () {
  local start=$SECONDS batch
  printf '\n=== plans\n'
  for batch in 1 5 64 256; do
    timeout 100 "$bench" sample --backend=cuda --batch=$batch --steps=1 \
      --repeats=1 --warmup=1 >/dev/null 2>&1 &
  done
  for batch in 32 128 256; do
    timeout 100 "$bench" train --backend=cuda --batch=$batch --repeats=1 \
      --warmup=1 >/dev/null 2>&1 &
  done
  timeout 100 "$build/tools/ddpm-check" --backend=cuda --precision=f32 \
    >/dev/null 2>&1 &
  timeout 100 "$build/tools/ddpm-check" --backend=cuda --precision=bf16 \
    >/dev/null 2>&1 &
  wait
  echo "$((SECONDS - start)) s"
}

test_program () {
  local program=$build/tests/test-$1 lacks
  lacks=$(missing_of "$program" | tr '\n' ' ')
  if [ ! -x "$program" ]; then
    skip "test $1" "not built"
  elif [ -n "$lacks" ]; then
    skip "test $1" "this machine lacks $lacks"
  else
    stage "$2" "test $1" "$program"
  fi
}

sanitizer () {
  local options=(--tool "$1" --error-exitcode 9)
  # libraries try calls that fail, which is no memory error
  [ "$1" = memcheck ] && options+=(--report-api-errors no)
  stage 60 "compute-sanitizer $1" "$compute_sanitizer" "${options[@]}" \
    "$build/tests/test-gpu-operations" -p /gpu/f32/swish \
    -p /gpu/f32/losses -p /gpu/f32/adam-is-the-reference-s-to-the-bit \
    -p /gpu/f32/noise-and-steps-are-the-reference-s-to-the-bit \
    -p /gpu/f32/attention -p /gpu/bf16/attention -p /gpu/bf16/upsampling-and-sums
  stage 60 "compute-sanitizer $1, a small network" "$compute_sanitizer" \
    "${options[@]}" "$bench" train --backend=cuda --channels=32 \
    --channel-mult=1,2 --attention-levels=1 --res-blocks=1 --width=8 \
    --height=8 --batch=3 --repeats=1 --warmup=1
}

sanitizers () {
  local compute_sanitizer
  compute_sanitizer=$(PATH=$PATH:/usr/local/cuda/bin command -v \
    compute-sanitizer)
  if [ -z "$compute_sanitizer" ]; then
    skip compute-sanitizer "not found"
    return
  fi
  sanitizer memcheck
  sanitizer racecheck
}

# pytorch SECONDS MODE BATCH REPEATS: each batch has a process of its own, because
# PyTorch compiles a second batch size of one process for any batch size
pytorch () {
  stage "$1" "beside PyTorch: $2, batch $3" "$python" tools/bench-peers.py \
    --bench="$bench" --device=cuda --precision=bf16 --mode="$2" \
    --batch="$3" --rounds=1 --repeats="$4"
}

everything () {
  date -u
  command -v nvidia-smi >/dev/null && nvidia-smi -L
  plan_all
  test_program gpu-operations 120
  test_program gpu-network 120
  test_program gpu-cuda-memory 60
  test_program gpu-cuda-context 60
  stage 40 "margins, f32" "$build/tools/ddpm-check" --backend=cuda \
    --precision=f32
  stage 40 "margins, bf16" "$build/tools/ddpm-check" --backend=cuda \
    --precision=bf16
  # one process for each batch: a failure loses only its own numbers
  for batch in 1 5 64 256; do
    stage 40 "sampling, batch $batch" "$bench" sample --backend=cuda \
      --batch=$batch --repeats=5
  done
  stage 40 "sampling one image in 1,000 steps" "$bench" sample \
    --backend=cuda --batch=1 --steps=1000 --repeats=2 --warmup=1
  for batch in 32 128 256; do
    stage 40 "training, batch $batch" "$bench" train --backend=cuda \
      --batch=$batch --repeats=5
  done
  sanitizers
  if timeout 60 "$python" -c \
      'import torch; assert torch.cuda.is_available ()' 2>/dev/null; then
    pytorch 60 forward 64 3
    pytorch 60 forward 1 20
    pytorch 100 train 128 3
    pytorch 60 forward 5 20
  else
    skip "beside PyTorch" "no $python with torch and CUDA"
  fi
  printf '\n=== all\n'
  printf '%s\n' "${table[@]}"
  printf '\n%d stages failed, %d s\n' "$failed" "$SECONDS"
  [ "$failed" -eq 0 ]
}

everything 2>&1 | tee "$report"
