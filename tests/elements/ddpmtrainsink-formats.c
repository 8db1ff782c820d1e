/* gst-ddpm: tests of ddpmtrainsink: images of several formats and sizes
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/train-test.h"

#define STREAM " num-buffers=4 ! video/x-raw,framerate=30/1,"
#define COLOUR "videotestsrc" STREAM "width=8,height=8,format=RGB"
#define GREY "videotestsrc" STREAM "width=8,height=8,format=GRAY8"
#define WIDE "videotestsrc" STREAM "width=8,height=4,format=I420"

/* One stream after the other, then these elements, into a trainer */
static GstElement *
launch_streams (const gchar * first_stream, const gchar * second_stream,
    const gchar * elements, const gchar * properties)
{
  return launch ("concat name=all ! %s ddpmtrainsink name=train "
      "location=%s/a.bin" NET "%s %s ! all. %s ! all.", elements, folder,
      properties, first_stream, second_stream);
}

/* All steps were made, of images of this kind. */
static void
check_images (guint channels, guint width, guint height, guint64 steps)
{
  DdpmTrainState *state = load_state ("a.bin");

  fail_unless_equals_int (state->config.image_channels, channels);
  fail_unless_equals_int (state->width, width);
  fail_unless_equals_int (state->height, height);
  fail_unless_equals_uint64 (state->step, steps);
  ddpm_train_state_free (state);
}

TEST (images_become_alike_where_upstream_converts)
{
  const struct
  {
    const gchar *streams[2], *elements;
    guint channels, width, height;
  } cases[] = {
    {{COLOUR, GREY}, "videoconvert !", 3, 8, 8},
    {{GREY, COLOUR}, "videoconvert !", 3, 8, 8},
    {{GREY, COLOUR}, "videoconvertscale ! queue !", 3, 8, 8},
    {{GREY, WIDE}, "videoconvert ! videoscale !", 3, 8, 8},
    {{WIDE, GREY}, "videoscale ! videoconvert !", 3, 8, 4},
    {{WIDE, GREY}, "videoconvert ! videoscale ! "
        "video/x-raw,width=4,height=4 !", 3, 4, 4},
    {{WIDE, WIDE}, "videoconvert ! aspectratiocrop aspect-ratio=1/1 ! "
        "videoscale !", 3, 4, 4},
    {{COLOUR, GREY}, "videoconvert ! video/x-raw,format=GRAY8 !", 1, 8, 8},
    {{GREY, GREY}, "", 1, 8, 8},
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++) {
    run_to_eos (launch_streams (cases[i].streams[0], cases[i].streams[1],
            cases[i].elements, ""));
    check_images (cases[i].channels, cases[i].width, cases[i].height, 2);
  }
}

/* An image of these caps, after a step on images of IMAGES, ends the run with an
 * error that names both and what to do. The step is saved. */
static void
check_change (const gchar * caps, const gchar * found)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");

  push_images (h, 1, 4);
  gst_harness_set_src_caps_str (h, caps);
  fail_if (gst_harness_push (h, image (5)) == GST_FLOW_OK);
  check_bus_error (GST_ELEMENT_BUS (h->element), found, "videoscale");
  harness_free (h);
  check_saved ("a.bin", 1, 4);
}

TEST (images_that_cannot_become_alike_are_an_error)
{
  check_change ("video/x-raw,width=4,height=4,framerate=30/1,format=GRAY8",
      "from 4x4 RGB to 4x4 GRAY8");
  check_change ("video/x-raw,width=4,height=2,framerate=30/1,format=RGB",
      "from 4x4 RGB to 4x2 RGB");
}

TEST (a_resumed_run_asks_for_images_as_before)
{
  run_to_eos (launch_streams (GREY, GREY, "", ""));
  run_to_eos (launch_streams (WIDE, COLOUR, "videoconvert ! videoscale !",
          "resume=true max-steps=4"));
  check_images (1, 8, 8, 2);
}

TEST (an_initial_model_asks_for_images_like_its_own)
{
  gchar *recipe = g_strdup_printf ("initial-model=%s/first.bin", folder);

  run_to_eos (launch ("%s ! ddpmtrainsink location=%s/first.bin" NET, GREY,
          folder));
  run_to_eos (launch_streams (COLOUR, COLOUR, "videoconvert !", recipe));
  check_images (1, 8, 8, 2);
  assert_error (launch_streams (COLOUR, COLOUR, "", recipe), SETTINGS_ERROR,
      "first.bin");
  g_free (recipe);
}

/* Returns: how many warnings name pixel-aspect-ratio */
static guint
count_pixel_warnings (const gchar * elements)
{
  GstElement *pipeline = launch_streams (WIDE ",pixel-aspect-ratio=2/1", WIDE,
      elements, "");
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  guint n = 0;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while ((message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
              GST_MESSAGE_WARNING | GST_MESSAGE_EOS))) {
    g_autoptr (GError) error = NULL;
    gboolean ended = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;

    if (!ended)
      gst_message_parse_warning (message, &error, NULL);
    gst_message_unref (message);
    if (ended)
      break;
    n += strstr (error->message, "pixel-aspect-ratio=2/1") != NULL;
  }
  gst_object_unref (bus);
  stop_and_free (pipeline);
  return n;
}

TEST (pixels_that_are_not_square_are_a_warning)
{
  const gchar *const square[] = { "videoconvert ! videoscale !",
    "videoconvert ! videoscale ! video/x-raw,width=4,height=4 !"
  };
  guint i;

  fail_unless_equals_int (count_pixel_warnings ("videoconvert !"), 1);
  for (i = 0; i < G_N_ELEMENTS (square); i++)
    fail_unless_equals_int (count_pixel_warnings (square[i]), 0);
}

ELEMENT_TEST_MAIN (checked, make_folder, remove_folder)
