/* gst-ddpm: the images that an element asks upstream for
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/image-caps.h"
#include "plugins/common/caps.h"

#define ANY_CAPS "video/x-raw(ANY)"
#define SQUARE_CAPS "video/x-raw(ANY), pixel-aspect-ratio=1/1"

/* Returns: (transfer full) */
static GstCaps *
get_size (gint width, gint height)
{
  GstCaps *size = gst_caps_from_string (ANY_CAPS);

  if (width > 0 && height > 0)
    gst_caps_set_simple (size, "width", G_TYPE_INT, width,
        "height", G_TYPE_INT, height, NULL);
  return size;
}

/* Leaves only what is wanted in caps, if upstream can make something of it. */
static void
narrow_caps (GstCaps ** caps, GstCaps * wanted, GstCaps * upstream)
{
  g_autoptr (GstCaps) narrow = gst_caps_intersect (*caps, wanted);

  if (gst_caps_can_intersect (narrow, upstream))
    gst_caps_replace (caps, narrow);
}

GstCaps *
gst_ddpm_image_caps_choose (GstCaps * possible, GstCaps * filter,
    const gchar * formats, gint width, gint height)
{
  g_autoptr (GstCaps) preferred =
      gst_caps_from_string (formats ? formats : ANY_CAPS);
  g_autoptr (GstCaps) size = get_size (width, height);
  g_autoptr (GstCaps) square = gst_caps_from_string (SQUARE_CAPS);

  if (filter == NULL || gst_caps_is_any (filter))
    return possible;
  narrow_caps (&possible, preferred, filter);
  narrow_caps (&possible, size, filter);
  narrow_caps (&possible, square, filter);
  return gst_ddpm_caps_filter (possible, filter);
}
