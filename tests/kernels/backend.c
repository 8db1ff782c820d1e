/* gst-ddpm: choosing a backend
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gmodule.h>
#include <string.h>

#include "tests/support/kernels.h"
#include "tests/support/test.h"

TEST (reference_is_there_by_name)
{
  g_autoptr (DdpmBackend) b =
      assert_ok (ddpm_backend_new (DDPM_BACKEND_REFERENCE, DDPM_PRECISION_AUTO,
          3, &error));

  g_assert_cmpstr (ddpm_backend_get_name (b), ==, "reference");
  g_assert_cmpint (ddpm_backend_get_precision (b), ==, DDPM_PRECISION_F32);
  g_assert_cmpstr (ddpm_backend_get_precision_name (b), ==, "f32");
  g_assert_cmpint (b->act_type, ==, DDPM_TYPE_F32);
  g_assert_cmpuint (b->threads, ==, 1);
  g_assert_cmpstr (ddpm_backend_get_device (b), !=, "");
}

TEST (reference_has_every_precision)
{
  g_autoptr (DdpmBackend) bf16 = test_reference (DDPM_PRECISION_BF16);
  g_autoptr (DdpmBackend) emulated =
      test_reference (DDPM_PRECISION_BF16_EMULATED);

  g_assert_cmpint (ddpm_backend_get_precision (bf16), ==, DDPM_PRECISION_BF16);
  g_assert_cmpint (bf16->act_type, ==, DDPM_TYPE_BF16);
  g_assert_cmpstr (ddpm_backend_get_precision_name (bf16), ==, "bf16");
  g_assert_cmpint (ddpm_backend_get_precision (emulated), ==,
      DDPM_PRECISION_BF16_EMULATED);
  g_assert_cmpint (emulated->act_type, ==, DDPM_TYPE_BF16);
}

TEST (the_table_of_the_reference_is_full)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);

  test_assert_table_is_full (b);
}

TEST (a_gpu_that_is_named_is_a_backend_that_is_named)
{
  assert_fails_with (ddpm_backend_new_on (DDPM_BACKEND_AUTO,
          DDPM_PRECISION_AUTO, 1, 1000, NULL, &error), DDPM_ERROR_UNSUPPORTED,
      "backend=cuda ", NULL);
}

static void
count (gpointer data)
{
  (*(guint *) data)++;
}

TEST (what_is_kept_goes_with_the_last_reference)
{
  DdpmBackend *b = test_reference (DDPM_PRECISION_F32);
  guint freed = 0;

  ddpm_backend_attach_owner (b, &freed, count);
  ddpm_backend_unref (ddpm_backend_ref (b));
  g_assert_cmpuint (freed, ==, 0);
  ddpm_backend_unref (b);
  g_assert_cmpuint (freed, ==, 1);
}

static gpointer
copy_through (gpointer data)
{
  DdpmBackend *b = data;
  guint8 sent[100], back[100];
  guint8 *p = ddpm_backend_alloc (b, 200), *q = p + 100;

  g_assert_true (p[0] == 0 && p[199] == 0);
  memset (sent, 7, sizeof sent);
  ddpm_backend_upload (b, p, sent, sizeof sent);
  ddpm_backend_copy (b, q, p, 100);
  ddpm_backend_zero (b, p, 100);
  ddpm_backend_wait (b);
  ddpm_backend_download (b, back, q, sizeof back);
  g_assert_cmpmem (back, sizeof back, sent, sizeof sent);
  ddpm_backend_download (b, back, p, sizeof back);
  g_assert_true (back[0] == 0 && back[99] == 0);
  ddpm_backend_free (b, p);
  ddpm_backend_free (b, NULL);
  return NULL;
}

static void
copy_through_inside (gpointer data)
{
  copy_through (data);
}

TEST (any_thread_uses_memory)
{
  const DdpmBackendKind kinds[] = { DDPM_BACKEND_REFERENCE, DDPM_BACKEND_CPU };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autoptr (DdpmBackend) b =
        ddpm_backend_new (kinds[i], DDPM_PRECISION_F32, 1, NULL);

    g_thread_join (g_thread_new ("memory", copy_through, b));
    ddpm_backend_run (b, copy_through_inside, b);
    g_assert_null (ddpm_backend_alloc (b, G_MAXSSIZE));
    g_assert_true (ddpm_backend_check (b, NULL));
  }
}

TEST (memory_of_the_host_is_of_no_context)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);

  g_assert_null (ddpm_backend_get_context (b));
}

TEST (no_backend_takes_threads_beyond_all_machines)
{
  static const DdpmBackendKind kinds[] = {
    DDPM_BACKEND_AUTO, DDPM_BACKEND_REFERENCE, DDPM_BACKEND_CPU
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    assert_fails (ddpm_backend_new (kinds[i], DDPM_PRECISION_AUTO,
            DDPM_MAX_THREADS + 1, &error), DDPM_ERROR_SETTINGS, NULL);
}

TEST (auto_gives_some_backend)
{
  g_autoptr (DdpmBackend) b =
      assert_ok (ddpm_backend_new (DDPM_BACKEND_AUTO, DDPM_PRECISION_AUTO, 1,
          &error));

  g_assert_cmpint (ddpm_backend_get_precision (b), !=, DDPM_PRECISION_AUTO);
}

static gboolean
has_driver (void)
{
  GModule *driver = g_module_open ("libcuda.so.1", G_MODULE_BIND_LAZY);

  return driver && g_module_close (driver);
}

/* Without the module, or without a device for it */
TEST (cuda_by_name_is_never_something_else)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DdpmBackend) b =
      ddpm_backend_new (DDPM_BACKEND_CUDA, DDPM_PRECISION_AUTO, 0, &error);

  if (b) {
    g_assert_cmpstr (ddpm_backend_get_name (b), ==, "cuda");
    return;
  }
  g_assert_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "cuda"));
}

/* Of the module that stands in for CUDA's, and needs no driver */
TEST (auto_opens_no_module_in_vain)
{
  g_autofree gchar *folder = g_strdup (g_getenv ("GST_DDPM_MODULE_DIR"));
  g_autoptr (DdpmBackend) named = NULL, chosen = NULL;

  g_setenv ("GST_DDPM_MODULE_DIR", g_getenv ("DDPM_FRAIL_DIR"), TRUE);
  named = ddpm_backend_new (DDPM_BACKEND_CUDA, DDPM_PRECISION_F32, 1, NULL);
  chosen = ddpm_backend_new (DDPM_BACKEND_AUTO, DDPM_PRECISION_F32, 1, NULL);
  g_setenv ("GST_DDPM_MODULE_DIR", folder, TRUE);
  g_assert_cmpstr (ddpm_backend_get_name (named), ==, "cuda");
  if (has_driver ())
    g_assert_cmpstr (ddpm_backend_get_name (chosen), ==, "cuda");
  else
    g_assert_cmpstr (ddpm_backend_get_name (chosen), !=, "cuda");
}

TEST (a_backend_lives_as_long_as_its_last_reference)
{
  DdpmBackend *b = test_reference (DDPM_PRECISION_F32);
  gpointer p;

  g_assert_true (ddpm_backend_ref (b) == b);
  ddpm_backend_unref (b);
  p = b->ops->alloc (b, 16);
  g_assert_nonnull (p);
  b->ops->free (b, p);
  ddpm_backend_unref (b);
}

TEST (memory_is_aligned_and_zeroed)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  const guint8 zeros[1000] = { 0, };

  for (guint i = 0; i < 10; i++) {
    gpointer p = b->ops->alloc (b, sizeof zeros);

    g_assert_nonnull (p);
    g_assert_cmpuint ((gsize) p % 64, ==, 0);
    test_assert_same_bits (p, zeros, sizeof zeros);
    memset (p, 0xff, sizeof zeros);
    b->ops->zero (b, p, sizeof zeros);
    test_assert_same_bits (p, zeros, sizeof zeros);
    b->ops->free (b, p);
  }
}

TEST (memory_that_is_not_there_is_null)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);

  g_assert_null (b->ops->alloc (b, G_MAXSIZE));
}

TEST (upload_and_download_keep_every_bit)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *sent = test_random (1, 100), *back = test_unwritten (100);
  gpointer p = b->ops->alloc (b, 100 * sizeof (float));

  b->ops->upload (b, p, sent, 100 * sizeof (float));
  b->ops->download (b, back, p, 100 * sizeof (float));
  test_assert_same_bits (back, sent, 100 * sizeof (float));
  b->ops->free (b, p);
}

static void
count_up (gpointer data)
{
  ++*(guint *) data;
}

TEST (run_returns_after_the_function)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  guint calls = 0;

  b->ops->run (b, count_up, &calls);
  g_assert_cmpuint (calls, ==, 1);
}
