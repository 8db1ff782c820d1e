/* gst-ddpm: random numbers: functions of (seed, sample, stream, element)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/noise.h"

#include "kernels/ops.h"
#include "kernels/philox.h"

typedef void (*BlockFunc) (guint64 seed, guint64 sample, guint32 interval,
    guint32 stream, guint32 block, gfloat out[4]);

/* Philox makes blocks of four numbers; a range may begin and end inside one. */
static void
fill_from_blocks (BlockFunc block_func, guint64 seed, guint64 sample,
    guint32 interval, guint32 stream, guint64 first_element, gsize count,
    gfloat * out)
{
  while (count > 0) {
    guint inside = first_element % 4;
    gsize n = MIN (count, 4 - inside);
    gfloat four[4];
    gsize i;

    block_func (seed, sample, interval, stream, (guint32) (first_element / 4),
        four);
    for (i = 0; i < n; i++)
      out[i] = four[inside + i];
    first_element += n;
    out += n;
    count -= n;
  }
}

void
ddpm_noise_normal (guint64 seed, guint64 sample, guint32 stream,
    guint64 first_element, gsize count, gfloat * out)
{
  ddpm_noise_keyframe_normal (seed, sample, 0, stream, first_element, count,
      out);
}

void
ddpm_noise_keyframe_normal (guint64 seed, guint64 sample, guint32 interval,
    guint32 stream, guint64 first_element, gsize count, gfloat * out)
{
  fill_from_blocks (ddpm_keyframe_normal4, seed, sample, interval, stream,
      first_element, count, out);
}

static void
uniform4 (guint64 seed, guint64 sample, guint32 interval, guint32 stream,
    guint32 block, gfloat out[4])
{
  ddpm_uniform4 (seed, sample, stream, block, out);
}

void
ddpm_noise_uniform (guint64 seed, guint64 sample, guint32 stream,
    guint64 first_element, gsize count, gfloat * out)
{
  fill_from_blocks (uniform4, seed, sample, 0, stream, first_element, count,
      out);
}

/* Arguments of make_normals () */
typedef struct
{
  DdpmBackend *backend;
  guint64 seed, first_sample;
  guint32 stream, interval;
  guint n, elements;
  float *out;
} Normals;

static void
make_normals (gpointer data)
{
  const Normals *a = data;

  a->backend->ops->noise (a->backend, a->seed, a->first_sample, a->stream,
      a->interval, a->n, a->elements, a->out);
  ddpm_backend_wait (a->backend);
}

gboolean
ddpm_noise_normal_batch (DdpmBackend * backend, guint64 seed,
    guint64 first_sample, guint32 interval, guint32 stream, guint n,
    guint elements, float *out, GError ** error)
{
  Normals normals = { backend, seed, first_sample, stream, interval, n,
    elements, out
  };

  ddpm_backend_run (backend, make_normals, &normals);
  return ddpm_backend_check (backend, error);
}
