/* gst-ddpm: the CPU backend as a machine: its threads, what it says of
 * itself, and results that do not depend on how they were computed
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <sys/resource.h>
#include "tests/support/operations.h"
#include "tests/support/test.h"

static DdpmBackend *
cpu_backend (DdpmPrecision precision, guint threads)
{
  return assert_ok (ddpm_backend_new (DDPM_BACKEND_CPU, precision, threads,
          &error));
}

static gboolean
has_native_bf16 (void)
{
  g_autoptr (DdpmBackend) b =
      ddpm_backend_new (DDPM_BACKEND_CPU, DDPM_PRECISION_BF16, 1, NULL);

  return b != NULL;
}

/* The precisions of this machine, AUTO at the end */
static const DdpmPrecision *
precisions (void)
{
  static const DdpmPrecision without[] = { DDPM_PRECISION_F32,
    DDPM_PRECISION_BF16_EMULATED, DDPM_PRECISION_AUTO
  };
  static const DdpmPrecision with[] = { DDPM_PRECISION_F32,
    DDPM_PRECISION_BF16_EMULATED, DDPM_PRECISION_BF16, DDPM_PRECISION_AUTO
  };

  return has_native_bf16 ()? with : without;
}

/* --- what it says of itself --------------------------------------------------- */

TEST (it_names_its_device)
{
  g_autoptr (DdpmBackend) one = cpu_backend (DDPM_PRECISION_F32, 1);
  g_autoptr (DdpmBackend) three = cpu_backend (DDPM_PRECISION_F32, 3);
  g_autoptr (DdpmBackend) all = cpu_backend (DDPM_PRECISION_AUTO, 0);

  g_assert_cmpstr (ddpm_backend_get_name (one), ==, "cpu");
  g_assert_true (g_str_has_prefix (ddpm_backend_get_device (one),
          "own kernels ("));
  g_assert_true (g_str_has_suffix (ddpm_backend_get_device (one),
          ", 1 thread"));
  g_assert_true (g_str_has_suffix (ddpm_backend_get_device (three),
          ", 3 threads"));
  g_assert_cmpuint (all->threads, >=, 1);
  g_assert_cmpuint (all->threads, <=, g_get_num_processors ());
}

TEST (its_table_is_full)
{
  g_autoptr (DdpmBackend) b = cpu_backend (DDPM_PRECISION_F32, 1);

  test_assert_table_is_full (b);
}

TEST (bf16_by_name_needs_a_processor_with_it)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DdpmBackend) automatic = cpu_backend (DDPM_PRECISION_AUTO, 1);
  g_autoptr (DdpmBackend) emulated =
      cpu_backend (DDPM_PRECISION_BF16_EMULATED, 1);
  g_autoptr (DdpmBackend) named =
      ddpm_backend_new (DDPM_BACKEND_CPU, DDPM_PRECISION_BF16, 1, &error);

  g_assert_cmpint (emulated->act_type, ==, DDPM_TYPE_BF16);
  if (named) {
    g_assert_cmpint (named->act_type, ==, DDPM_TYPE_BF16);
    g_assert_true (g_str_has_prefix (ddpm_backend_get_device (named),
            "own kernels ("));
    g_assert_cmpint (automatic->precision, ==,
        strstr (ddpm_backend_get_device (named), "amx")
        ? DDPM_PRECISION_BF16 : DDPM_PRECISION_F32);
  } else {
    g_assert_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED);
    g_assert_nonnull (strstr (error->message, "precision=bf16"));
    g_assert_cmpint (automatic->precision, ==, DDPM_PRECISION_F32);
  }
}

TEST (too_many_threads_are_refused)
{
  assert_fails (ddpm_backend_new (DDPM_BACKEND_CPU, DDPM_PRECISION_F32,
          G_MAXUINT, &error), DDPM_ERROR_SETTINGS, NULL);
}

static void
refuse_job (gpointer data)
{
  static const DdpmConvDesc convs[] = {
    {0, 8, 8, 8, 0, 8, 3, 1}, {1, 0, 8, 8, 0, 8, 3, 1},
    {1, 8, 8, 0, 8, 8, 3, 1}, {1, 8, 8, 8, 0, 0, 3, 1},
    {1, 8, 8, 8, 0, 8, 5, 1}, {1, 8, 8, 8, 0, 8, 3, 3},
    {1, 1, 32767, 8192, 0, 8, 3, 1},    /* rows beyond 32 bits */
    {G_MAXUINT, G_MAXUINT, G_MAXUINT, G_MAXUINT, G_MAXUINT, G_MAXUINT, 3, 1},
  };
  static const DdpmNormDesc norms[] = {
    {0, 8, 8, 0, 4, 1e-5f}, {1, 0, 8, 0, 4, 1e-5f}, {1, 8, 9, 0, 4, 1e-5f},
    {1, 8, 8, 0, 0, 1e-5f}, {1, 8, 8, 8, 4, 1e-5f, TRUE, TRUE},
    {G_MAXUINT, G_MAXUINT, G_MAXUINT, 0, 1, 1e-5f},
  };
  static const DdpmAttentionDesc attentions[] = { {0, 8, 8, 1}, {1, 0, 8, 1},
  {1, 8, 0, 1}, {1, 8, 8, 0}, {1, 8, 8, 3},
  {G_MAXUINT, G_MAXUINT, G_MAXUINT, 1}
  };
  DdpmBackend *b = data;

  for (guint i = 0; i < G_N_ELEMENTS (convs); i++)
    assert_fails (b->ops->conv_new (b, &convs[i], &error), DDPM_ERROR_SETTINGS,
        NULL);
  for (guint i = 0; i < G_N_ELEMENTS (norms); i++)
    assert_fails (b->ops->norm_new (b, &norms[i], &error), DDPM_ERROR_SETTINGS,
        NULL);
  for (guint i = 0; i < G_N_ELEMENTS (attentions); i++)
    assert_fails (b->ops->attention_new (b, &attentions[i], &error),
        DDPM_ERROR_SETTINGS, NULL);
  assert_fails (b->ops->linear_new (b, 4, 0, 4, &error), DDPM_ERROR_SETTINGS,
      NULL);
}

TEST (impossible_shapes_are_refused)
{
  g_autoptr (DdpmBackend) b = cpu_backend (DDPM_PRECISION_F32, 1);

  b->ops->run (b, refuse_job, b);
}

/* --- results that depend on nothing else -------------------------------------------- */

/* Of n images */
static void
for_each_case (DdpmPrecision precision, guint n,
    void (*func) (DdpmPrecision precision, const Case * c))
{
  const DdpmType act = precision == DDPM_PRECISION_F32 ? DDPM_TYPE_F32
      : DDPM_TYPE_BF16;
  const Case cases[] = {
    {.run = run_conv,.conv = {n, 16, 16, 64, 0, 64, 3, 1, act, act, TRUE}},
    {.run = run_conv,.conv = {n, 18, 23, 32, 0, 32, 3, 1, act, act, TRUE},
        .residual = OTHER_RESIDUAL},
    {.run = run_conv,.conv = {n, 5, 7, 32, 0, 32, 3, 1, act, act, TRUE},
        .residual = IN_PLACE,.add = TRUE},
    {.run = run_conv,.conv = {n, 16, 16, 3, 0, 64, 3, 1, DDPM_TYPE_F32, act,
            TRUE}},
    {.run = run_conv,.conv = {n, 16, 16, 64, 0, 3, 3, 1, act, DDPM_TYPE_F32,
            TRUE}},
    {.run = run_conv,.conv = {n, 8, 8, 64, 32, 48, 1, 1, act, act, TRUE},
        .residual = OTHER_RESIDUAL,.add = TRUE},
    {.run = run_conv,.conv = {n, 9, 7, 24, 0, 40, 3, 2, act, act, TRUE},
        .add = TRUE},
    {.run = run_attention,.attention = {n, 64, 64, 1, TRUE}},
    {.run = run_linear,.linear = {n, 300, 70},.add = TRUE},
    {.run = run_norm,.norm = {n, 400, 64, 32, 32, 1e-5f, TRUE, FALSE, TRUE},
        .dropout = 0.1f},
    {.run = run_norm,.norm = {n, 400, 64, 0, 32, 1e-5f, TRUE, TRUE, TRUE},
        .add = TRUE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    func (precision, &cases[i]);
}

static void
check_again (DdpmPrecision precision, const Case * c)
{
  g_autoptr (DdpmBackend) b = cpu_backend (precision, 2);
  Outcome first = case_run (b, c, 0);

  for (guint i = 0; i < 3; i++) {
    Outcome again = case_run (b, c, 0);

    outcome_assert_same_bits (&again, &first);
    outcome_clear (&again);
  }
  outcome_clear (&first);
}

TEST (a_run_repeats_to_the_bit)
{
  for (const DdpmPrecision * p = precisions (); *p != DDPM_PRECISION_AUTO; p++)
    for_each_case (*p, 5, check_again);
}

static void
check_threads (DdpmPrecision precision, const Case * c)
{
  g_autoptr (DdpmBackend) one = cpu_backend (precision, 1);
  g_autoptr (DdpmBackend) three = cpu_backend (precision, 3);
  Outcome a = case_run (one, c, 0), b = case_run (three, c, 0);

  outcome_assert_same_bits (&a, &b);
  outcome_clear (&a);
  outcome_clear (&b);
}

TEST (the_number_of_threads_changes_nothing)
{
  for (const DdpmPrecision * p = precisions (); *p != DDPM_PRECISION_AUTO; p++)
    for_each_case (*p, 5, check_threads);
}

static void
check_alone (DdpmPrecision precision, const Case * c)
{
  g_autoptr (DdpmBackend) b = cpu_backend (precision, 2);
  Case alone = *c;
  Outcome batch = case_run (b, c, 0), single;

  alone.conv.n = alone.norm.n = alone.attention.n = alone.linear[0] = 1;
  single = case_run (b, &alone, 0);
  outcome_assert_close (&single, &batch, 1, 5, 0);
  outcome_clear (&batch);
  outcome_clear (&single);
}

TEST (an_image_is_the_same_in_any_batch)
{
  for (const DdpmPrecision * p = precisions (); *p != DDPM_PRECISION_AUTO; p++)
    for_each_case (*p, 5, check_alone);
}

static void
check_shifted (DdpmPrecision precision, const Case * c)
{
  g_autoptr (DdpmBackend) b = cpu_backend (precision, 2);
  Outcome aligned = case_run (b, c, 0);

  for (guint shift = 1; shift < 4; shift += 2) {
    Outcome shifted = case_run (b, c, shift);

    outcome_assert_same_bits (&shifted, &aligned);
    outcome_clear (&shifted);
  }
  outcome_clear (&aligned);
}

TEST (data_may_lie_anywhere)
{
  for (const DdpmPrecision * p = precisions (); *p != DDPM_PRECISION_AUTO; p++)
    for_each_case (*p, 5, check_shifted);
}

/* --- taking turns -------------------------------------------------------------------- */

typedef struct
{
  DdpmBackend *backend;
  gint begun, others;           /* atomic */
} LongJob;

/* Ends when another job has run. */
static void
run_long_job (gpointer data)
{
  LongJob *job = data;
  const gint64 end = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;

  g_atomic_int_set (&job->begun, 1);
  while (g_atomic_int_get (&job->others) == 0) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    job->backend->ops->yield (job->backend);
  }
}

static gpointer
run_long_job_in_thread (gpointer data)
{
  LongJob *job = data;

  job->backend->ops->run (job->backend, run_long_job, job);
  return NULL;
}

static void
run_short_job (gpointer data)
{
  g_atomic_int_inc (&((LongJob *) data)->others);
}

TEST (a_long_job_lets_others_run)
{
  g_autoptr (DdpmBackend) b = cpu_backend (DDPM_PRECISION_F32, 2);
  g_autoptr (DdpmBackend) other = cpu_backend (DDPM_PRECISION_F32, 1);
  LongJob job = { b, 0, 0 };
  GThread *thread = g_thread_new ("long", run_long_job_in_thread, &job);

  while (g_atomic_int_get (&job.begun) == 0)
    g_thread_yield ();
  other->ops->run (other, run_short_job, &job);
  g_thread_join (thread);
  g_assert_cmpint (job.others, ==, 1);
}

/* --- stopping ----------------------------------------------------------------------- */

static gboolean
always (gpointer data)
{
  return TRUE;
}

typedef struct
{
  DdpmBackend *backend;
  Case c;
} CancelledCase;

static void
run_cancelled (gpointer data)
{
  const CancelledCase *cancelled = data;
  DdpmBackend *b = cancelled->backend;
  DdpmCancel cancel = { always, NULL, FALSE };
  Outcome out = { 0, };

  b->ops->set_cancel (b, &cancel);
  cancelled->c.run (b, &cancelled->c, 0, &out);
  b->ops->set_cancel (b, NULL);
  g_assert_true (cancel.cancelled);
  for (guint k = 0; k < out.count; k++) {
    for (gsize i = 0; i < out.size[k] && strcmp (out.name[k], "dbias"); i++)
      g_assert_true (isnan (out.data[k][i]));
  }
  outcome_clear (&out);
}

/* Nothing is computed: each result is what was there before, NaN. (dbias takes no
 * time, and is computed.) */
TEST (long_operations_stop_in_the_middle)
{
  static const Case cases[] = {
    {.run = run_conv,
          .conv = {2, 16, 16, 64, 0, 64, 3, 1, DDPM_TYPE_F32, DDPM_TYPE_F32,
            TRUE}},
    {.run = run_conv,
          .conv = {2, 16, 16, 64, 32, 64, 1, 1, DDPM_TYPE_F32, DDPM_TYPE_F32,
            TRUE}},
    {.run = run_conv,
          .conv = {2, 16, 16, 64, 0, 64, 3, 2, DDPM_TYPE_F32, DDPM_TYPE_F32,
            TRUE}},
    {.run = run_attention,.attention = {1, 1024, 32, 1, TRUE}},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (DdpmBackend) b = cpu_backend (DDPM_PRECISION_F32, 2);
    CancelledCase cancelled = { b, cases[i] };

    b->ops->run (b, run_cancelled, &cancelled);
  }
}

/* --- threads ------------------------------------------------------------------------ */

static const Case small_conv = {
  .run = run_conv,
  .conv = {2, 8, 8, 32, 0, 32, 3, 1, DDPM_TYPE_F32, DDPM_TYPE_F32, TRUE},
};

typedef struct
{
  DdpmBackend *backend;
  const Outcome *expected;
} User;

static gpointer
use (gpointer data)
{
  const User *user = data;

  for (guint i = 0; i < 10; i++) {
    Outcome got = case_run (user->backend, &small_conv, 0);

    outcome_assert_same_bits (&got, user->expected);
    outcome_clear (&got);
  }
  return NULL;
}

TEST (backends_serve_several_threads_at_once)
{
  g_autoptr (DdpmBackend) one = cpu_backend (DDPM_PRECISION_F32, 1);
  g_autoptr (DdpmBackend) two = cpu_backend (DDPM_PRECISION_F32, 2);
  Outcome by_one = case_run (one, &small_conv, 0);
  Outcome by_two = case_run (two, &small_conv, 0);
  User users[] = { {one, &by_one}, {two, &by_two}, {one, &by_one},
  {two, &by_two}
  };
  GThread *threads[G_N_ELEMENTS (users)];

  for (guint i = 0; i < G_N_ELEMENTS (users); i++)
    threads[i] = g_thread_new ("user", use, &users[i]);
  for (guint i = 0; i < G_N_ELEMENTS (users); i++)
    g_thread_join (threads[i]);
  outcome_clear (&by_one);
  outcome_clear (&by_two);
}

static void
note_thread (gpointer data)
{
  *(GThread **) data = g_thread_self ();
}

typedef struct
{
  DdpmBackend *inner;
  GThread *thread, *nested;
} Nest;

static void
nest (gpointer data)
{
  Nest *n = data;

  n->thread = g_thread_self ();
  n->inner->ops->run (n->inner, note_thread, &n->nested);
}

TEST (all_backends_compute_in_one_thread)
{
  g_autoptr (DdpmBackend) one = cpu_backend (DDPM_PRECISION_F32, 1);
  g_autoptr (DdpmBackend) two = cpu_backend (DDPM_PRECISION_F32, 2);
  Nest n = { two, NULL, NULL };
  GThread *other = NULL;

  one->ops->run (one, nest, &n);
  two->ops->run (two, note_thread, &other);
  g_assert_true (n.thread != g_thread_self ());
  g_assert_true (n.thread == n.nested);
  g_assert_true (n.thread == other);
}

/* Of all threads of this process, in microseconds */
static gint64
processor_time (void)
{
  struct rusage usage;

  g_assert_cmpint (getrusage (RUSAGE_SELF, &usage), ==, 0);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      * G_TIME_SPAN_SECOND + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

TEST (it_is_quiet_when_idle)
{
  g_autoptr (DdpmBackend) b = cpu_backend (DDPM_PRECISION_F32, 2);
  Outcome out = case_run (b, &small_conv, 0);
  gboolean quiet = FALSE;

  for (guint i = 0; !quiet && i < 50; i++) {
    const gint64 before = processor_time ();

    g_usleep (100 * 1000);
    quiet = processor_time () - before < 5 * 1000;
  }
  g_assert_true (quiet);
  outcome_clear (&out);
}

int
main (int argc, char **argv)
{
  test_fill_new_memory ();
  test_init (&argc, &argv);
  return g_test_run ();
}
