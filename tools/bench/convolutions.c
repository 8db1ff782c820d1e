/* gst-ddpm: ddpm-bench: the convolutions of a network, each one alone
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "tools/bench/convolutions.h"
#include "gst-ddpm/model/noise.h"
#include "kernels/bf16.h"

/* A sample is made of as many calls as take so long. */
#define SAMPLE_SECONDS 2e-3
#define MAX_CALLS 1000
#define CHUNK 16384             /* floats */

typedef struct
{
  BenchShape shape;
  DdpmPlan *plan;
  guint calls[BENCH_N_PASSES];  /* of one sample */
  GArray *samples[BENCH_N_PASSES];      /* of gdouble: seconds of a call */
} Shape;

/* What the calls read and write, large enough for all of them */
enum
{
  X0, X1, Y, DY, DX0, DX1, WEIGHT, BIAS, SCRATCH, N_BUFFERS
};

struct _BenchConvolutions
{
  DdpmBackend *backend;
  clockid_t clock;
  GArray *shapes;               /* of Shape */
  gpointer buffers[N_BUFFERS];
  gsize sizes[N_BUFFERS];
  gdouble seconds;              /* of the convolutions of a step */
  GError **error;               /* for the functions that run inside */
  gboolean ok;
};

const gchar *
bench_pass_to_string (guint pass)
{
  static const gchar *const names[BENCH_N_PASSES] =
      { "forward", "backward by data", "backward by weights" };

  return names[pass];
}

gchar *
bench_shape_to_string (const DdpmConvDesc * d)
{
  GString *s = g_string_new (NULL);

  g_string_printf (s, "%ux%u %u", d->kernel, d->kernel, d->cin0);
  if (d->cin1)
    g_string_append_printf (s, "+%u", d->cin1);
  g_string_append_printf (s, "->%u at %ux%u", d->cout, d->width, d->height);
  if (d->stride > 1)
    g_string_append_printf (s, ", stride %u", d->stride);
  return g_string_free (s, FALSE);
}

/* --- what there is to time ------------------------------------------------ */

static Shape *
find_shape (BenchConvolutions * c, const DdpmConvDesc * desc)
{
  for (guint i = 0; i < c->shapes->len; i++) {
    Shape *shape = &g_array_index (c->shapes, Shape, i);

    if (memcmp (&shape->shape.desc, desc, sizeof *desc) == 0)
      return shape;
  }
  return NULL;
}

static Shape *
add_shape (BenchConvolutions * c, const DdpmConvDesc * desc)
{
  Shape shape = {.shape.desc = *desc };

  shape.shape.flops = ddpm_conv_desc_get_flops (desc);
  for (guint pass = 0; pass < BENCH_N_PASSES; pass++)
    shape.samples[pass] = g_array_new (FALSE, FALSE, sizeof (gdouble));
  g_array_append_val (c->shapes, shape);
  return &g_array_index (c->shapes, Shape, c->shapes->len - 1);
}

static void
collect_shapes (BenchConvolutions * c, DdpmBackend * profile, guint steps)
{
  DdpmProfileConvolution convolution;

  for (guint i = 0;
      ddpm_profile_backend_get_convolution (profile, i, &convolution); i++) {
    Shape *shape = find_shape (c, &convolution.desc);

    if (shape == NULL)
      shape = add_shape (c, &convolution.desc);
    for (guint pass = 0; pass < BENCH_N_PASSES; pass++)
      shape->shape.count[pass] += convolution.passes[pass].calls / steps;
  }
}

/* --- memory --------------------------------------------------------------- */

static void
enlarge (BenchConvolutions * c, guint buffer, gsize size)
{
  c->sizes[buffer] = MAX (c->sizes[buffer], size);
}

/* Products of sizes that the plan has checked */
static void
enlarge_for (BenchConvolutions * c, const Shape * shape)
{
  const DdpmConvDesc *d = &shape->shape.desc;
  const gsize in = (gsize) d->n * d->height * d->width
      * ddpm_type_size (d->src_type);
  const gsize out = (gsize) d->n * ((d->height - 1) / d->stride + 1)
      * ((d->width - 1) / d->stride + 1) * ddpm_type_size (d->dst_type);

  enlarge (c, X0, in * d->cin0);
  enlarge (c, X1, in * d->cin1);
  enlarge (c, Y, out * d->cout);
  enlarge (c, WEIGHT, ((gsize) d->cin0 + d->cin1) * d->cout * d->kernel
      * d->kernel * sizeof (float));
  enlarge (c, BIAS, d->cout * sizeof (float));
  enlarge (c, SCRATCH, shape->plan->scratch);
  if (d->training) {
    enlarge (c, DY, out * d->cout);
    enlarge (c, DX0, in * d->cin0);
    enlarge (c, DX1, in * d->cin1);
  }
}

/* Normals; in pairs of bf16 where that is the type of activations, each of
 * which is, read as a float, near the second of the pair */
static gpointer
make_chunk (DdpmType type)
{
  gfloat *chunk = g_new (gfloat, 2 * CHUNK);
  guint16 *halves = (guint16 *) chunk;

  ddpm_noise_normal (0, 0, 0, 0, 2 * CHUNK, chunk);
  for (gsize i = 0; type == DDPM_TYPE_BF16 && i < 2 * CHUNK; i++)
    halves[i] = ddpm_bf16_from_float (chunk[i]);
  return chunk;
}

static gboolean
take_buffers (BenchConvolutions * c)
{
  const DdpmOps *ops = c->backend->ops;
  g_autofree guint8 *chunk = make_chunk (c->backend->act_type);
  const gsize size = CHUNK * sizeof (gfloat);

  for (guint i = 0; i < N_BUFFERS; i++) {
    guint8 *p = c->buffers[i] = ops->alloc (c->backend, c->sizes[i]);

    if (p == NULL) {
      g_set_error (c->error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
          "no memory to time convolutions alone");
      return FALSE;
    }
    for (gsize done = 0; done < c->sizes[i]; done += size)
      ops->upload (c->backend, p + done, chunk, MIN (size, c->sizes[i] - done));
  }
  return TRUE;
}

/* --- timing --------------------------------------------------------------- */

static void
call (BenchConvolutions * c, Shape * shape, guint pass)
{
  const DdpmOps *ops = c->backend->ops;
  const DdpmConvDesc *d = &shape->shape.desc;
  gpointer *p = c->buffers;

  switch (pass) {
    case 0:
      ops->conv_forward (shape->plan, p[X0], d->cin1 ? p[X1] : NULL, NULL, p[Y],
          p[SCRATCH]);
      break;
    case 1:
      ops->conv_backward_data (shape->plan, p[DY], p[DX0], FALSE,
          d->cin1 ? p[DX1] : NULL, FALSE, p[SCRATCH]);
      break;
    case 2:
      ops->conv_backward_weights (shape->plan, p[X0], d->cin1 ? p[X1] : NULL,
          p[DY], p[WEIGHT], p[BIAS], FALSE, p[SCRATCH]);
      break;
  }
}

/* Seconds of a call. What is read back has been computed. */
static gdouble
time_calls (BenchConvolutions * c, Shape * shape, guint pass, guint calls)
{
  static const guint written[BENCH_N_PASSES] = { Y, DX0, WEIGHT };
  const gdouble start = bench_now (c->clock);
  float first;

  for (guint i = 0; i < calls; i++)
    call (c, shape, pass);
  c->backend->ops->download (c->backend, &first, c->buffers[written[pass]],
      sizeof (guint16));
  return (bench_now (c->clock) - start) / calls;
}

static void
warm_up (BenchConvolutions * c, Shape * shape)
{
  c->backend->ops->conv_set_weights (shape->plan, c->buffers[WEIGHT],
      c->buffers[BIAS]);
  for (guint pass = 0; pass < BENCH_N_PASSES; pass++) {
    gdouble calls;

    if (shape->shape.count[pass] == 0)
      continue;
    time_calls (c, shape, pass, 1);
    calls = SAMPLE_SECONDS / time_calls (c, shape, pass, 1);
    shape->calls[pass] = CLAMP (calls, 1, MAX_CALLS);
    shape->shape.implementation[pass] =
        g_intern_string (c->backend->ops->plan_implementation (shape->plan,
            pass));
  }
}

static void
prepare (gpointer data)
{
  BenchConvolutions *c = data;

  for (guint i = 0; i < c->shapes->len; i++) {
    Shape *shape = &g_array_index (c->shapes, Shape, i);

    shape->plan = c->backend->ops->conv_new (c->backend, &shape->shape.desc,
        c->error);
    if (shape->plan == NULL)
      return;
    enlarge_for (c, shape);
  }
  c->ok = take_buffers (c);
  for (guint i = 0; c->ok && i < c->shapes->len; i++)
    warm_up (c, &g_array_index (c->shapes, Shape, i));
}

BenchConvolutions *
bench_convolutions_new (DdpmBackend * backend, DdpmBackend * profile,
    guint steps, clockid_t clock, GError ** error)
{
  BenchConvolutions *c = g_new0 (BenchConvolutions, 1);

  c->backend = ddpm_backend_ref (backend);
  c->clock = clock;
  c->shapes = g_array_new (FALSE, FALSE, sizeof (Shape));
  c->error = error;
  collect_shapes (c, profile, steps);
  backend->ops->run (backend, prepare, c);
  if (c->ok)
    return c;
  bench_convolutions_free (c);
  return NULL;
}

static void
tear_down (gpointer data)
{
  BenchConvolutions *c = data;

  for (guint i = 0; i < c->shapes->len; i++)
    c->backend->ops->plan_free (g_array_index (c->shapes, Shape, i).plan);
  for (guint i = 0; i < N_BUFFERS; i++)
    c->backend->ops->free (c->backend, c->buffers[i]);
}

void
bench_convolutions_free (BenchConvolutions * c)
{
  if (c == NULL)
    return;
  c->backend->ops->run (c->backend, tear_down, c);
  for (guint i = 0; i < c->shapes->len; i++)
    for (guint pass = 0; pass < BENCH_N_PASSES; pass++)
      g_array_unref (g_array_index (c->shapes, Shape, i).samples[pass]);
  g_array_unref (c->shapes);
  ddpm_backend_unref (c->backend);
  g_free (c);
}

static void
time_all (gpointer data)
{
  BenchConvolutions *c = data;

  c->seconds = 0.0;
  for (guint i = 0; i < c->shapes->len; i++) {
    Shape *shape = &g_array_index (c->shapes, Shape, i);

    for (guint pass = 0; pass < BENCH_N_PASSES; pass++) {
      gdouble seconds;

      if (shape->shape.count[pass] == 0)
        continue;
      seconds = time_calls (c, shape, pass, shape->calls[pass]);
      g_array_append_val (shape->samples[pass], seconds);
      c->seconds += seconds * shape->shape.count[pass];
    }
  }
}

gdouble
bench_convolutions_time (BenchConvolutions * c)
{
  c->backend->ops->run (c->backend, time_all, c);
  return c->seconds;
}

/* --- results -------------------------------------------------------------- */

/* Mean seconds of a call of this shape in the steps that profile saw */
static gdouble
mean_in_step (DdpmBackend * profile, const DdpmConvDesc * desc, guint pass)
{
  DdpmProfileConvolution convolution;
  gdouble seconds = 0.0, calls = 0.0;

  for (guint i = 0;
      ddpm_profile_backend_get_convolution (profile, i, &convolution); i++) {
    if (memcmp (&convolution.desc, desc, sizeof *desc) != 0)
      continue;
    seconds += convolution.passes[pass].seconds;
    calls += convolution.passes[pass].calls;
  }
  return calls > 0.0 ? seconds / calls : 0.0;
}

GArray *
bench_convolutions_summarise (BenchConvolutions * c, DdpmBackend * profile)
{
  GArray *shapes = g_array_new (FALSE, FALSE, sizeof (BenchShape));

  for (guint i = 0; i < c->shapes->len; i++) {
    Shape *shape = &g_array_index (c->shapes, Shape, i);
    BenchShape result = shape->shape;

    for (guint pass = 0; pass < BENCH_N_PASSES; pass++) {
      bench_samples_summarise (shape->samples[pass], &result.alone[pass]);
      result.in_step[pass] = mean_in_step (profile, &result.desc, pass);
    }
    g_array_append_val (shapes, result);
  }
  return shapes;
}
