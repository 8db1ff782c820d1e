/* gst-ddpm: whole sampling runs of test networks, on any backend
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <math.h>
#include <string.h>

#include "gst-ddpm/sample/denoiser.h"
#include "gst-ddpm/model/pixels.h"
#include "tests/support/weights.h"

#define SEED 7                  /* of the dumps */
#define FIRST 5
#define BATCH 2

gfloat *sample_on (DdpmBackend * backend, DdpmModel * model, guint batch,
    guint width, guint height, DdpmSamplerSpec spec, const gfloat * x,
    guint64 first);
gfloat *pure_noise (guint64 first, guint batch, gsize elements);
void assert_same_state (const gfloat * got, const gfloat * expected,
    gsize count);
void check_samples_against_pytorch (DdpmBackend * backend, TestNet make,
    const gchar * file);
