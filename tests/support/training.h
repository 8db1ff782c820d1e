/* gst-ddpm: small trainers and batches for the tests
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/train/trainer.h"
#include "tests/support/weights.h"

/* What is trained, and how */
typedef struct
{
  DdpmConfig config;
  guint width, height;
  DdpmTrainerSettings settings;
} TestRecipe;

void test_settings_plain (DdpmTrainerSettings * settings);
void test_settings_paper (DdpmTrainerSettings * settings);
TestRecipe test_recipe (TestNet net,
    void (*init_settings) (DdpmTrainerSettings * settings));
DdpmTrainer *test_trainer_on (const TestRecipe * r, DdpmBackend * backend);
DdpmTrainer *test_trainer_of (const TestRecipe * r, DdpmBackendKind kind);
void test_trainer_set_weights (DdpmTrainer * trainer, const DdpmModel * model);
DdpmModel *test_trainer_get_model (DdpmTrainer * trainer, gboolean ema);
guint8 *test_images (guint64 first, guint n, gsize elements);
void test_trainer_step (DdpmTrainer * trainer, guint n, gsize elements,
    DdpmTrainerStats * stats);
