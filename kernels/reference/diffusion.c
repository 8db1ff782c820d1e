/* gst-ddpm: reference backend: noise, the forward process, the loss and the
 * reverse step; the formulas of one element are in diffusion-math.h
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/diffusion-math.h"
#include "kernels/philox.h"
#include "kernels/reference/private.h"

static void
noise (DdpmBackend * b, guint64 seed, guint64 first_sample, guint32 stream,
    guint32 interval, guint n, guint elements, float *out)
{
  float z[4];

  for (guint i = 0; i < n; i++) {
    for (guint e = 0; e < elements; e++) {
      if (e % 4 == 0)
        ddpm_keyframe_normal4 (seed, first_sample + i, interval, stream, e / 4,
            z);
      *out++ = z[e % 4];
    }
  }
}

static void
q_sample (DdpmBackend * b, guint n, guint elements, const float *a,
    const float *s, const float *x_0, const float *eps, float *x_t)
{
  for (gsize i = 0; i < n; i++) {
    for (gsize e = i * elements; e < (i + 1) * elements; e++)
      x_t[e] = ddpm_diffuse (a[i], x_0[e], s[i], eps[e]);
  }
}

/* Ho et al. 2020, eq. 14, and its derivative by the prediction */
static void
mse (DdpmBackend * b, guint n, guint n_valid, guint elements,
    const float *scale, const float *pred, const float *target, float *dpred,
    double *loss)
{
  for (gsize i = 0; i < n; i++) {
    loss[i] = 0.0;
    for (gsize e = i * elements; e < (i + 1) * elements; e++) {
      const double difference = i < n_valid ? (double) pred[e] - target[e] : 0;

      loss[i] += difference * difference;
      dpred[e] = ddpm_mse_gradient (scale[i], difference);
    }
  }
}

static void
guide (DdpmBackend * b, gsize count, gfloat w, const float *without, float *eps)
{
  for (gsize i = 0; i < count; i++)
    eps[i] = ddpm_guide (w, without[i], eps[i]);
}

static void
reverse_step (DdpmBackend * b, const DdpmReverseStep * step, guint64 seed,
    guint64 first_sample, guint n, guint elements, float *x, const float *pred,
    float *x_0_prev)
{
  float z[4] = { 0, };

  for (guint i = 0; i < n; i++) {
    for (guint e = 0; e < elements; e++) {
      const gsize k = (gsize) i * elements + e;

      if (step->sigma != 0.0f && e % 4 == 0)
        ddpm_keyframe_normal4 (seed, first_sample + i, step->interval,
            step->stream, e / 4, z);
      ddpm_reverse_element (step, z[e % 4], pred[k], &x[k],
          x_0_prev ? &x_0_prev[k] : NULL);
    }
  }
}

static void
learned_noise (DdpmBackend * b, const DdpmReverseStep * step, guint64 seed,
    guint64 first_sample, guint n, guint elements, const float *v, float *x)
{
  float z[4];

  for (guint i = 0; i < n; i++) {
    for (guint e = 0; e < elements; e++) {
      const gsize k = (gsize) i * elements + e;

      if (e % 4 == 0)
        ddpm_keyframe_normal4 (seed, first_sample + i, step->interval,
            step->stream, e / 4, z);
      ddpm_learned_noise_element (step, z[e % 4], v[k], &x[k]);
    }
  }
}

void
ddpm_ref_diffusion_set_ops (DdpmOps * ops)
{
  ops->noise = noise;
  ops->q_sample = q_sample;
  ops->mse = mse;
  ops->guide = guide;
  ops->reverse_step = reverse_step;
  ops->learned_noise = learned_noise;
}
