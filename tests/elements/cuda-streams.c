/* gst-ddpm: tests of the order in which pictures are painted and read on a GPU,
 * on fake ones
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/cuda-test.h"

/* Of GstCuda, from 1.24 on */
static struct
{
  gpointer (*context_new) (guint device_id);
  gpointer (*stream_new) (gpointer context);
  gpointer (*stream_get_handle) (gpointer stream);
  GstBufferPool *(*pool_new) (gpointer context);
  void (*set_stream) (GstStructure * config, gpointer stream);
} gstcuda;

static gboolean
has_streams (void)
{
  GModule *module;
  gboolean has;

  if (!has_gstcuda ())
    return FALSE;
  module = g_module_open ("libgstcuda-1.0.so.0", G_MODULE_BIND_LAZY);
#define FIND(member, name) \
    g_module_symbol (module, name, (gpointer *) &gstcuda.member)
  has = FIND (context_new, "gst_cuda_context_new")
      && FIND (stream_new, "gst_cuda_stream_new")
      && FIND (stream_get_handle, "gst_cuda_stream_get_handle")
      && FIND (pool_new, "gst_cuda_buffer_pool_new")
      && FIND (set_stream, "gst_buffer_pool_config_set_cuda_stream");
#undef FIND
  if (!has)
    g_print ("skipped: GstCuda before 1.24 has no streams\n");
  return has;
}

/* What who follows offers */
typedef struct
{
  GstElement *pipeline;
  gboolean elsewhere;           /* in a context of its own */
  GstMiniObject *stream;        /* of the pool */
} Offer;

static GstObject *
get_context_of_offer (Offer * offer)
{
  GstContext *context;
  GstObject *found;

  if (offer->elsewhere)
    return gstcuda.context_new (1);
  context = ask_for_context (offer->pipeline, "d");
  found = gst_object_ref (get_cuda_context (context));
  gst_context_unref (context);
  return found;
}

static GstPadProbeReturn
offer_pool (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY (info);
  Offer *offer = data;
  GstStructure *config;
  GstBufferPool *pool;
  GstObject *context;
  GstCaps *caps;

  if (GST_QUERY_TYPE (query) != GST_QUERY_ALLOCATION)
    return GST_PAD_PROBE_OK;
  context = get_context_of_offer (offer);
  fail_unless (context != NULL);
  if (offer->stream == NULL)
    offer->stream = gstcuda.stream_new (context);
  gst_query_parse_allocation (query, &caps, NULL);
  pool = gstcuda.pool_new (context);
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, 1, 0, 0);
  gstcuda.set_stream (config, offer->stream);
  fail_unless (gst_buffer_pool_set_config (pool, config));
  gst_query_add_allocation_pool (query, pool, 1, 0, 0);
  gst_object_unref (pool);
  gst_object_unref (context);
  return GST_PAD_PROBE_HANDLED;
}

/* Paints two pictures for somebody who offers that, or nothing (NULL).
 * Returns: how often the host waited */
static gsize
paint_for (Offer * offer)
{
  GstElement *pipeline = launch ("%s ! %s ! video/x-raw(" CUDA ") ! fakesink "
      "name=sink", NOISE, on (DEVICE, "name=d"));
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");

  *find_counter ("fake_gpu_stream") = 1;
  *find_counter ("fake_gpu_followed") = *find_counter ("fake_gpu_led") = 0;
  *find_counter ("fake_gpu_waits") = 0;
  if (offer) {
    offer->pipeline = pipeline;
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, offer_pool,
        offer, NULL);
  }
  play (pipeline);
  wait_for_eos (pipeline);
  gst_object_unref (pad);
  gst_object_unref (sink);
  stop_and_free (pipeline);
  return get_counter ("fake_gpu_waits");
}

TEST (pictures_come_behind_who_still_reads_them)
{
  if (!has_gstcuda ())
    return;
  paint_for (NULL);
  fail_unless_equals_uint64 (get_counter ("fake_gpu_followed"), 2);
  fail_unless_equals_uint64 (get_counter ("fake_gpu_stream"), 0);
  fail_unless_equals_uint64 (get_counter ("fake_gpu_led"), 0);
}

TEST (pictures_are_in_the_order_of_who_follows)
{
  Offer offer = { NULL, };
  gsize waits, handle;

  if (!has_streams ())
    return;
  waits = paint_for (NULL);
  fail_unless_equals_uint64 (paint_for (&offer), waits - 2);
  handle = (gsize) gstcuda.stream_get_handle (offer.stream);
  fail_unless (handle != 0);
  fail_unless_equals_uint64 (get_counter ("fake_gpu_stream"), handle);
  fail_unless_equals_uint64 (get_counter ("fake_gpu_followed"), 2);
  fail_unless_equals_uint64 (get_counter ("fake_gpu_led"), 2);
  gst_mini_object_unref (offer.stream);
}

TEST (a_stream_of_another_context_is_none)
{
  Offer offer = {.elsewhere = TRUE };
  gsize waits;

  if (!has_streams ())
    return;
  waits = paint_for (NULL);
  fail_unless_equals_uint64 (paint_for (&offer), waits);
  fail_unless (offer.stream != NULL);
  fail_unless_equals_uint64 (get_counter ("fake_gpu_stream"), 0);
  fail_unless_equals_uint64 (get_counter ("fake_gpu_led"), 0);
  gst_mini_object_unref (offer.stream);
}

CUDA_TEST_MAIN (unchecked, write_models, remove_models)
