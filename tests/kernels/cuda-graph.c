/* gst-ddpm: a graph of the CUDA backend computes what its calls compute, on a
 * device that does everything as late as it may (tests/support/host-cuda.h)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "kernels/cuda/context.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/staging.h"
#include "kernels/optimizer-math.h"
#include "tests/support/host-cuda.h"
#include "tests/support/test.h"

enum
{ N = 3, ELEMENTS = 37, COUNT = N * ELEMENTS, STEPS = 6 };

/* --- the backend without its libraries ------------------------------------ */

gboolean
ddpm_cuda_ok (CudaBackend * b, cudaError_t status, const gchar * what)
{
  if (status == cudaSuccess)
    return TRUE;
  if (b->failure == NULL)
    b->failure = g_error_new_literal (DDPM_ERROR, DDPM_ERROR_LIBRARY, what);
  return FALSE;
}

gboolean
ddpm_cuda_launch_ok (CudaBackend * b, const gchar * kernel)
{
  return TRUE;
}

void
ddpm_cuda_propagate_failure (CudaBackend * b, GError ** error)
{
  g_propagate_error (error, g_steal_pointer (&b->failure));
}

static DdpmOps ops = {
  .alloc = ddpm_cuda_alloc,
  .free = ddpm_cuda_free,
  .upload = ddpm_cuda_upload,
  .download = ddpm_cuda_download,
  .zero = ddpm_cuda_zero,
  .copy = ddpm_cuda_copy,
  .wait = ddpm_cuda_wait,
  .graph_new = ddpm_cuda_graph_new,
  .graph_run = ddpm_cuda_graph_run,
};

static CudaBackend backend = {.base = {.ops = &ops} };

static DdpmBackend *const b = &backend.base;

/* --- a small network's steps ---------------------------------------------- */

/* Arrays are [N][ELEMENTS] on the device. */
typedef struct
{
  DdpmPlan *graph;              /* NULL: makes the calls one by one */
  float *x_0, *x, *eps, *pred, *dpred, *kept, *grads, *weights, *m, *v;
  float *table;                 /* [STEPS][ELEMENTS] */

  guint step, n_valid;
  gdouble losses[N], squares;
  gdouble *returned;            /* where losses go; NULL: to losses */
  guint calls_more;             /* how many further calls a step makes */
} Run;

/* Anything that changes from step to step */
static gfloat
made_up (guint a, guint c)
{
  return sinf (1.7f * a + 0.3f * c);
}

static void
upload_made_up (float *to, guint count, guint step)
{
  g_autofree gfloat *values = g_new (gfloat, count);

  for (guint i = 0; i < count; i++)
    values[i] = made_up (i, step);
  ops.upload (b, to, values, count * sizeof (gfloat));
}

static float *
alloc (guint count)
{
  float *p = ops.alloc (b, count * sizeof (float));

  g_assert_nonnull (p);
  return p;
}

static Run
run_new (gboolean as_graph)
{
  Run run = {.n_valid = N };

  run.graph = as_graph ? ddpm_graph_plan_new (b) : NULL;
  run.x_0 = alloc (COUNT);
  run.x = alloc (COUNT);
  run.eps = alloc (COUNT);
  run.pred = alloc (COUNT);
  run.dpred = alloc (COUNT);
  run.kept = alloc (COUNT);
  run.grads = alloc (COUNT);
  run.weights = alloc (COUNT);
  run.m = alloc (COUNT);
  run.v = alloc (COUNT);
  run.table = alloc (STEPS * ELEMENTS);
  upload_made_up (run.x, COUNT, 0);
  upload_made_up (run.weights, COUNT, 1);
  upload_made_up (run.table, STEPS * ELEMENTS, 2);
  return run;
}

static void
run_clear (Run * run)
{
  float *const all[] = { run->x_0, run->x, run->eps, run->pred, run->dpred,
    run->kept, run->grads, run->weights, run->m, run->v, run->table
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    ops.free (b, all[i]);
  ddpm_plan_free (run->graph);
}

/* The calls of a reverse step, whose network is eps = swish (x) + table[t].
 * Their host arguments are overwritten as soon as they have been made. */
static void
denoise (gpointer data)
{
  Run *run = data;
  const DdpmReverseStep coefs = { 1.0f, -made_up (run->step, 0), TRUE, -1, 1,
    0.4f, 0.5f, 0.1f, run->step == STEPS - 1 ? 0.0f : 0.2f, run->step + 1
  };
  gint t[N];

  for (guint i = 0; i < N; i++)
    t[i] = STEPS - 1 - run->step;
  ops.embedding (b, N, ELEMENTS, run->table, t, run->pred);
  ops.swish_forward (b, COUNT, run->x, run->eps);
  ops.accumulate (b, COUNT, run->pred, run->eps);
  for (guint i = 0; i < run->calls_more; i++)
    ops.accumulate (b, COUNT, run->pred, run->eps);
  ops.reverse_step (b, &coefs, 11, 1000 + run->step / 4, N, ELEMENTS, run->x,
      run->eps, run->kept);
  memset (t, 0xff, sizeof (t));
}

static DdpmAdam
adam_of (guint step)
{
  const DdpmAdam adam = { 1.0f, 0.9f, 0.999f, 1e-8f, 1e-2f / (step + 1),
    0.0447f, 0.0f
  };

  return adam;
}

/* The calls of a training step without Adam; the network is swish. n_valid
 * images are given, the others are 0. */
static void
train (gpointer data)
{
  Run *run = data;
  const guint given = run->n_valid * ELEMENTS;
  gfloat a[N], s[N], scale[N];

  for (guint i = 0; i < N; i++) {
    scale[i] = (i + 1.0f) / run->n_valid;
    a[i] = made_up (i, run->step);
    s[i] = made_up (i, run->step + 1);
  }
  upload_made_up (run->x_0, given, run->step);
  ops.zero (b, run->x_0 + given, (COUNT - given) * sizeof (float));
  ops.noise (b, 5, 100 + N * run->step, 7, 3, N, ELEMENTS, run->eps);
  ops.q_sample (b, N, ELEMENTS, a, s, run->x_0, run->eps, run->x);
  ops.copy (b, run->kept, run->x, COUNT * sizeof (float));
  ops.accumulate (b, COUNT, run->weights, run->x);
  ops.swish_forward (b, COUNT, run->x, run->pred);
  ops.mse (b, N, run->n_valid, ELEMENTS, scale, run->pred,
      run->eps, run->dpred, run->returned ? run->returned : run->losses);
  ops.swish_backward (b, COUNT, run->x, run->dpred, run->grads);
}

#define LIMIT 0.5

static void
train_and_step (gpointer data)
{
  Run *run = data;
  const DdpmAdam adam = adam_of (run->step);

  train (run);
  ops.adam_clipped (b, &adam, LIMIT, COUNT, run->grads, run->weights, run->m,
      run->v, NULL, &run->squares);
}

/* The same with the norm on the host, as on other backends */
static void
train_and_step_by_the_host (gpointer data)
{
  Run *run = data;
  DdpmAdam adam = adam_of (run->step);

  train (run);
  run->squares = ops.sum_of_squares (b, COUNT, run->grads);
  adam.grad_scale = ddpm_clip_factor (LIMIT, sqrt (run->squares));
  if (ddpm_gradient_is_sane (sqrt (run->squares), adam.grad_scale))
    ops.adam (b, &adam, COUNT, run->grads, run->weights, run->m, run->v, NULL);
}

static void
make_step (Run * run, void (*func) (gpointer data), guint step)
{
  run->step = step;
  ddpm_graph_plan_run (run->graph, func, run);
  g_assert_no_error (backend.failure);
}

static void
assert_same (const float *a, const float *c)
{
  gfloat left[COUNT], right[COUNT];

  ops.download (b, left, a, sizeof (left));
  ops.download (b, right, c, sizeof (right));
  g_assert_cmpmem (left, sizeof (left), right, sizeof (right));
}

static void
assert_sampled_alike (const Run * a, const Run * c)
{
  assert_same (a->x, c->x);
  assert_same (a->kept, c->kept);
}

static void
assert_trained_alike (const Run * a, const Run * c)
{
  assert_same (a->weights, c->weights);
  assert_same (a->m, c->m);
  assert_same (a->v, c->v);
  g_assert_cmpmem (a->losses, sizeof (a->losses), c->losses,
      sizeof (c->losses));
  g_assert_true (a->squares == c->squares);
}

/* --- tests ---------------------------------------------------------------- */

TEST (a_graph_samples_what_the_calls_do)
{
  Run eager = run_new (FALSE), run = run_new (TRUE);

  for (guint step = 0; step < STEPS; step++) {
    make_step (&eager, denoise, step);
    make_step (&run, denoise, step);
  }
  assert_sampled_alike (&run, &eager);
  run_clear (&eager);
  run_clear (&run);
}

TEST (a_graph_trains_as_the_calls_do)
{
  Run eager = run_new (FALSE), run = run_new (TRUE);

  for (guint step = 0; step < STEPS; step++) {
    make_step (&eager, train_and_step_by_the_host, step);
    make_step (&run, train_and_step, step);
    ops.wait (b);
    g_assert_cmpfloat (run.losses[0], >, 0.0);
    assert_trained_alike (&run, &eager);
  }
  run_clear (&eager);
  run_clear (&run);
}

/* Whatever its calls are, a run is one copy and one launch, and allocates
 * nothing. */
static const struct
{
  const gchar *name;
  void (*func) (gpointer data);
} steps[] = { {"sampling", denoise}, {"training", train_and_step} };

TABLE_TEST (a_run_is_a_copy_and_a_launch, steps)
{
  Run run = run_new (TRUE);
  guint puts, allocations;

  make_step (&run, row->func, 0);
  make_step (&run, row->func, 1);
  allocations = host_cuda_allocations ();
  for (guint step = 2; step < STEPS; step++) {
    puts = host_cuda_puts ();
    make_step (&run, row->func, step);
    g_assert_cmpuint (host_cuda_puts () - puts, ==, 2);
  }
  g_assert_cmpuint (host_cuda_allocations (), ==, allocations);
  run_clear (&run);
}

/* So a sampler stops within two steps. */
TEST (the_host_is_two_runs_ahead_at_most)
{
  Run run = run_new (TRUE);

  for (guint step = 0; step < STEPS; step++)
    make_step (&run, denoise, step);
  /* two copies and launches, and a launch whose copy is complete */
  g_assert_cmpuint (host_cuda_behind (), <=, 5);
  run_clear (&run);
}

/* The host does not wait between runs, and each run returns to its own
 * place. */
TEST (what_is_returned_is_not_overwritten)
{
  Run eager = run_new (FALSE), run = run_new (TRUE);
  gdouble losses[STEPS][N], expected[STEPS][N];

  for (guint step = 0; step < STEPS; step++) {
    run.returned = losses[step];
    eager.returned = expected[step];
    make_step (&run, train_and_step, step);
    make_step (&eager, train_and_step, step);
  }
  ops.wait (b);
  g_assert_cmpmem (losses, sizeof (losses), expected, sizeof (expected));
  run_clear (&eager);
  run_clear (&run);
}

TEST (other_numbers_are_the_same_calls)
{
  Run eager = run_new (FALSE), run = run_new (TRUE);

  for (guint step = 0; step < STEPS; step++) {
    /* uploads and zeroes other sizes: these are other calls */
    eager.n_valid = run.n_valid = step == 3 ? 1 : N;
    make_step (&eager, train_and_step, step);
    make_step (&run, train_and_step, step);
    ops.wait (b);
    assert_trained_alike (&run, &eager);
  }
  run_clear (&eager);
  run_clear (&run);
}

/* The first runs have given[] images, and later ones all of them. */
static void
check_full_batches_get_a_graph (const guint * given, guint n_given)
{
  Run eager = run_new (FALSE), run = run_new (TRUE);
  guint puts;

  for (guint step = 0; step < n_given + 4; step++) {
    eager.n_valid = run.n_valid = step < n_given ? given[step] : N;
    make_step (&eager, train_and_step, step);
    puts = host_cuda_puts ();
    make_step (&run, train_and_step, step);
    puts = host_cuda_puts () - puts;
    ops.wait (b);
    assert_trained_alike (&run, &eager);
  }
  g_assert_cmpuint (puts, ==, 2);
  run_clear (&eager);
  run_clear (&run);
}

TEST (a_batch_that_is_not_full_costs_no_graph)
{
  static const guint second[] = { N, 1 }, first[] = { 1 }, by_turns[] =
      { N, 1, N, 1, N, 1 }, twice[] = { 1, 1, 1, 2 };

  check_full_batches_get_a_graph (second, G_N_ELEMENTS (second));
  check_full_batches_get_a_graph (first, G_N_ELEMENTS (first));
  check_full_batches_get_a_graph (by_turns, G_N_ELEMENTS (by_turns));
  check_full_batches_get_a_graph (twice, G_N_ELEMENTS (twice));
}

TEST (other_calls_are_made_as_ever)
{
  Run eager = run_new (FALSE), run = run_new (TRUE);

  for (guint step = 0; step < STEPS; step++) {
    guint puts = host_cuda_puts ();

    eager.calls_more = run.calls_more = step == 3 ? 2 : 0;
    make_step (&run, denoise, step);
    puts = host_cuda_puts () - puts;
    if (step == 3)
      g_assert_cmpuint (puts, >, 2);
    if (step == 4)
      g_assert_cmpuint (puts, ==, 2);   /* the graph still exists */
    make_step (&eager, denoise, step);
  }
  assert_sampled_alike (&run, &eager);
  run_clear (&eager);
  run_clear (&run);
}

/* One NaN makes the norm NaN, so that no weight changes. */
TEST (a_gradient_that_is_not_sane_changes_nothing)
{
  const gfloat nan = NAN;
  Run run = run_new (TRUE), before = run_new (FALSE);

  for (guint step = 0; step < 3; step++)
    make_step (&run, train_and_step, step);
  ops.upload (b, run.weights, &nan, sizeof (nan));
  ops.copy (b, before.weights, run.weights, COUNT * sizeof (float));
  ops.copy (b, before.m, run.m, COUNT * sizeof (float));
  ops.copy (b, before.v, run.v, COUNT * sizeof (float));
  make_step (&run, train_and_step, 3);
  ops.wait (b);
  g_assert_true (isnan (run.squares));
  assert_same (run.weights, before.weights);
  assert_same (run.m, before.m);
  assert_same (run.v, before.v);
  run_clear (&run);
  run_clear (&before);
}

static void
steps_without_a_graph (Run * run)
{
  Run eager = run_new (FALSE);

  for (guint step = 0; step < STEPS; step++) {
    make_step (&eager, train_and_step, step);
    make_step (run, train_and_step, step);
    ops.wait (b);
    assert_trained_alike (run, &eager);
  }
  run_clear (&eager);
  run_clear (run);
}

TEST (what_cannot_be_captured_is_called)
{
  Run run = run_new (TRUE);

  host_cuda_let_capture (FALSE);
  steps_without_a_graph (&run);
  host_cuda_let_capture (TRUE);
}

static const struct
{
  const gchar *name;
  guint allocations;            /* that succeed: the first fails, or the last */
} shortages[] = { {"none", 0}, {"three", 3} };

TABLE_TEST (what_there_is_no_memory_for_is_called, shortages)
{
  Run run = run_new (TRUE), eager = run_new (FALSE);

  make_step (&run, train_and_step, 0);
  host_cuda_let_allocate (row->allocations);
  make_step (&run, train_and_step, 1);
  host_cuda_let_allocate (G_MAXUINT);
  make_step (&run, train_and_step, 2);
  for (guint step = 0; step < 3; step++)
    make_step (&eager, train_and_step, step);
  ops.wait (b);
  assert_trained_alike (&run, &eager);
  run_clear (&run);
  run_clear (&eager);
}

/* Two graphs alternate, as those of a training step with several passes do. */
TEST (graphs_do_not_disturb_each_other)
{
  Run eager[2] = { run_new (FALSE), run_new (FALSE) };
  Run run[2] = { run_new (TRUE), run_new (TRUE) };

  for (guint step = 0; step < 4; step++) {
    for (guint i = 0; i < 2; i++) {
      make_step (&eager[i], train_and_step, step + i);
      make_step (&run[i], train_and_step, step + i);
    }
  }
  ops.wait (b);
  for (guint i = 0; i < 2; i++) {
    assert_trained_alike (&run[i], &eager[i]);
    run_clear (&eager[i]);
    run_clear (&run[i]);
  }
}

int
main (int argc, char **argv)
{
  gint status;

  test_init (&argc, &argv);
  ddpm_cuda_diffusion_set_ops (&ops);
  ddpm_cuda_elements_set_ops (&ops);
  ddpm_cuda_optimizer_set_ops (&ops);
  assert_ok (ddpm_cuda_context_retain (&backend, NULL, &error));
  g_assert_true (ddpm_cuda_context_enter (&backend));
  assert_ok (ddpm_cuda_staging_init (&backend, &error));

  status = g_test_run ();

  ddpm_cuda_staging_clear (&backend);
  ddpm_cuda_context_leave (&backend);
  ddpm_cuda_context_release (&backend);
  return status;
}
