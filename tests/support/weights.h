/* gst-ddpm: the test networks of oracle/oracle.py: configurations, weights by
 * formula, comparison with the summaries in the dumps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "gst-ddpm/model/noise.h"
#include "gst-ddpm/model/streams.h"
#include "gst-ddpm/model/params.h"
#include "tests/support/dump.h"
#include "tests/support/kernels.h"
#include "tests/support/models.h"
#include <math.h>

#define TEST_STREAM_WEIGHTS (DDPM_STREAM_TRAINER + 99u)
#define TEST_STREAM_IMAGES (DDPM_STREAM_TRAINER + 98u)
#define TEST_STREAM_PROJECTION (DDPM_STREAM_TRAINER + 97u)
#define TEST_WEIGHT_SEED 1
#define TEST_SUMMARY 18
/* Norm below which a gradient is 0 but for rounding: such are the biases
 * before a norm whose groups are one channel wide, and every proj_k.bias.
 * The others of the test networks are above 1e-3. */
#define TEST_ZERO_NORM 1e-6

/* Makes the configuration of a test network, and the size of its images. */
typedef void (*TestNet) (DdpmConfig * config, guint * width, guint * height);

void test_net_square (DdpmConfig * config, guint * width, guint * height);
void test_net_oblong (DdpmConfig * config, guint * width, guint * height);
void test_net_padding (DdpmConfig * config, guint * width, guint * height);
void test_net_heads (DdpmConfig * config, guint * width, guint * height);
void test_net_variance (DdpmConfig * config, guint * width, guint * height);
void test_net_middle (DdpmConfig * config, guint * width, guint * height);
void test_net_labelled (DdpmConfig * config, guint * width, guint * height);
void test_weights_fill (const DdpmParams * params, const DdpmConfig * config,
    gfloat * arena);
void test_weights_fill_param (const DdpmParam * p, gfloat * w);
void test_summary_check (TestDump * dump, const gchar * prefix,
    const DdpmParam * p, const gfloat * values, gdouble tolerance);
void test_net_square_dropout (DdpmConfig * config, guint * width,
    guint * height);
void test_net_notebook (DdpmConfig * config, guint * width, guint * height);
void test_net_tiny (DdpmConfig * config, guint * width, guint * height);
DdpmModel *test_model_new (const DdpmConfig * config);
DdpmModel *test_model_of (TestNet net, guint * width, guint * height);
gdouble test_relative_distance (const gfloat * a, const gfloat * b,
    gsize count);
