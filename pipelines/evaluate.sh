#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Says how good a model is: its loss by timestep and its variational bits/dim
# on images that it was not trained on, each with its standard error.
#
#   pipelines/evaluate.sh DATA [--model FILE] [OPTION ...]
#
#   DATA              a folder of CIFAR-10 or CIFAR-100 (its test split), or a
#                     file of records like theirs
#   --model FILE      a checkpoint, or a built-in model's name (default: the first)
#   --images N        how many, chosen by the seed; 0: all (500)
#   --timesteps K     evaluations of the network for each; 0: all T (20)
#   --seed N, --split test|train, --variance fixed-small|fixed-large, --json:
#   ddpm-evaluate --help says all; docs/evaluation.md, what they mean.
#
# N network evaluations, about M minutes: so it says after the first batch,
# before the others. Ctrl-C ends it with the figures of the images done.
set -eu
case "${1:-}" in
  ''|-h|--help) sed -n '3,19s/^# \{0,1\}//p' "$0"; [ $# -gt 0 ] || exit 2; exit 0 ;;
esac
# shellcheck source=pipelines/environment.sh
. "$(dirname "$0")/environment.sh"

here=$PWD
make_available
program=ddpm-evaluate
[ -n "${GST_DDPM_INSTALLED:-}" ] || program=$PWD/build/tools/ddpm-evaluate
# paths are those of the caller
cd "$here"
exec "$program" "$@"
