/* gst-ddpm: is what an element makes shown as it is made, and is it late?
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/base/gstbasesink.h>

#include "plugins/ddpmdenoise/realtime.h"

/* Longer chains of elements are not searched. */
#define MAX_DEPTH 256

static gboolean has_sync_sink (GstPad * srcpad, guint depth);

/* The source pads that data of a sink pad can leave by; for the ghost pads of
 * a bin that is the pad on their other side. */
static gboolean
any_link_has_sync_sink (GstPad * sinkpad, guint depth)
{
  GstIterator *links = gst_pad_iterate_internal_links (sinkpad);
  GValue item = G_VALUE_INIT;
  gboolean found = FALSE;
  gboolean done = links == NULL;

  while (!done && !found) {
    switch (gst_iterator_next (links, &item)) {
      case GST_ITERATOR_OK:
        found = has_sync_sink (g_value_get_object (&item), depth);
        g_value_reset (&item);
        break;
      case GST_ITERATOR_RESYNC:
        gst_iterator_resync (links);
        break;
      case GST_ITERATOR_ERROR:
      case GST_ITERATOR_DONE:
        done = TRUE;
        break;
    }
  }
  g_value_unset (&item);
  g_clear_pointer (&links, gst_iterator_free);
  return found;
}

static gboolean
has_sync_sink (GstPad * srcpad, guint depth)
{
  GstPad *peer = gst_pad_get_peer (srcpad);
  GstObject *parent = peer ? gst_object_get_parent (GST_OBJECT (peer)) : NULL;
  gboolean found = FALSE;

  if (parent != NULL && GST_IS_BASE_SINK (parent))
    found = gst_base_sink_get_sync (GST_BASE_SINK (parent));
  else if (parent != NULL && depth < MAX_DEPTH)
    found = any_link_has_sync_sink (peer, depth + 1);
  gst_clear_object (&parent);
  gst_clear_object (&peer);
  return found;
}

gboolean
gst_ddpm_realtime_has_sync_sink (GstPad * srcpad)
{
  return has_sync_sink (srcpad, 0);
}

GstClockTime
gst_ddpm_realtime_get_running_time (GstElement * element)
{
  gboolean playing;

  GST_OBJECT_LOCK (element);
  playing = GST_STATE (element) == GST_STATE_PLAYING;
  GST_OBJECT_UNLOCK (element);

  return playing ? gst_element_get_current_running_time (element) :
      GST_CLOCK_TIME_NONE;
}
