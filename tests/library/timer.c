/* gst-ddpm: counting and timing the operations of a backend
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "tests/support/test.h"
#include "tests/support/training.h"
#include "gst-ddpm/unet/unet.h"
#include "kernels/timer.h"

typedef struct
{
  DdpmBackend *backend;
  DdpmTimer *timer;
  DdpmTrainer *trainer;
} Fixture;

/* The smallest network on the given backend (transfer full) */
static void
fixture_init (Fixture * f, DdpmBackend * backend)
{
  const TestRecipe r = test_recipe (test_net_tiny, test_settings_paper);

  f->backend = backend;
  f->timer = ddpm_timer_new (CLOCK_MONOTONIC);
  f->trainer = test_trainer_on (&r, backend);
}

static void
setup (Fixture * f, gconstpointer unused)
{
  fixture_init (f, test_backend_new (DDPM_BACKEND_REFERENCE));
}

static void
teardown (Fixture * f, gconstpointer unused)
{
  ddpm_trainer_free (f->trainer);
  ddpm_timer_free (f->timer);
  ddpm_backend_unref (f->backend);
}

static void
train_a_step (Fixture * f)
{
  DdpmTrainerStats stats;

  test_trainer_step (f->trainer, 8, 6 * 4 * 3, &stats);
}

/* As if there was none before */
static void
time_a_step (Fixture * f)
{
  ddpm_timer_reset (f->timer);
  ddpm_timer_attach (f->timer, f->backend);
  train_a_step (f);
  ddpm_timer_attach (NULL, f->backend);
}

static const DdpmTimerConvolution *
convolution (Fixture * f, guint i)
{
  g_assert_cmpuint (i, <, f->timer->convolutions->len);
  return &g_array_index (f->timer->convolutions, DdpmTimerConvolution, i);
}

static gdouble
sum_of_flops (Fixture * f)
{
  gdouble flops = 0.0;

  for (guint i = 0; i < DDPM_TIMER_N_KINDS; i++)
    flops += f->timer->entries[i].flops;
  return flops;
}

FIXTURE_TEST (a_timed_step_has_the_same_bits)
{
  Fixture plain;
  g_autoptr (DdpmModel) x = NULL;
  g_autoptr (DdpmModel) y = NULL;

  setup (&plain, NULL);
  train_a_step (&plain);
  time_a_step (f);
  x = test_trainer_get_model (plain.trainer, FALSE);
  y = test_trainer_get_model (f->trainer, FALSE);
  test_assert_same_weights (x, y);
  teardown (&plain, NULL);
}

FIXTURE_TEST (a_training_step_has_every_kind_but_upsampling)
{
  time_a_step (f);
  for (guint i = 0; i < DDPM_TIMER_N_KINDS; i++) {
    const DdpmTimerEntry *entry = &f->timer->entries[i];

    g_assert_nonnull (ddpm_timer_kind_to_string (i));
    if (i == DDPM_TIMER_UPSAMPLE) {
      g_assert_cmpuint (entry->calls, ==, 0);
      continue;
    }
    g_assert_cmpuint (entry->calls, >, 0);
    g_assert_cmpfloat (entry->seconds, >, 0.0);
  }
}

/* The gradient of the image is not computed, nor that of the embedding. */
FIXTURE_TEST (a_backward_pass_is_two_forward_passes)
{
  const DdpmTimerEntry *e = f->timer->entries;
  const gdouble head = 8 * 2.0 * 6 * 4 * 32 * 3 * 9;
  const gdouble first = 8 * 2.0 * 32 * 128;
  DdpmConfig config;
  guint width, height;

  test_net_tiny (&config, &width, &height);
  time_a_step (f);
  g_assert_cmpfloat (e[DDPM_TIMER_CONV_BACKWARD_WEIGHTS].flops, ==,
      e[DDPM_TIMER_CONV_FORWARD].flops);
  g_assert_cmpfloat (e[DDPM_TIMER_CONV_BACKWARD_DATA].flops, ==,
      e[DDPM_TIMER_CONV_FORWARD].flops - head);
  g_assert_cmpfloat (e[DDPM_TIMER_ATTENTION_BACKWARD].flops, ==,
      2.0 * e[DDPM_TIMER_ATTENTION_FORWARD].flops);
  g_assert_cmpfloat (e[DDPM_TIMER_LINEAR_BACKWARD].flops, ==,
      2.0 * e[DDPM_TIMER_LINEAR_FORWARD].flops - first);
  g_assert_cmpfloat (sum_of_flops (f), ==,
      3.0 * 8 * ddpm_unet_count_flops (&config, width, height) - head - first);
}

FIXTURE_TEST (convolutions_count_by_shape_too)
{
  guint64 calls[3] = { 0, 0, 0 };

  time_a_step (f);
  for (guint i = 0; i < f->timer->convolutions->len; i++)
    for (guint pass = 0; pass < 3; pass++)
      calls[pass] += convolution (f, i)->passes[pass].calls;
  for (guint pass = 0; pass < 3; pass++)
    g_assert_cmpuint (calls[pass], ==,
        f->timer->entries[DDPM_TIMER_CONV_FORWARD + pass].calls);
  g_assert_cmpuint (convolution (f, 0)->desc.cin0, ==, 3);
  g_assert_cmpuint (convolution (f, 0)->desc.cout, ==, 32);
  g_assert_cmpuint (convolution (f, 0)->passes[0].calls, ==, 1);
  g_assert_cmpuint (convolution (f, 0)->passes[1].calls, ==, 0);
}

FIXTURE_TEST (a_reset_keeps_the_list_of_convolutions)
{
  guint n;

  time_a_step (f);
  n = f->timer->convolutions->len;
  ddpm_timer_reset (f->timer);
  for (guint i = 0; i < DDPM_TIMER_N_KINDS; i++) {
    g_assert_cmpuint (f->timer->entries[i].calls, ==, 0);
    g_assert_cmpfloat (f->timer->entries[i].seconds, ==, 0.0);
  }
  g_assert_cmpuint (f->timer->convolutions->len, ==, n);
  g_assert_cmpuint (convolution (f, 0)->passes[0].calls, ==, 0);
}

FIXTURE_TEST (a_detached_timer_counts_nothing)
{
  ddpm_timer_attach (f->timer, f->backend);
  ddpm_timer_attach (NULL, f->backend);
  train_a_step (f);
  for (guint i = 0; i < DDPM_TIMER_N_KINDS; i++)
    g_assert_cmpuint (f->timer->entries[i].calls, ==, 0);
  g_assert_cmpuint (f->timer->convolutions->len, ==, 0);
}

/* --- a backend that is asynchronous ----------------------------------------- */

static DdpmOps asynchronous_ops;
static guint waits, graphs, squares;

static void
count_wait (DdpmBackend * b)
{
  waits++;
}

/* A plan of another sort does for a graph. */
static DdpmPlan *
new_graph (DdpmBackend * b)
{
  return b->ops->linear_new (b, 1, 1, 1, NULL);
}

static void
count_graph (DdpmPlan * p, void (*func) (gpointer data), gpointer data)
{
  graphs++;
  func (data);
}

static void
count_squares (DdpmBackend * b, const DdpmAdam * a, double limit, gsize count,
    const float *grad, float *param, float *m, float *v, float *ema,
    double *result)
{
  squares++;
  *result = b->ops->sum_of_squares (b, count, grad);
  b->ops->adam (b, a, count, grad, param, m, v, ema);
}

/* In the place of the fixture's */
static void
set_up_asynchronous (Fixture * f)
{
  DdpmBackend *b = test_backend_new (DDPM_BACKEND_REFERENCE);

  teardown (f, NULL);
  asynchronous_ops = *b->ops;
  asynchronous_ops.wait = count_wait;
  asynchronous_ops.graph_new = new_graph;
  asynchronous_ops.graph_run = count_graph;
  asynchronous_ops.adam_clipped = count_squares;
  b->ops = &asynchronous_ops;
  fixture_init (f, b);
  waits = graphs = squares = 0;
}

static void
zero_four (gpointer data)
{
  float four[4];

  ddpm_backend_zero (data, four, sizeof (four));
}

FIXTURE_TEST (a_timed_operation_is_waited_for_and_in_no_graph)
{
  DdpmBackend *b;
  DdpmPlan *graph;

  set_up_asynchronous (f);
  b = f->backend;
  graph = ddpm_graph_plan_new (b);
  g_assert_nonnull (graph);
  ddpm_timer_attach (f->timer, b);
  ddpm_graph_plan_run (graph, zero_four, b);
  g_assert_cmpuint (waits, ==, 1);
  g_assert_cmpuint (graphs, ==, 0);     /* its calls were made one by one */
  ddpm_timer_attach (NULL, b);
  ddpm_graph_plan_run (graph, zero_four, b);
  g_assert_cmpuint (waits, ==, 1);
  g_assert_cmpuint (graphs, ==, 1);
  ddpm_plan_free (graph);
}

FIXTURE_TEST (clipping_and_adam_are_one_call_where_the_backend_has_it)
{
  set_up_asynchronous (f);
  time_a_step (f);
  g_assert_cmpuint (squares, ==, 1);
  g_assert_cmpuint (f->timer->entries[DDPM_TIMER_OPTIMIZER].calls, ==, 1);
}
