/* gst-ddpm: fuzzing caps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: what ddpmdenoise is set to, the batch that ddpmnoise makes, and a
 * text of caps
 */
#include "plugins/common/caps.h"
#include "plugins/ddpmdenoise/caps.h"
#include "tests/fuzz/fuzz.h"

static void
check_info (const GstCaps * caps)
{
  GstDdpmTensorInfo info;
  GError *error = NULL;
  gboolean ok = gst_ddpm_tensor_info_from_caps (&info, caps, &error);
  g_autofree gchar *dimensions = NULL;
  guint dims[4], width, height;

  fuzz_check_error (ok, error);
  if (!ok)
    return;
  g_assert_cmpuint (info.size, ==, sizeof (gfloat) * info.channels
      * info.width * info.height * info.batch);
  dimensions = gst_ddpm_tensor_get_dimensions (&info);
  g_assert_true (gst_ddpm_tensor_parse_dimensions (dimensions, dims));
  for (guint columns = 0; columns < 4; columns++)
    gst_ddpm_denoise_caps_get_frame_size (&info, columns, &width, &height);
}

/* As a source that makes this batch would */
static void
check_source (GstCaps * caps, guint batch)
{
  g_autoptr (GstCaps) of_source = gst_caps_from_string (GST_DDPM_TENSOR_CAPS);
  g_autoptr (GstCaps) allowed = gst_caps_intersect (of_source, caps);
  GError *error = NULL;
  GstCaps *fixed;

  if (gst_caps_is_empty (allowed))
    return;
  fixed = gst_ddpm_tensor_caps_fixate (allowed, batch, 7, &error);
  fuzz_check_error (fixed != NULL, error);
  gst_clear_caps (&fixed);
}

static void
check_fixate (const GstCaps * caps, const GstCaps * other)
{
  if (!gst_caps_is_empty (caps) && !gst_caps_is_any (other)
      && !gst_caps_is_empty (other))
    gst_caps_unref (gst_ddpm_denoise_caps_fixate (gst_caps_copy (caps), other));
}

static void
check_denoise (const GstDdpmDenoiseLink * link, const GstCaps * caps)
{
  g_autoptr (GstCaps) src = gst_ddpm_denoise_caps_to_src (link, caps);
  g_autoptr (GstCaps) sink = gst_ddpm_denoise_caps_to_sink (link, caps);
  g_autoptr (GstCaps) back = gst_ddpm_denoise_caps_to_src (link, sink);

  check_fixate (src, caps);
  check_fixate (sink, caps);
  check_fixate (back, caps);
}

void
fuzz_one (FuzzInput * in)
{
  const guint32 set = fuzz_take_uint32 (in);
  const GstDdpmDenoiseLink link = {
    .image_channels = (set & 3) == 2 ? 3 : set & 3,
    .width = set & 4 ? 32 : 0,.height = set & 8 ? 32 : 0,
    .columns = set >> 4 & 15,.stop = set >> 8 & 3,
    .tensors = set >> 10 & 1,.cuda_tensors = set >> 11 & 1,
    .cuda_video = set >> 12 & 1
  };
  const guint batch = 1 + set % DDPM_MAX_BATCH;
  g_autofree gchar *text = fuzz_take_text (in, NULL);
  g_autoptr (GstCaps) caps = NULL;

  if (fuzz_confuses_gst (text))
    return;
  if (!gst_is_initialized ()) {
    g_setenv ("GST_REGISTRY_DISABLE", "yes", TRUE);     /* no plugin is used */
    gst_init (NULL, NULL);
  }
  fuzz_set_strict (FALSE);
  caps = gst_caps_from_string (text);
  fuzz_set_strict (TRUE);
  if (caps == NULL)
    return;
  check_info (caps);
  check_source (caps, batch);
  check_denoise (&link, caps);
}
