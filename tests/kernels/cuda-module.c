/* gst-ddpm: the CUDA module loads on any machine and reports what is missing
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gmodule.h>

#include "kernels/backends.h"
#include "tests/support/test.h"

static GModule *
open_module (void)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("GST_DDPM_MODULE_DIR"),
      "libgstddpm-cuda." G_MODULE_SUFFIX, NULL);
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);

  g_assert_cmpstr (module ? NULL : g_module_error (), ==, NULL);
  return module;
}

/* What a machine without a GPU can test */
TEST (every_symbol_is_found)
{
  GModule *module = open_module ();
  gpointer symbol;

  g_assert_true (g_module_symbol (module, DDPM_CUDA_BACKEND_SYMBOL, &symbol));
  g_module_make_resident (module);
}

static DdpmBackend *
cuda_or_skip (void)
{
  g_autoptr (GError) error = NULL;
  DdpmBackend *b =
      ddpm_backend_new (DDPM_BACKEND_CUDA, DDPM_PRECISION_AUTO, 0, &error);

  if (b == NULL)
    g_test_skip (error->message);
  return b;
}

TEST (what_is_missing_is_said)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DdpmBackend) b =
      ddpm_backend_new (DDPM_BACKEND_CUDA, DDPM_PRECISION_AUTO, 0, &error);

  if (b) {
    g_test_skip ("nothing is missing: there is a GPU");
    return;
  }
  g_test_message ("%s", error->message);
  g_assert_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED);
  g_assert_true (g_str_has_prefix (error->message, "backend=cuda needs "));
  /* the module was found, so the error is its own */
  g_assert_null (strstr (error->message, "module"));
}

TEST (refusing_again_and_again_is_the_same)
{
  g_autofree gchar *first = NULL;

  for (guint i = 0; i < 100; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (DdpmBackend) b =
        ddpm_backend_new (DDPM_BACKEND_CUDA, DDPM_PRECISION_AUTO, 0, &error);

    if (b) {
      g_test_skip ("there is a GPU");
      return;
    }
    if (first == NULL)
      first = g_strdup (error->message);
    g_assert_cmpstr (error->message, ==, first);
  }
}

TEST (the_table_is_full)
{
  g_autoptr (DdpmBackend) b = cuda_or_skip ();
  const gpointer *entry;

  if (b == NULL)
    return;
  entry = (const gpointer *) b->ops;
  for (gsize i = 0; i < sizeof (DdpmOps) / sizeof (gpointer); i++)
    g_assert_nonnull (entry[i]);
  g_assert_false (b->host_memory);
  g_assert_cmpstr (ddpm_backend_get_name (b), ==, "cuda");
}

#define SIZE 5000000

static void
copy_there_and_back (gpointer data)
{
  DdpmBackend *b = data;
  g_autofree guint8 *sent = g_malloc (SIZE), *back = g_malloc0 (SIZE);
  guint8 *p = b->ops->alloc (b, SIZE);

  g_assert_nonnull (p);
  for (guint i = 0; i < SIZE; i++)
    sent[i] = i * 31;
  b->ops->download (b, back, p, SIZE);
  for (guint i = 0; i < SIZE; i++)
    g_assert_cmpuint (back[i], ==, 0);
  b->ops->upload (b, p, sent, SIZE);
  b->ops->download (b, back, p, SIZE);
  g_assert_cmpmem (sent, SIZE, back, SIZE);
  b->ops->zero (b, p, 100);
  b->ops->download (b, back, p, 101);
  for (guint i = 0; i < 100; i++)
    g_assert_cmpuint (back[i], ==, 0);
  g_assert_cmpuint (back[100], ==, sent[100]);
  b->ops->free (b, p);
  g_assert_null (b->ops->alloc (b, G_MAXSSIZE));
}

TEST (memory_keeps_every_bit)
{
  g_autoptr (DdpmBackend) b = cuda_or_skip ();

  if (b == NULL)
    return;
  b->ops->run (b, copy_there_and_back, b);
  assert_ok (ddpm_backend_check (b, &error));
}
