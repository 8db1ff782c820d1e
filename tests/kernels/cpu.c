/* gst-ddpm: the CPU backend computes what the reference backend does
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/against-reference.h"

/* FALSE: this processor has no such precision. */
static gboolean
subject_init (Subject * subject, DdpmPrecision precision)
{
  subject->backend = ddpm_backend_new (DDPM_BACKEND_CPU, precision, 2, NULL);
  subject->tolerance = 0;
  subject->error = ERROR_F32;
  return subject->backend != NULL;
}

int
main (int argc, char **argv)
{
  Subject f32, emulated, bf16;
  int status;

  test_fill_new_memory ();
  g_test_init (&argc, &argv, NULL);
  g_assert_true (subject_init (&f32, DDPM_PRECISION_F32));
  g_assert_true (subject_init (&emulated, DDPM_PRECISION_BF16_EMULATED));
  add_operation_tests ("/cpu/f32", &f32, TEST_ALL_OPERATIONS);
  add_operation_tests ("/cpu/bf16-emulated", &emulated, TEST_ALL_OPERATIONS);
  if (subject_init (&bf16, DDPM_PRECISION_BF16))
    add_operation_tests ("/cpu/bf16", &bf16, TEST_ALL_OPERATIONS);
  status = g_test_run ();
  ddpm_backend_unref (f32.backend);
  ddpm_backend_unref (emulated.backend);
  g_clear_pointer (&bf16.backend, ddpm_backend_unref);
  return status;
}
