/* gst-ddpm: CPU backend: noise, the forward process, the loss and the step of
 * the reverse process
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>
#include "kernels/cpu/private.h"
#include "kernels/diffusion-math.h"

/* Elements of one image that a thread works on at a time: a multiple of four,
 * because random numbers are drawn in blocks of four */
#define PIECE 1024

static const CpuKernels *
get_kernels (DdpmBackend * b)
{
  return ((CpuBackend *) b)->kernels;
}

/* Draws the normals [first, first + count) of an image; first is a multiple of
 * 4. */
static void
draw_normals (DdpmBackend * b, guint64 seed, guint64 sample, guint32 stream,
    guint first, guint count, float *out)
{
  const CpuRandomKernels *random = get_kernels (b)->random;
  float last[4];

  random->normals (seed, sample, stream, first / 4, count / 4, out);
  if (count % 4) {
    random->normals (seed, sample, stream, (first + count) / 4, 1, last);
    memcpy (out + count / 4 * 4, last, count % 4 * sizeof (float));
  }
}

static void
noise (DdpmBackend * b, guint64 seed, guint64 first_sample, guint32 stream,
    guint n, guint elements, float *out)
{
  const gsize pieces = ((gsize) elements + PIECE - 1) / PIECE;

#pragma omp parallel for schedule(static)
  for (gsize k = 0; k < n * pieces; k++) {
    const gsize image = k / pieces, first = k % pieces * PIECE;

    draw_normals (b, seed, first_sample + image, stream, first,
        MIN (PIECE, elements - first), out + image * elements + first);
  }
}

static void
q_sample (DdpmBackend * b, guint n, guint elements, const float *a,
    const float *s, const float *x_0, const float *eps, float *x_t)
{
#pragma omp parallel for schedule(static)
  for (gsize i = 0; i < n; i++)
    get_kernels (b)->element->q_sample (elements, a[i], s[i],
        x_0 + i * elements, eps + i * elements, x_t + i * elements);
}

static void
mse (DdpmBackend * b, guint n, guint n_valid, guint elements,
    const float *scale, const float *pred, const float *target, float *dpred,
    double *loss)
{
#pragma omp parallel for schedule(static)
  for (gsize i = 0; i < n; i++) {
    const gsize first = i * elements;

    if (i < n_valid) {
      loss[i] = get_kernels (b)->element->mse (elements, scale[i], pred + first,
          target + first, dpred + first);
    } else {
      loss[i] = 0.0;
      memset (dpred + first, 0, elements * sizeof (float));
    }
  }
}

static void
guide (DdpmBackend * b, gsize count, gfloat w, const float *without, float *eps)
{
#pragma omp parallel for schedule(static)
  for (gsize first = 0; first < count; first += PIECE)
    get_kernels (b)->element->guide (MIN (PIECE, count - first), w,
        without + first, eps + first);
}

static void
reverse_step (DdpmBackend * b, const DdpmReverseStep * step, guint64 seed,
    guint64 first_sample, guint n, guint elements, float *x, const float *pred,
    float *x_0_prev)
{
  const gsize pieces = ((gsize) elements + PIECE - 1) / PIECE;

#pragma omp parallel for schedule(static)
  for (gsize k = 0; k < n * pieces; k++) {
    const gsize image = k / pieces, first = k % pieces * PIECE;
    const gsize at = image * elements + first;
    const gsize count = MIN (PIECE, elements - first);
    float z[PIECE];

    if (step->sigma != 0.0f)
      draw_normals (b, seed, first_sample + image, step->stream, first, count,
          z);
    get_kernels (b)->element->reverse_step (step, count, x + at, pred + at,
        x_0_prev ? x_0_prev + at : NULL, step->sigma != 0.0f ? z : NULL);
  }
}

static void
learned_noise (DdpmBackend * b, const DdpmReverseStep * step, guint64 seed,
    guint64 first_sample, guint n, guint elements, const float *v, float *x)
{
  const gsize pieces = ((gsize) elements + PIECE - 1) / PIECE;

#pragma omp parallel for schedule(static)
  for (gsize k = 0; k < n * pieces; k++) {
    const gsize image = k / pieces, first = k % pieces * PIECE;
    const gsize at = image * elements + first;
    const gsize count = MIN (PIECE, elements - first);
    float z[PIECE];

    draw_normals (b, seed, first_sample + image, step->stream, first, count, z);
    for (gsize i = 0; i < count; i++)
      ddpm_learned_noise_element (step, z[i], v[at + i], &x[at + i]);
  }
}

void
ddpm_cpu_diffusion_set_ops (DdpmOps * ops)
{
  ops->noise = noise;
  ops->q_sample = q_sample;
  ops->mse = mse;
  ops->guide = guide;
  ops->reverse_step = reverse_step;
  ops->learned_noise = learned_noise;
}
