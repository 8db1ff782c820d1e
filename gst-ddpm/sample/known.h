/* gst-ddpm: the known part of images that are sampled (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/schedule.h"
#include "kernels/backend.h"

G_BEGIN_DECLS

/* What is known of a batch of images, in the memory of a backend: inpainting
 * generates the rest (Lugmayr et al. 2022, "RePaint"). */
typedef struct _DdpmKnown DdpmKnown;

/* pixels, channels: of one image; schedule: of the model, kept by the caller.
 * Returns: NULL and DDPM_ERROR_NO_SPACE if there is not enough memory */
DdpmKnown *ddpm_known_new (DdpmBackend * backend,
    const DdpmSchedule * schedule, DdpmDataRange range, guint batch,
    guint pixels, guint channels, GError ** error);
void ddpm_known_free (DdpmKnown * known);

/* bytes [batch][pixels][channels]; alpha [batch][pixels]: 128 and more is
 * known, and less says how much of the image shows the bytes at the end. bytes
 * NULL: nothing is known, which is the default. */
void ddpm_known_set (DdpmKnown * known, const guint8 * bytes,
    const guint8 * alpha);

/* Where and when: the states x are those of samples from first_sample on, and
 * have reached the state number visit times before. */
typedef struct
{
  float *x;                     /* (batch, pixels, channels) */
  guint64 seed, first_sample;
  guint interval;               /* from keyframe to keyframe; 0: none */
  guint state, visit;
} DdpmKnownPlace;

/* All inside ddpm_backend_run (): */

/* Puts the known part back, with the noise of the state (RePaint, eq. 8) */
void ddpm_known_put_back (DdpmKnown * known, const DdpmKnownPlace * place);
/* Leads x from a state to the noisier one of place, and puts the known part
 * back (algorithm 1, line 10) */
void ddpm_known_jump (DdpmKnown * known, const DdpmKnownPlace * place,
    guint from);
/* Puts the known part back as it is, and blends the rest with the bytes by
 * alpha: x are images. */
void ddpm_known_finish (DdpmKnown * known, float *x);

G_END_DECLS
