/* gst-ddpm: fuzzing the caps and buffers that elements are given
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: settings of an element that is not started, the size of a buffer
 * for one that is, and a text of caps
 */
#include <gst/gst.h>

#include "tests/fuzz/fuzz.h"

#define MAX_BUFFER 4096         /* bytes: what is computed takes long */

GST_ELEMENT_REGISTER_DECLARE (ddpmdenoise);
GST_ELEMENT_REGISTER_DECLARE (ddpmtrainsink);

static GstElement *idle, *denoise, *train;
static GstPad *upstream, *downstream;   /* of denoise */

static GstFlowReturn
drop_buffer (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static GstElement *
make (const gchar * name)
{
  GstElement *element = gst_element_factory_make (name, NULL);
  GstBus *bus = gst_bus_new ();

  g_assert_nonnull (element);
  gst_bus_set_flushing (bus, TRUE);     /* keeps no message */
  gst_element_set_bus (element, bus);
  gst_object_unref (bus);
  return element;
}

static GstPad *
link_to (GstElement * element, const gchar * name, GstPadDirection direction)
{
  g_autoptr (GstPad) peer = gst_element_get_static_pad (element, name);
  GstPad *pad = gst_pad_new (NULL, direction);

  if (direction == GST_PAD_SINK)
    gst_pad_set_chain_function (pad, drop_buffer);
  gst_pad_set_active (pad, TRUE);
  g_assert_cmpint (direction == GST_PAD_SRC ? gst_pad_link (pad, peer)
      : gst_pad_link (peer, pad), ==, GST_PAD_LINK_OK);
  return pad;
}

static void
init (void)
{
  g_setenv ("GST_REGISTRY_DISABLE", "yes", TRUE);
  gst_init (NULL, NULL);
  GST_ELEMENT_REGISTER (ddpmdenoise, NULL);
  GST_ELEMENT_REGISTER (ddpmtrainsink, NULL);
  denoise = make ("ddpmdenoise");
  g_object_set (denoise, "model", "tiles", "steps", 1, "threads", 1, NULL);
  upstream = link_to (denoise, "sink", GST_PAD_SRC);
  downstream = link_to (denoise, "src", GST_PAD_SINK);
  g_assert_cmpint (gst_element_set_state (denoise, GST_STATE_PAUSED), !=,
      GST_STATE_CHANGE_FAILURE);
  idle = make ("ddpmdenoise");
  train = make ("ddpmtrainsink");
}

static void
ask (GstElement * element, const gchar * name, GstCaps * caps)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, name);
  g_autoptr (GstCaps) all = gst_pad_query_caps (pad, NULL);
  g_autoptr (GstCaps) some = gst_pad_query_caps (pad, caps);

  g_assert_nonnull (all);
  g_assert_nonnull (some);
  if (gst_caps_is_fixed (caps))
    gst_pad_query_accept_caps (pad, caps);
}

/* A stream of these caps, with a buffer */
static void
push (GstCaps * caps, gsize size)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (upstream, gst_event_new_stream_start ("fuzz"));
  gst_pad_push_event (upstream, gst_event_new_caps (caps));
  gst_pad_push_event (upstream, gst_event_new_segment (&segment));
  gst_pad_push (upstream, gst_buffer_new_allocate (NULL, size, NULL));
  gst_pad_push_event (upstream, gst_event_new_flush_start ());
  gst_pad_push_event (upstream, gst_event_new_flush_stop (TRUE));
}

void
fuzz_one (FuzzInput * in)
{
  const guint set = fuzz_take_uint32 (in);
  const gsize size = fuzz_take_uint32 (in) % MAX_BUFFER;
  g_autofree gchar *text = fuzz_take_text (in, NULL);
  g_autoptr (GstCaps) caps = NULL;

  if (denoise == NULL)
    init ();
  fuzz_set_strict (FALSE);
  caps = fuzz_confuses_gst (text) ? NULL : gst_caps_from_string (text);
  fuzz_set_strict (TRUE);
  if (caps == NULL)
    return;
  g_object_set (idle, "columns", set & 7, "stop-timestep", set & 8 ? 500 : 0,
      NULL);
  ask (idle, "sink", caps);
  ask (idle, "src", caps);
  ask (denoise, "sink", caps);
  ask (denoise, "src", caps);
  ask (train, "sink", caps);
  if (gst_caps_is_fixed (caps))
    push (caps, size);
}
