/* gst-ddpm: how fast oneDNN's own convolutions are, without gst-ddpm
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The ceiling of ddpm-bench is that of gst-ddpm's own convolutions. This program
 * times, for comparison, those convolutions of the notebook's network that take
 * the most time, in oneDNN's favourite layouts. OMP_NUM_THREADS sets the threads.
 */
#include <glib.h>
#include <stdlib.h>

#include "kernels/cpu/onednn/api.h"

static const struct
{
  gint channels, out, size;     /* 3x3, stride 1, of size x size pixels */
} shapes[] = { {128, 128, 32}, {256, 256, 16}, {256, 128, 32}, {256, 256, 8} };

#define BLOCK 64                /* bytes: a line of the cache */

typedef struct
{
  gint batch, repeats;
  gboolean bf16;
} Options;

static void
check (dnnl_status_t status, const gchar * what)
{
  if (status == dnnl_success)
    return;
  g_printerr ("oneDNN cannot do this: %s (status %d)\n", what, status);
  exit (1);
}

static dnnl_memory_desc_t
describe (gint ndims, const dnnl_dims_t dims, dnnl_data_type_t type,
    dnnl_format_tag_t tag)
{
  dnnl_memory_desc_t desc;

  check (dnnl_memory_desc_create_with_tag (&desc, ndims, dims, type, tag),
      "describing a tensor");
  return desc;
}

/* NULL: there is none by this algorithm */
static dnnl_primitive_desc_t
plan (dnnl_engine_t engine, const Options * o, guint shape, dnnl_alg_kind_t alg)
{
  const gint c = shapes[shape].channels, k = shapes[shape].out;
  const gint size = shapes[shape].size;
  const dnnl_data_type_t type = o->bf16 ? dnnl_bf16 : dnnl_f32;
  const dnnl_dims_t x = { o->batch, c, size, size };
  const dnnl_dims_t y = { o->batch, k, size, size };
  const dnnl_dims_t w = { k, c, 3, 3 }, ones = { 1, 1 }, zeros = { 0, 0 };
  dnnl_memory_desc_t descs[] = {
    describe (4, x, type, dnnl_format_tag_any),
    describe (4, w, type, dnnl_format_tag_any),
    describe (4, y, type, dnnl_format_tag_any)
  };
  dnnl_primitive_desc_t pd = NULL;

  if (dnnl_convolution_forward_primitive_desc_create (&pd, engine,
          dnnl_forward_inference, alg, descs[0], descs[1], NULL, descs[2], ones,
          zeros, ones, ones, NULL) != dnnl_success)
    pd = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (descs); i++)
    dnnl_memory_desc_destroy (descs[i]);
  return pd;
}

static dnnl_memory_t
alloc_memory (dnnl_engine_t engine, const_dnnl_primitive_desc_t pd,
    dnnl_query_t what, gpointer * block)
{
  const_dnnl_memory_desc_t desc = dnnl_primitive_desc_query_md (pd, what, 0);
  gsize size = dnnl_memory_desc_get_size (desc);
  dnnl_memory_t memory;

  *block = g_aligned_alloc0 (1, size, BLOCK);
  check (dnnl_memory_create (&memory, desc, engine, *block), "a tensor");
  return memory;
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return (x > y) - (x < y);
}

/* Seconds, the median */
static gdouble
measure (dnnl_engine_t engine, dnnl_primitive_desc_t pd, guint repeats)
{
  static const struct
  {
    gint arg;
    dnnl_query_t what;
  } tensors[] = { {DNNL_ARG_SRC, dnnl_query_src_md},
  {DNNL_ARG_WEIGHTS, dnnl_query_weights_md}, {DNNL_ARG_DST, dnnl_query_dst_md}
  };
  g_autofree gdouble *seconds = g_new (gdouble, repeats);
  dnnl_exec_arg_t args[G_N_ELEMENTS (tensors)];
  gpointer blocks[G_N_ELEMENTS (tensors)];
  dnnl_primitive_t primitive;
  dnnl_stream_t stream;

  check (dnnl_stream_create (&stream, engine, dnnl_stream_default_flags),
      "a stream");
  check (dnnl_primitive_create (&primitive, pd), "a primitive");
  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++)
    args[i] = (dnnl_exec_arg_t) {
    tensors[i].arg, alloc_memory (engine, pd, tensors[i].what, &blocks[i])};
  for (gint i = -2; i < (gint) repeats; i++) {
    gint64 start = g_get_monotonic_time ();

    check (dnnl_primitive_execute (primitive, stream, G_N_ELEMENTS (args),
            args), "a convolution");
    check (dnnl_stream_wait (stream), "waiting");
    if (i >= 0)
      seconds[i] = (g_get_monotonic_time () - start) * 1e-6;
  }
  qsort (seconds, repeats, sizeof (gdouble), compare);
  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++) {
    dnnl_memory_destroy (args[i].memory);
    g_aligned_free (blocks[i]);
  }
  dnnl_primitive_destroy (primitive);
  dnnl_stream_destroy (stream);
  return seconds[repeats / 2];
}

static void
report (dnnl_engine_t engine, const Options * o, guint shape,
    dnnl_alg_kind_t alg, const gchar * name)
{
  dnnl_primitive_desc_t pd = plan (engine, o, shape, alg);
  const gint c = shapes[shape].channels, k = shapes[shape].out;
  const gint size = shapes[shape].size;
  const gchar *implementation = "none";
  gdouble seconds, gflop = 2e-9 * 9 * o->batch * c * k * size * size;

  if (pd == NULL) {
    g_print ("%4d -> %4d at %2dx%-2d  %-9s there is none\n", c, k, size, size,
        name);
    return;
  }
  dnnl_primitive_desc_query (pd, dnnl_query_impl_info_str, 0, &implementation);
  seconds = measure (engine, pd, o->repeats);
  g_print ("%4d -> %4d at %2dx%-2d  %-9s %9.3f ms  %7.1f GFLOP/s  %s\n", c, k,
      size, size, name, 1e3 * seconds, gflop / seconds, implementation);
  dnnl_primitive_desc_destroy (pd);
}

int
main (int argc, char **argv)
{
  Options o = {.batch = 16,.repeats = 15 };
  const GOptionEntry entries[] = {
    {"batch", 0, 0, G_OPTION_ARG_INT, &o.batch, "Images (16)", "N"},
    {"repeats", 0, 0, G_OPTION_ARG_INT, &o.repeats, "Timed calls (15)", "N"},
    {"bf16", 0, 0, G_OPTION_ARG_NONE, &o.bf16, "bf16 instead of float", NULL},
    {NULL}
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  dnnl_engine_t engine;

  g_option_context_set_summary (context,
      "Times oneDNN's own 3x3 convolutions on this machine, forward.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("bench-onednn: %s\n", error->message);
    return 2;
  }
  if (argc > 1 || o.batch < 1 || o.batch > 1024 || o.repeats < 1
      || o.repeats > 10000) {
    g_printerr ("bench-onednn: --batch is 1 to 1024, --repeats 1 to 10000, and "
        "there are no other arguments\n");
    return 2;
  }
  check (dnnl_engine_create (&engine, dnnl_cpu, 0), "a processor");
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    report (engine, &o, i, dnnl_convolution_direct, "direct");
    report (engine, &o, i, dnnl_convolution_winograd, "winograd");
  }
  dnnl_engine_destroy (engine);
  return 0;
}
