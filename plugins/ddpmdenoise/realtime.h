/* gst-ddpm: is what an element makes shown as it is made, and is it late?
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Does a sink behind this source pad wait for the clock? */
gboolean gst_ddpm_realtime_has_sync_sink (GstPad * srcpad);
/* The running time that now is for a playing element; GST_CLOCK_TIME_NONE
 * for any other */
GstClockTime gst_ddpm_realtime_get_running_time (GstElement * element);

G_END_DECLS
