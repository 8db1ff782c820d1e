/* gst-ddpm: CPU backend: noise, the forward process, the loss and the step of
 * the reverse process
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>
#include "kernels/cpu/private.h"
#include "kernels/diffusion-math.h"
#include "kernels/philox.h"

/* Elements of one image that a thread works on at a time: a multiple of four,
 * because random numbers are drawn in blocks of four */
#define PIECE 1024

static const CpuKernels *
get_kernels (DdpmBackend * b)
{
  return ((CpuBackend *) b)->kernels;
}

/* Draws the normals [first, first + count) of a sample; first is a multiple of
 * 4. */
static void
draw_sample (DdpmBackend * b, guint64 seed, guint64 sample, guint32 stream,
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

/* The same between keyframes, by the formula of ddpm_keyframe_normal4 (), if there
 * are any. count is at most PIECE. */
static void
draw_normals (DdpmBackend * b, guint64 seed, guint64 sample, guint32 interval,
    guint32 stream, guint first, guint count, float *out)
{
  const guint64 keyframe = interval ? sample / interval : sample;
  const guint32 place = interval ? sample % interval : 0;
  double cosine, sine;
  float next[PIECE];

  draw_sample (b, seed, keyframe, stream, first, count, out);
  if (place == 0)
    return;
  draw_sample (b, seed, keyframe + 1, stream, first, count, next);
  ddpm_keyframe_weights (place, interval, &cosine, &sine);
  for (guint i = 0; i < count; i++)
    out[i] = ddpm_keyframe_mix (cosine, out[i], sine, next[i]);
}

/* What the operations have in common. Images are cut into pieces. */
typedef struct
{
  DdpmBackend *backend;
  guint64 seed, first_sample;
  guint32 stream, interval;
  gsize elements, pieces;       /* of an image */
  const DdpmReverseStep *step;
  const float *a, *s;           /* of each image */
  guint n_valid;
  const float *in, *other;
  float *out, *x_0_prev;
  double *loss;
} Run;

typedef struct
{
  gsize image, first, count, at;
} Piece;

static gsize
count_pieces (gsize elements)
{
  return ddpm_cpu_count_pieces (elements, PIECE);
}

static Piece
locate_piece (const Run * run, gsize i)
{
  const gsize image = i / run->pieces, first = i % run->pieces * PIECE;
  const Piece piece = { image, first, MIN (PIECE, run->elements - first),
    image * run->elements + first
  };

  return piece;
}

static void
noise_piece (gconstpointer data, gsize i, guint thread)
{
  const Run *run = data;
  const Piece p = locate_piece (run, i);

  draw_normals (run->backend, run->seed, run->first_sample + p.image,
      run->interval, run->stream, p.first, p.count, run->out + p.at);
}

static void
noise (DdpmBackend * b, guint64 seed, guint64 first_sample, guint32 stream,
    guint32 interval, guint n, guint elements, float *out)
{
  const Run run = {.backend = b,.seed = seed,.first_sample = first_sample,
    .stream = stream,.interval = interval,.elements = elements,.pieces =
        count_pieces (elements),
    .out = out
  };

  ddpm_cpu_thread_for (n * run.pieces, noise_piece, &run);
}

static void
q_sample_image (gconstpointer data, gsize i, guint thread)
{
  const Run *run = data;
  const gsize at = i * run->elements;

  get_kernels (run->backend)->element->q_sample (run->elements, run->a[i],
      run->s[i], run->in + at, run->other + at, run->out + at);
}

static void
q_sample (DdpmBackend * b, guint n, guint elements, const float *a,
    const float *s, const float *x_0, const float *eps, float *x_t)
{
  const Run run = {.backend = b,.elements = elements,.a = a,.s = s,.in = x_0,
    .other = eps,.out = x_t
  };

  ddpm_cpu_thread_for (n, q_sample_image, &run);
}

static void
mse_of_image (gconstpointer data, gsize i, guint thread)
{
  const Run *run = data;
  const gsize first = i * run->elements;

  if (i < run->n_valid) {
    run->loss[i] = get_kernels (run->backend)->element->mse (run->elements,
        run->s[i], run->in + first, run->other + first, run->out + first);
  } else {
    run->loss[i] = 0.0;
    memset (run->out + first, 0, run->elements * sizeof (float));
  }
}

static void
mse (DdpmBackend * b, guint n, guint n_valid, guint elements,
    const float *scale, const float *pred, const float *target, float *dpred,
    double *loss)
{
  const Run run = {.backend = b,.elements = elements,.s = scale,
    .n_valid = n_valid,.in = pred,.other = target,.out = dpred,.loss = loss
  };

  ddpm_cpu_thread_for (n, mse_of_image, &run);
}

static void
guide_piece (gconstpointer data, gsize i, guint thread)
{
  const Run *run = data;
  const Piece p = locate_piece (run, i);

  get_kernels (run->backend)->element->guide (p.count, *run->s,
      run->in + p.at, run->out + p.at);
}

/* As one image */
static void
guide (DdpmBackend * b, gsize count, gfloat w, const float *without, float *eps)
{
  const Run run = {.backend = b,.elements = count,
    .pieces = count_pieces (count),.s = &w,.in = without,.out = eps
  };

  ddpm_cpu_thread_for (run.pieces, guide_piece, &run);
}

static void
reverse_piece (gconstpointer data, gsize i, guint thread)
{
  const Run *run = data;
  const Piece p = locate_piece (run, i);
  const gboolean noisy = run->step->sigma != 0.0f;
  float z[PIECE];

  if (noisy)
    draw_normals (run->backend, run->seed, run->first_sample + p.image,
        run->step->interval, run->step->stream, p.first, p.count, z);
  get_kernels (run->backend)->element->reverse_step (run->step, p.count,
      run->out + p.at, run->in + p.at,
      run->x_0_prev ? run->x_0_prev + p.at : NULL, noisy ? z : NULL);
}

static void
reverse_step (DdpmBackend * b, const DdpmReverseStep * step, guint64 seed,
    guint64 first_sample, guint n, guint elements, float *x, const float *pred,
    float *x_0_prev)
{
  const Run run = {.backend = b,.seed = seed,.first_sample = first_sample,
    .elements = elements,.pieces = count_pieces (elements),.step = step,
    .in = pred,.out = x,.x_0_prev = x_0_prev
  };

  ddpm_cpu_thread_for (n * run.pieces, reverse_piece, &run);
}

static void
learned_noise_piece (gconstpointer data, gsize i, guint thread)
{
  const Run *run = data;
  const Piece p = locate_piece (run, i);
  float z[PIECE];

  draw_normals (run->backend, run->seed, run->first_sample + p.image,
      run->step->interval, run->step->stream, p.first, p.count, z);
  for (gsize k = 0; k < p.count; k++)
    ddpm_learned_noise_element (run->step, z[k], run->in[p.at + k],
        &run->out[p.at + k]);
}

static void
learned_noise (DdpmBackend * b, const DdpmReverseStep * step, guint64 seed,
    guint64 first_sample, guint n, guint elements, const float *v, float *x)
{
  const Run run = {.backend = b,.seed = seed,.first_sample = first_sample,
    .elements = elements,.pieces = count_pieces (elements),.step = step,
    .in = v,.out = x
  };

  ddpm_cpu_thread_for (n * run.pieces, learned_noise_piece, &run);
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
