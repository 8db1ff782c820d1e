/* gst-ddpm: what the tests of memory and contexts of a GPU share: on fake ones
 * (fake-gpu/), what no GPU is needed to prove; with ON_A_GPU, on a real one
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/cuda-test.h"
#include "tests/support/gpu-test.h"

/* The same on the host and on the fake GPU */
const gchar *
on (const gchar * backend, const gchar * properties)
{
  static gchar text[4][512];
  static guint n;

  n = (n + 1) % G_N_ELEMENTS (text);
  g_snprintf (text[n], sizeof (text[n]), "ddpmdenoise backend=%s steps=2 "
      "model=%s/model-3-10.bin %s", backend, model_folder, properties);
  return text[n];
}

static GstCaps *
get_current_caps (GstElement * pipeline, const gchar * element,
    const gchar * pad)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipeline), element);
  GstPad *p = gst_element_get_static_pad (e, pad);
  GstCaps *caps = gst_pad_get_current_caps (p);

  fail_unless (caps != NULL, "%s.%s has no caps", element, pad);
  gst_object_unref (p);
  gst_object_unref (e);
  return caps;
}

gboolean
is_cuda (GstElement * pipeline, const gchar * element, const gchar * pad)
{
  GstCaps *caps = get_current_caps (pipeline, element, pad);
  gboolean is = gst_caps_features_contains (gst_caps_get_features (caps, 0),
      CUDA);

  gst_caps_unref (caps);
  return is;
}

gboolean
has_gstcuda (void)
{
  GModule *module = g_module_open ("libgstcuda-1.0.so.0", G_MODULE_BIND_LAZY);

  if (module == NULL) {
    g_print ("skipped: %s\n", g_module_error ());
    return FALSE;
  }
  g_module_close (module);
  return TRUE;
}

GstContext *
ask_for_context (GstElement * pipeline, const gchar * element)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipeline), element);
  GstQuery *query = gst_query_new_context ("gst.cuda.context");
  GstContext *context = NULL;

  if (gst_element_query (e, query)) {
    gst_query_parse_context (query, &context);
    gst_context_ref (context);
  }
  gst_query_unref (query);
  gst_object_unref (e);
  return context;
}

GstObject *
get_cuda_context (GstContext * context)
{
  const GstStructure *s = gst_context_get_structure (context);

  return g_value_get_object (gst_structure_get_value (s, "gst.cuda.context"));
}

void
check_all_same (GPtrArray * a, GPtrArray * b)
{
  guint i;

  fail_unless_equals_int (a->len, b->len);
  for (i = 0; i < a->len; i++)
    check_same (a, i, b, i);
  g_ptr_array_unref (a);
  g_ptr_array_unref (b);
}

/* Says what is missing. */
gboolean
gpu_is_missing (void)
{
  g_autofree gchar *reason = NULL;
  g_autoptr (DdpmBackend) b = gpu_backend (DDPM_PRECISION_F32, &reason);

  if (reason)
    printf ("SKIP: %s\n", reason);
  return reason != NULL;
}

/* What the fake module counts. It is never closed. */
gsize *
find_counter (const gchar * name)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("GST_DDPM_MODULE_DIR"),
      "libgstddpm-cuda." G_MODULE_SUFFIX, NULL);
  GModule *module = g_module_open (path, G_MODULE_BIND_LAZY);
  gpointer symbol;

  fail_unless (module != NULL, "%s", g_module_error ());
  fail_unless (g_module_symbol (module, name, &symbol));
  g_module_make_resident (module);
  return symbol;
}

gsize
get_counter (const gchar * name)
{
  return *find_counter (name);
}
