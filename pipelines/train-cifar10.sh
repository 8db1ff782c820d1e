#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The recipe of Ho et al. 2020 (appendix B) for CIFAR-10: batches of 128,
# Adam at 2e-4 after a warm-up of 5000 steps, gradients clipped at 1, an EMA
# of 0.9999, flips, dropout 0.1, 800,000 steps, channel multipliers 1,2,2,2.
#
#   pipelines/train-cifar10.sh CIFAR-10-FOLDER [CHECKPOINT] [PROPERTY=VALUE ...]
#
# Previews are PNG files beside the checkpoint. Interrupt it (Ctrl-C) and run
# the same command again: it goes on where it was.
set -eu
recipe="classes=0 channel-mult=1,2,2,2 max-steps=800000"
epochs=0
default=cifar10.bin
# shellcheck source=pipelines/train.sh
. "$(dirname "$0")/train.sh"
