/* gst-ddpm: the caps that ddpmtrainsink asks upstream for
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/caps.h"
#include "plugins/ddpmtrainsink/caps.h"

#define COLOUR_CAPS "video/x-raw(ANY), format={ RGB, RGBP }"
#define GREY_CAPS "video/x-raw(ANY), format=GRAY8"

/* Returns: (transfer full): the part of caps for these images */
static GstCaps *
restrict_caps (GstCaps * caps, const GstDdpmTrainImages * images)
{
  g_autoptr (GstCaps) wanted =
      gst_caps_from_string (images->channels == 1 ? GREY_CAPS : COLOUR_CAPS);

  if (images->width > 0)
    gst_caps_set_simple (wanted, "width", G_TYPE_INT, images->width,
        "height", G_TYPE_INT, images->height, NULL);
  return gst_caps_intersect (caps, wanted);
}

/* Elements such as concat accept any caps here, because what comes to them
 * decides. */
static gboolean
can_upstream_make (GstPad * pad, GstCaps * caps)
{
  g_autoptr (GstCaps) peer = gst_pad_peer_query_caps (pad, NULL);

  return !gst_caps_is_any (peer) && gst_caps_can_intersect (peer, caps);
}

/* The same caps, those with square pixels first */
static GstCaps *
prefer_square_pixels (GstCaps * caps)
{
  GstCaps *square = gst_caps_copy (caps);

  gst_caps_set_simple (square, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1,
      NULL);
  gst_caps_append (square, caps);
  return square;
}

GstCaps *
gst_ddpm_train_caps_choose (GstPad * pad, GstCaps * possible,
    const GstDdpmTrainImages * images)
{
  GstCaps *chosen = restrict_caps (possible, images);

  if (!can_upstream_make (pad, chosen))
    gst_caps_replace (&chosen, possible);
  gst_caps_unref (possible);
  return prefer_square_pixels (chosen);
}
