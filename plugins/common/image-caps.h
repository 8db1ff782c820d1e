/* gst-ddpm: the images that an element asks upstream for
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Answers a caps query. possible: (transfer full): the caps that the pad can
 * accept. filter: (nullable): those that upstream can make. formats:
 * (nullable): caps of the formats to prefer. width, height: of the images to
 * prefer; 0: any. Returns: (transfer full): those of filter that are preferred,
 * or all that are possible if filter has none. Where it has both, square pixels
 * go before others.
 *
 * The function does not query upstream, because elements such as
 * aspectratiocrop hold a lock while they send their caps. */
GstCaps *gst_ddpm_image_caps_choose (GstCaps * possible, GstCaps * filter,
    const gchar * formats, gint width, gint height);

G_END_DECLS
