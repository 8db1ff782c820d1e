/* gst-ddpm: small trainers and batches for the tests
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/train/trainer.h"
#include "tests/support/weights.h"

void test_settings_plain (DdpmTrainerSettings * settings);
void test_settings_paper (DdpmTrainerSettings * settings);
DdpmTrainer *test_trainer_new_on (DdpmBackend * backend,
    const DdpmConfig * config, const DdpmTrainerSettings * settings,
    guint width, guint height);
DdpmTrainer *test_trainer_new (DdpmBackendKind kind, const DdpmConfig * config,
    const DdpmTrainerSettings * settings, guint width, guint height);
void test_trainer_set_weights (DdpmTrainer * trainer, const DdpmModel * model);
DdpmModel *test_trainer_get_model (DdpmTrainer * trainer, gboolean ema);
guint8 *test_images (guint64 first, guint n, gsize elements);
void test_trainer_step (DdpmTrainer * trainer, guint n, gsize elements,
    DdpmTrainerStats * stats);
