/* gst-ddpm: the CPU backend computes what the reference backend does
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/against-reference.h"

/* In f32: a few roundings of sums of up to some thousand products. In bf16 a
 * rounding has a normalised mean square error of 2^-18 / 3, about 1.3e-6, and
 * up to four of them follow each other (an attention's dqkv: probabilities,
 * dP, dS and the result); where only the last is rounded, in both backends,
 * few results differ at all. */
#define TOLERANCE_F32 1e-11
#define TOLERANCE_BF16 8e-6

/* FALSE: this processor has no such precision. */
static gboolean
subject_init (Subject * subject, DdpmPrecision precision)
{
  subject->backend = ddpm_backend_new (DDPM_BACKEND_CPU, precision, 2, NULL);
  subject->tolerance = precision == DDPM_PRECISION_F32 ? TOLERANCE_F32
      : TOLERANCE_BF16;
  return subject->backend != NULL;
}

int
main (int argc, char **argv)
{
  Subject f32, emulated, bf16;
  int status;

  g_test_init (&argc, &argv, NULL);
  g_assert_true (subject_init (&f32, DDPM_PRECISION_F32));
  g_assert_true (subject_init (&emulated, DDPM_PRECISION_BF16_EMULATED));
  add_operation_tests ("/cpu/f32", &f32);
  add_operation_tests ("/cpu/bf16-emulated", &emulated);
  if (subject_init (&bf16, DDPM_PRECISION_BF16))
    add_operation_tests ("/cpu/bf16", &bf16);
  status = g_test_run ();
  ddpm_backend_unref (f32.backend);
  ddpm_backend_unref (emulated.backend);
  g_clear_pointer (&bf16.backend, ddpm_backend_unref);
  return status;
}
