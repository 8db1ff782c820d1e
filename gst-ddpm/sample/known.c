/* gst-ddpm: the known part of images that are sampled
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lugmayr et al. 2022, "RePaint: Inpainting using denoising diffusion
 * probabilistic models". Images are mixed pixel by pixel by the operation that
 * mixes images and noise: each pixel is an image of its own, with its own
 * factors.
 */
#include "gst-ddpm/sample/known.h"

#include <math.h>

#include "gst-ddpm/model/pixels.h"
#include "gst-ddpm/model/streams.h"
#include "kernels/ops.h"

#define OPAQUE 128

/* Factors of two images to mix, for each image or pixel, in memory of the host */
typedef struct
{
  gfloat *of_known, *of_rest;
} Factors;

struct _DdpmKnown
{
  DdpmBackend *backend;
  const DdpmSchedule *schedule;
  DdpmDataRange range;
  guint batch, pixels, channels;
  gboolean active;
  gfloat *host_x_0;             /* (batch, pixels, channels) */
  float *x_0, *noisy;           /* the same, of the backend */
  Factors level;                /* [batch]: signal and noise */
  Factors mask;                 /* [batch][pixels]: 1 and 0, or 0 and 1 */
  Factors blend;                /* likewise, but between them below OPAQUE */
};

static gsize
state_count (const DdpmKnown * k)
{
  return (gsize) k->batch * k->pixels * k->channels;
}

static gboolean
factors_init (Factors * factors, gsize n)
{
  factors->of_known = g_try_new0 (gfloat, n);
  factors->of_rest = g_try_new0 (gfloat, n);
  return factors->of_known && factors->of_rest;
}

static void
factors_clear (Factors * factors)
{
  g_free (factors->of_known);
  g_free (factors->of_rest);
}

DdpmKnown *
ddpm_known_new (DdpmBackend * backend, const DdpmSchedule * schedule,
    DdpmDataRange range, guint batch, guint pixels, guint channels,
    GError ** error)
{
  DdpmKnown *k = g_new0 (DdpmKnown, 1);

  k->backend = ddpm_backend_ref (backend);
  k->schedule = schedule;
  k->range = range;
  k->batch = batch;
  k->pixels = pixels;
  k->channels = channels;
  /* The operation that mixes images counts them in a guint. */
  if ((gsize) batch * pixels > G_MAXUINT)
    goto no_memory;
  k->host_x_0 = g_try_new (gfloat, state_count (k));
  if (k->host_x_0 == NULL || !factors_init (&k->level, batch)
      || !factors_init (&k->mask, (gsize) batch * pixels)
      || !factors_init (&k->blend, (gsize) batch * pixels))
    goto no_memory;
  k->x_0 = ddpm_backend_alloc (backend, state_count (k) * sizeof (float));
  k->noisy = ddpm_backend_alloc (backend, state_count (k) * sizeof (float));
  if (k->x_0 == NULL || k->noisy == NULL)
    goto no_memory;
  return k;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the known part of a batch of %u", batch);
  ddpm_known_free (k);
  return NULL;
}

void
ddpm_known_free (DdpmKnown * k)
{
  if (k == NULL)
    return;
  ddpm_backend_free (k->backend, k->x_0);
  ddpm_backend_free (k->backend, k->noisy);
  factors_clear (&k->level);
  factors_clear (&k->mask);
  factors_clear (&k->blend);
  g_free (k->host_x_0);
  ddpm_backend_unref (k->backend);
  g_free (k);
}

void
ddpm_known_set (DdpmKnown * k, const guint8 * bytes, const guint8 * alpha)
{
  const gsize n = (gsize) k->batch * k->pixels;

  k->active = bytes != NULL;
  if (!k->active)
    return;
  for (gsize i = 0; i < n; i++) {
    const gboolean opaque = alpha[i] >= OPAQUE;

    k->mask.of_known[i] = opaque;
    k->mask.of_rest[i] = !opaque;
    k->blend.of_known[i] = opaque ? 1.0 : alpha[i] / 255.0;
    k->blend.of_rest[i] = opaque ? 0.0 : 1.0 - alpha[i] / 255.0;
  }
  ddpm_pixels_to_float (k->range, bytes, state_count (k), k->host_x_0);
  ddpm_backend_upload (k->backend, k->x_0, k->host_x_0,
      state_count (k) * sizeof (float));
}

/* x = of_known known + of_rest x, pixel by pixel */
static void
mix_pixels (DdpmKnown * k, const Factors * factors, const float *known,
    float *x)
{
  k->backend->ops->q_sample (k->backend, k->batch * k->pixels, k->channels,
      factors->of_known, factors->of_rest, known, x, x);
}

static void
set_level (DdpmKnown * k, gdouble signal, gdouble noise)
{
  for (guint i = 0; i < k->batch; i++) {
    k->level.of_known[i] = signal;
    k->level.of_rest[i] = noise;
  }
}

static void
draw_noise (DdpmKnown * k, const DdpmKnownPlace * place)
{
  k->backend->ops->noise (k->backend, place->seed, place->first_sample,
      DDPM_STREAM_KNOWN + place->state + DDPM_STREAM_AGAIN * place->visit,
      place->interval, k->batch, k->pixels * k->channels, k->noisy);
}

/* The noise has been drawn. */
static void
mix_in_known (DdpmKnown * k, const DdpmKnownPlace * place)
{
  const gdouble A =
      ddpm_schedule_alpha_bar_of_state (k->schedule, place->state);

  set_level (k, sqrt (A), sqrt (1.0 - A));
  k->backend->ops->q_sample (k->backend, k->batch, k->pixels * k->channels,
      k->level.of_known, k->level.of_rest, k->x_0, k->noisy, k->noisy);
  mix_pixels (k, &k->mask, k->noisy, place->x);
}

void
ddpm_known_put_back (DdpmKnown * k, const DdpmKnownPlace * place)
{
  if (!k->active)
    return;
  draw_noise (k, place);
  mix_in_known (k, place);
}

/* With A and A' of the noisier state and of the other:
 * q (x given x') = N (sqrt (A / A') x', 1 - A / A') (Ho et al. 2020, eq. 4) */
void
ddpm_known_jump (DdpmKnown * k, const DdpmKnownPlace * place, guint from)
{
  const gdouble A = ddpm_schedule_alpha_bar_of_state (k->schedule, place->state)
      / ddpm_schedule_alpha_bar_of_state (k->schedule, from);

  draw_noise (k, place);
  set_level (k, sqrt (A), sqrt (1.0 - A));
  k->backend->ops->q_sample (k->backend, k->batch, k->pixels * k->channels,
      k->level.of_known, k->level.of_rest, place->x, k->noisy, place->x);
  /* Each pixel is of the one or of the other part, so the same noise is not
   * used twice. */
  if (k->active)
    mix_in_known (k, place);
}

void
ddpm_known_finish (DdpmKnown * k, float *x)
{
  if (k->active)
    mix_pixels (k, &k->blend, k->x_0, x);
}
