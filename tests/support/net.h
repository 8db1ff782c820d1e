/* gst-ddpm: test networks, forward and backward, on any backend
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <math.h>
#include <string.h>

#include "gst-ddpm/model/params.h"
#include "gst-ddpm/unet/unet.h"
#include "tests/support/weights.h"

void check_against_pytorch (DdpmBackend * backend, TestNet make,
    const gchar * file);
/* The relative distance of a forward pass of a model of any origin from a dump
 * of x_t, t, out, and labels of a model with classes. batch: of its images */
gdouble compare_model_with_dump (DdpmBackend * backend, const DdpmModel * model,
    guint batch, guint width, guint height, const gchar * file);
gfloat *evaluate_net (DdpmBackend * backend, TestNet make, guint batch,
    guint64 first_sample, gboolean training, const DdpmDropout * drop,
    gfloat ** grads);
gfloat *evaluate (DdpmBackend * backend, guint batch, guint64 first_sample,
    gboolean training, const DdpmDropout * drop, gfloat ** grads);
