/* gst-ddpm: sampling and training on a backend that has sequences: the calls of
 * each run are the same, and their results are those of a backend without
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The backend is the reference, with entries in its table that others may do
 * without.
 */
#include "gst-ddpm/model/params.h"
#include "kernels/ops.h"
#include "tests/support/sampling.h"
#include "tests/support/training.h"
#include "kernels/optimizer-math.h"
#include "tests/support/test.h"

/* --- the backend ---------------------------------------------------------- */

/* What calls are made with: all of one run, in one row */
typedef struct
{
  DdpmPlan plan;
  GArray *known, *now;          /* of gsize: pointers and sizes */
  guint runs;
} Sequence;

static const DdpmOps *plain;
static Sequence *running;
static guint sequences, runs, waits;

static void
note (gconstpointer p, gsize size)
{
  const gsize pair[] = { GPOINTER_TO_SIZE (p), size };

  if (running)
    g_array_append_vals (running->now, pair, 2);
}

static void
sequence_clear (DdpmPlan * p)
{
  Sequence *s = (Sequence *) p;

  g_array_unref (s->known);
  g_array_unref (s->now);
  sequences--;
}

static DdpmPlan *
graph_new (DdpmBackend * b)
{
  Sequence *s = ddpm_plan_new (sizeof (Sequence), b, sequence_clear, NULL);

  s->known = g_array_new (FALSE, FALSE, sizeof (gsize));
  s->now = g_array_new (FALSE, FALSE, sizeof (gsize));
  sequences++;
  return &s->plan;
}

static void
graph_run (DdpmPlan * p, void (*func) (gpointer data), gpointer data)
{
  Sequence *s = (Sequence *) p;

  g_assert_null (running);
  running = s;
  g_array_set_size (s->now, 0);
  func (data);
  running = NULL;
  if (s->runs++ == 0)
    g_array_append_vals (s->known, s->now->data, s->now->len);
  g_assert_cmpmem (s->now->data, s->now->len * sizeof (gsize),
      s->known->data, s->known->len * sizeof (gsize));
  runs++;
}

static void
wait_counted (DdpmBackend * b)
{
  g_assert_null (running);
  waits++;
}

static void
upload (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  note (dst, size);
  plain->upload (b, dst, src, size);
}

static void
zero (DdpmBackend * b, gpointer dst, gsize size)
{
  note (dst, size);
  plain->zero (b, dst, size);
}

static void
conv_set_weights (DdpmPlan * p, const float *weight, const float *bias)
{
  note (p, 0);
  note (weight, 0);
  plain->conv_set_weights (p, weight, bias);
}

static void
conv_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer residual, gpointer y, gpointer scratch)
{
  note (p, 0);
  note (x0, 0);
  note (y, 0);
  plain->conv_forward (p, x0, x1, residual, y, scratch);
}

static void
conv_backward_weights (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer dy, float *dweight, float *dbias, gboolean add,
    gpointer scratch)
{
  note (dy, add);
  note (dweight, 0);
  plain->conv_backward_weights (p, x0, x1, dy, dweight, dbias, add, scratch);
}

static void
embedding (DdpmBackend * b, guint n, guint dim, const float *table,
    const gint * t, float *out)
{
  note (out, n);
  plain->embedding (b, n, dim, table, t, out);
}

static void
noise (DdpmBackend * b, guint64 seed, guint64 first_sample, guint32 stream,
    guint32 interval, guint n, guint elements, float *out)
{
  note (out, n);
  plain->noise (b, seed, first_sample, stream, interval, n, elements, out);
}

static void
q_sample (DdpmBackend * b, guint n, guint elements, const float *a,
    const float *s, const float *x_0, const float *eps, float *x_t)
{
  note (x_0, n);
  note (x_t, 0);
  plain->q_sample (b, n, elements, a, s, x_0, eps, x_t);
}

static void
reverse_step (DdpmBackend * b, const DdpmReverseStep * step, guint64 seed,
    guint64 first_sample, guint n, guint elements, float *x, const float *eps,
    float *x_0_prev)
{
  note (x, n);
  note (x_0_prev, 0);
  plain->reverse_step (b, step, seed, first_sample, n, elements, x, eps,
      x_0_prev);
}

static double
sum_of_squares (DdpmBackend * b, gsize count, const float *x)
{
  g_assert_null (running);
  return plain->sum_of_squares (b, count, x);
}

static void
adam_clipped (DdpmBackend * b, const DdpmAdam * a, double limit, gsize count,
    const float *grad, float *param, float *m, float *v, float *ema,
    double *squares)
{
  const double norm = sqrt (plain->sum_of_squares (b, count, grad));
  DdpmAdam clipped = *a;

  note (grad, count);
  note (param, 0);
  note (ema, 0);
  *squares = norm * norm;
  clipped.grad_scale *= ddpm_clip_factor (limit, norm);
  if (ddpm_gradient_is_sane (norm, clipped.grad_scale))
    plain->adam (b, &clipped, count, grad, param, m, v, ema);
}

static DdpmBackend *
backend_with_sequences (void)
{
  static DdpmOps ops;
  DdpmBackend *b = test_backend_new (DDPM_BACKEND_REFERENCE);

  plain = b->ops;
  ops = *plain;
  ops.wait = wait_counted;
  ops.upload = upload;
  ops.zero = zero;
  ops.conv_set_weights = conv_set_weights;
  ops.conv_forward = conv_forward;
  ops.conv_backward_weights = conv_backward_weights;
  ops.embedding = embedding;
  ops.noise = noise;
  ops.q_sample = q_sample;
  ops.reverse_step = reverse_step;
  ops.sum_of_squares = sum_of_squares;
  ops.adam_clipped = adam_clipped;
  ops.graph_new = graph_new;
  ops.graph_run = graph_run;
  b->ops = &ops;
  runs = waits = 0;
  return b;
}

/* --- sampling --------------------------------------------------------------- */

TEST (a_step_of_sampling_is_a_sequence)
{
  static const DdpmSamplerSpec specs[] = {
    {.kind = DDPM_SAMPLER_DDPM,.steps = 3,.clip_x0 = TRUE},
    {.kind = DDPM_SAMPLER_DPMPP_2M,.steps = 3},
  };
  g_autoptr (DdpmBackend) without = test_backend_new (DDPM_BACKEND_REFERENCE);
  g_autoptr (DdpmBackend) with = backend_with_sequences ();
  guint width, height;
  g_autoptr (DdpmModel) model = test_model_of (test_net_tiny, &width, &height);
  gsize elements = (gsize) width * height * model->config.image_channels;
  g_autofree gfloat *x = pure_noise (FIRST, BATCH, elements);

  for (guint i = 0; i < G_N_ELEMENTS (specs); i++) {
    g_autofree gfloat *expected = sample_on (without, model, BATCH, width,
        height, specs[i], x, FIRST);
    g_autofree gfloat *got = NULL;

    runs = 0;
    got = sample_on (with, model, BATCH, width, height, specs[i], x, FIRST);
    g_assert_cmpuint (runs, ==, 3);
    g_assert_cmpmem (got, BATCH * elements * sizeof (gfloat), expected,
        BATCH * elements * sizeof (gfloat));
  }
  g_assert_cmpuint (sequences, ==, 0);
}

/* --- training --------------------------------------------------------------- */

static DdpmTrainer *
trainer_on (DdpmBackend * backend, guint micro_batch)
{
  TestRecipe r = test_recipe (test_net_tiny, test_settings_paper);
  DdpmTrainer *trainer;
  g_autoptr (DdpmModel) model = test_model_new (&r.config);

  r.settings.micro_batch = micro_batch;
  r.settings.grad_clip = 0.01;  /* does something */
  trainer = test_trainer_on (&r, backend);
  test_trainer_set_weights (trainer, model);
  return trainer;
}

#define ELEMENTS (6 * 4 * 3)

static const struct
{
  const gchar *name;
  guint passes;
} cuts[] = { {"one-pass", 1}, {"four-passes", 4} };

TABLE_TEST (a_step_of_training_is_sequences, cuts)
{
  g_autoptr (DdpmBackend) without = test_backend_new (DDPM_BACKEND_REFERENCE);
  g_autoptr (DdpmBackend) with = backend_with_sequences ();
  DdpmTrainer *expected = trainer_on (without, 8 / row->passes);
  DdpmTrainer *trainer = trainer_on (with, 8 / row->passes);

  waits = 0;
  for (guint step = 0; step < 2; step++) {
    DdpmTrainerStats a, b;

    runs = 0;
    test_trainer_step (expected, 8, ELEMENTS, &a);
    test_trainer_step (trainer, 8, ELEMENTS, &b);
    g_assert_cmpuint (runs, ==, row->passes + 1);
    g_assert_true (a.loss == b.loss && a.learning_rate == b.learning_rate);
    g_assert_cmpfloat_with_epsilon (a.grad_norm, b.grad_norm,
        1e-12 * a.grad_norm);
  }
  g_assert_cmpuint (waits, ==, 2);      /* for the loss of each step */
  for (guint ema = 0; ema < 2; ema++) {
    g_autoptr (DdpmModel) a = test_trainer_get_model (expected, ema);
    g_autoptr (DdpmModel) b = test_trainer_get_model (trainer, ema);

    test_assert_same_weights (a, b);
  }
  ddpm_trainer_free (expected);
  ddpm_trainer_free (trainer);
  g_assert_cmpuint (sequences, ==, 0);
}

TEST (a_step_that_diverges_changes_nothing)
{
  g_autoptr (DdpmBackend) with = backend_with_sequences ();
  DdpmTrainer *trainer = trainer_on (with, 8);
  g_autofree guint8 *images = test_images (0, 8, ELEMENTS);
  g_autoptr (DdpmModel) model = test_trainer_get_model (trainer, FALSE);
  g_autoptr (DdpmModel) after = NULL;
  DdpmTrainerStats stats;

  for (gsize i = 0; i < model->params->trainable; i++)
    model->weights[i] *= 1e18f;
  test_trainer_set_weights (trainer, model);
  assert_fails (ddpm_trainer_step (trainer, images, NULL, 8, NULL, &stats,
          &error), DDPM_ERROR_DIVERGED, NULL);
  after = test_trainer_get_model (trainer, FALSE);
  test_assert_same_weights (after, model);
  ddpm_trainer_get_stats (trainer, &stats);
  g_assert_cmpuint (stats.step, ==, 0);
  ddpm_trainer_free (trainer);
}
