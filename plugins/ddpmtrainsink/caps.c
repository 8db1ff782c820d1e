/* gst-ddpm: the caps that ddpmtrainsink asks upstream for
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/caps.h"
#include "plugins/ddpmtrainsink/caps.h"

#define ANY_CAPS "video/x-raw(ANY)"
#define COLOUR_CAPS "video/x-raw(ANY), format={ RGB, RGBP }"
#define GREY_CAPS "video/x-raw(ANY), format=GRAY8"
#define ALPHA_CAPS "video/x-raw(ANY), format=RGBA"
#define SQUARE_CAPS "video/x-raw(ANY), pixel-aspect-ratio=1/1"

/* Returns: (transfer full): the formats of these images */
static GstCaps *
get_formats (const GstDdpmTrainImages * images)
{
  return gst_caps_from_string (images->channels == 1 ? GREY_CAPS
      : images->channels == 4 ? ALPHA_CAPS : COLOUR_CAPS);
}

/* Returns: (transfer full): their size */
static GstCaps *
get_size (const GstDdpmTrainImages * images)
{
  GstCaps *size = gst_caps_from_string (ANY_CAPS);

  if (images->width > 0)
    gst_caps_set_simple (size, "width", G_TYPE_INT, images->width,
        "height", G_TYPE_INT, images->height, NULL);
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
gst_ddpm_train_caps_choose (GstCaps * possible, GstCaps * filter,
    const GstDdpmTrainImages * images)
{
  g_autoptr (GstCaps) formats = get_formats (images);
  g_autoptr (GstCaps) size = get_size (images);
  g_autoptr (GstCaps) square = gst_caps_from_string (SQUARE_CAPS);

  if (filter == NULL || gst_caps_is_any (filter))
    return possible;
  narrow_caps (&possible, formats, filter);
  narrow_caps (&possible, size, filter);
  narrow_caps (&possible, square, filter);
  return gst_ddpm_caps_filter (possible, filter);
}
