#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The run of the notebook, exactly: its UNet, pixels in 0..1, batches of 32,
# Adam at 2e-4 and nothing else, 100 epochs, five previews of 1,000 steps after each.
#
#   pipelines/train-notebook.sh CIFAR-10-FOLDER [CHECKPOINT] [PROPERTY=VALUE ...]
#
# Previews are PNG files beside the checkpoint. Interrupt it (Ctrl-C) and run
# the same command again: it goes on where it was.
set -eu
recipe="classes=0 data-range=unit batch-size=32 learning-rate=2e-4 warmup-steps=0 grad-clip=0 ema-decay=0 flip=false preview-steps=1000"
epochs=100
default=notebook.bin
# shellcheck source=pipelines/train.sh
. "$(dirname "$0")/train.sh"
