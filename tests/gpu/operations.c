/* gst-ddpm: the CUDA backend computes what the reference backend does, on a GPU
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/gpu-test.h"
#include "tests/support/against-reference.h"
#include "tests/support/test.h"

/* Normalised mean square errors. f32: sums of some thousand products; TF32 would
 * give 1e-7. bf16: each rounding that the reference does not do adds 2.8e-6
 * (BF16_ERROR). There are two at most (see count_roundings () in
 * tests/support/host-backend.c), and a result of f32 may be twice as far off as
 * expected: 1.1e-5. The rest is for small tensors, in which a few elements
 * become neighbours. */
#define TOLERANCE_F32 1e-9
#define TOLERANCE_BF16 2e-5

static const Case repeated[] = {
  {.run = run_conv,.conv = {5, 9, 9, 64, 0, 48, 3, 1, 0, 0, TRUE},
      .residual = IN_PLACE},
  {.run = run_conv,.conv = {5, 8, 8, 64, 32, 48, 1, 1, 0, 0, TRUE},
      .residual = OTHER_RESIDUAL,.add = TRUE},
  {.run = run_attention,.attention = {5, 64, 64, 1, TRUE}},
  {.run = run_norm,.norm = {5, 400, 64, 32, 32, 1e-5f, TRUE, FALSE, TRUE},
      .dropout = 0.1f},
  {.run = run_norm,.norm = {5, 400, 64, 0, 32, 1e-5f, TRUE, TRUE, TRUE},
      .add = TRUE},
  {.run = run_linear,.linear = {5, 128, 512}},
  {.run = run_losses},
};

static void
a_run_repeats_to_the_bit (gconstpointer data)
{
  const Subject *subject = data;

  for (guint i = 0; i < G_N_ELEMENTS (repeated); i++) {
    Case c = repeated[i];
    Outcome first;

    c.conv.src_type = c.conv.dst_type = subject->backend->act_type;
    first = subject_run (subject, &c);
    for (guint again = 0; again < 3; again++) {
      Outcome got = subject_run (subject, &c);

      outcome_assert_same_bits (&got, &first);
      outcome_clear (&got);
    }
    outcome_clear (&first);
  }
}

/* Not the same bits: cuDNN may choose another engine for another batch. */
static void
an_image_does_not_depend_on_its_batch (gconstpointer data)
{
  const Subject *subject = data;

  for (guint i = 0; repeated[i].run != run_linear; i++) {
    Case c = repeated[i];
    Outcome batch, alone;

    c.conv.src_type = c.conv.dst_type = subject->backend->act_type;
    batch = subject_run (subject, &c);
    c.conv.n = c.norm.n = c.attention.n = 1;
    alone = subject_run (subject, &c);
    outcome_assert_close (&alone, &batch, 1, 5, subject->tolerance);
    outcome_clear (&batch);
    outcome_clear (&alone);
  }
}

/* The backend still works after it ran out of memory. */
static void
memory_that_is_not_there_is_an_error (gconstpointer data)
{
  const Subject *subject = data;
  const Case c = {.run = run_losses };
  DdpmBackend *b = subject->backend;
  const DdpmConvDesc enormous = { 1 << 20, 1024, 1024, 256, 0, 256, 3, 1,
    b->act_type, b->act_type, TRUE
  };
  g_autoptr (GError) error = NULL;
  DdpmPlan *plan;

  plan = b->ops->conv_new (b, &enormous, &error);
  if (plan)
    g_assert_null (b->ops->alloc (b, (gsize) 1 << 50));
  else
    g_assert_true (g_error_matches (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE)
        || g_error_matches (error, DDPM_ERROR, DDPM_ERROR_SETTINGS)
        || g_error_matches (error, DDPM_ERROR, DDPM_ERROR_LIBRARY));
  ddpm_plan_free (plan);
  assert_as_reference (subject, &c, 4, 1e-14);
}

TEST (a_device_that_is_not_there_is_refused)
{
  if (!g_test_subprocess ()) {
    g_test_trap_subprocess (NULL, 0, 0);
    g_test_trap_assert_passed ();
    return;
  }
  g_setenv ("CUDA_VISIBLE_DEVICES", "99", TRUE);
  assert_fails (ddpm_backend_new (DDPM_BACKEND_CUDA, DDPM_PRECISION_AUTO, 0,
          &error), DDPM_ERROR_UNSUPPORTED, NULL);
}

int
main (int argc, char **argv)
{
  Subject f32 = {.tolerance = TOLERANCE_F32 };
  Subject bf16 = {.tolerance = TOLERANCE_BF16 };
  Subject *subjects[] = { &f32, &bf16 };
  static const gchar *const names[] = { "/gpu/f32", "/gpu/bf16" };
  gchar *reason = NULL;
  int status;

  test_init (&argc, &argv);
  /* the device must be hidden before the child initializes CUDA */
  if (!g_test_subprocess ()) {
    f32.backend = gpu_backend (DDPM_PRECISION_F32, &reason);
    bf16.backend = f32.backend ? gpu_backend (DDPM_PRECISION_BF16, &reason)
        : NULL;
    if (reason)
      g_test_add_data_func (f32.backend ? "/gpu/bf16" : "/gpu/operations",
          reason, gpu_skip);
  }
  for (guint i = 0; i < G_N_ELEMENTS (subjects); i++) {
    g_autofree gchar *repeats = g_strconcat (names[i], "/repeats", NULL);
    g_autofree gchar *batch = g_strconcat (names[i], "/batch", NULL);
    g_autofree gchar *memory = g_strconcat (names[i], "/memory", NULL);

    if (subjects[i]->backend == NULL)
      continue;
    add_operation_tests (names[i], subjects[i], TEST_ALL_OPERATIONS);
    g_test_add_data_func (repeats, subjects[i], a_run_repeats_to_the_bit);
    g_test_add_data_func (batch, subjects[i],
        an_image_does_not_depend_on_its_batch);
    g_test_add_data_func (memory, subjects[i],
        memory_that_is_not_there_is_an_error);
  }
  status = g_test_run ();
  g_clear_pointer (&f32.backend, ddpm_backend_unref);
  g_clear_pointer (&bf16.backend, ddpm_backend_unref);
  g_free (reason);
  return status;
}
