/* gst-ddpm: the CPU backend computes what the reference backend does
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/against-reference.h"
#include "tests/support/tiles.h"

enum
{ MAX_SUBJECTS = 5 };

static Subject subjects[MAX_SUBJECTS];
static guint n_subjects;

static void
add_subject (const gchar * name, DdpmBackend * backend)
{
  g_autofree gchar *prefix = g_strconcat ("/cpu/", name, NULL);
  Subject *subject = &subjects[n_subjects++];

  g_assert_cmpuint (n_subjects, <=, MAX_SUBJECTS);
  subject->backend = backend;
  subject->error = ERROR_F32;
  add_operation_tests (prefix, subject, TEST_ALL_OPERATIONS);
}

int
main (int argc, char **argv)
{
  int status;

  test_fill_new_memory ();
  g_test_init (&argc, &argv, NULL);
  add_subject ("f32", ddpm_backend_new (DDPM_BACKEND_CPU, DDPM_PRECISION_F32,
          2, NULL));
  add_subject ("bf16-emulated", ddpm_backend_new (DDPM_BACKEND_CPU,
          DDPM_PRECISION_BF16_EMULATED, 2, NULL));
  for (const CpuTileKernels * const *k = tile_kernels (); *k; k++)
    add_subject ((*k)->name, tile_backend_new (*k, 2));
  status = g_test_run ();
  for (guint i = 0; i < n_subjects; i++)
    ddpm_backend_unref (subjects[i].backend);
  return status;
}
