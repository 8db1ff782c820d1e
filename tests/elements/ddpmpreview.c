/* gst-ddpm: tests of ddpmtrainsink's preview
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/ddpm.h"
#include "tests/support/train-test.h"

#define PREVIEW " train.preview ! appsink name=sink sync=false"

/* max-steps=4, and their preview */
static GstElement *
launch_preview (const gchar * properties)
{
  return launch (VIDEO " ! ddpmtrainsink "
      "name=train location=%s/a.bin max-steps=4" NET "%s" PREVIEW, folder,
      properties);
}

static guint
count_frames (const gchar * properties)
{
  GstElement *pipeline = launch_preview (properties);
  guint n;

  play (pipeline);
  n = drain (pipeline);
  wait_for_eos (pipeline);
  stop_and_free (pipeline);
  return n;
}

TEST (previews_come_every_interval_or_at_the_end)
{
  fail_unless_equals_int (count_frames ("preview-count=2"), 2);
  fail_unless_equals_int (count_frames ("preview-interval=2"), 2 * 5);
  fail_unless_equals_int (count_frames ("preview-interval=3"), 5);
}

/* What the library makes of a checkpoint, RGB as in a buffer of 4 x 4 */
static guint8 *
sample_checkpoint (const gchar * name, const DdpmSamplerSpec * spec,
    guint64 seed, guint index)
{
  DdpmBackend *backend = ddpm_backend_new (DDPM_BACKEND_REFERENCE,
      DDPM_PRECISION_F32, 0, NULL);
  DdpmModel *model = load_model (name);
  DdpmDenoiser *denoiser =
      ddpm_denoiser_new (model, backend, 1, 4, 4, spec, NULL);
  guint8 *pixels = g_malloc (IMAGE_SIZE);
  gfloat x[IMAGE_SIZE];

  ddpm_noise_normal (seed, index, DDPM_STREAM_X_T, 0, IMAGE_SIZE, x);
  ddpm_denoiser_begin (denoiser, x, seed, index);
  while (ddpm_denoiser_step (denoiser));
  fail_unless (ddpm_denoiser_read (denoiser, x, NULL));
  ddpm_pixels_from_float (model->config.data_range, x, IMAGE_SIZE, pixels);
  ddpm_denoiser_free (denoiser);
  ddpm_model_unref (model);
  ddpm_backend_unref (backend);
  return pixels;
}

/* Two frames, a second each, which the library would make so */
static void
check_previews (const gchar * properties, const DdpmSamplerSpec * spec,
    guint64 seed)
{
  GstElement *pipeline = launch_preview (properties);
  guint i;

  play (pipeline);
  for (i = 0; i < 2; i++) {
    GstSample *sample = pull (pipeline);
    GstBuffer *buffer = gst_sample_get_buffer (sample);
    guint8 *expected = sample_checkpoint ("a.bin", spec, seed, i);

    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), i * GST_SECOND);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer), GST_SECOND);
    fail_unless_equals_int (gst_buffer_get_size (buffer), IMAGE_SIZE);
    fail_unless (gst_buffer_memcmp (buffer, 0, expected, IMAGE_SIZE) == 0);
    g_free (expected);
    gst_sample_unref (sample);
  }
  fail_unless (pull (pipeline) == NULL);
  stop_and_free (pipeline);
}

TEST (previews_are_samples_of_the_model)
{
  const DdpmSamplerSpec all = {.kind = DDPM_SAMPLER_DDPM,.clip_x0 = TRUE,
    .start = 10
  };
  const DdpmSamplerSpec automatic = {.kind = DDPM_SAMPLER_DDIM,.clip_x0 = TRUE,
    .steps = 10,.spacing = DDPM_SPACING_QUADRATIC,.eta = 1.0,.start = 10
  };
  const DdpmSamplerSpec few = {.kind = DDPM_SAMPLER_DDIM,.clip_x0 = TRUE,
    .steps = 3,.spacing = DDPM_SPACING_QUADRATIC,.eta = 1.0,.start = 10
  };

  check_previews ("preview-count=2 preview-seed=7", &automatic, 7);
  check_previews ("preview-count=2 preview-seed=7 preview-steps=10", &all, 7);
  check_previews ("preview-count=2 preview-seed=8 preview-steps=3", &few, 8);
}

TEST (previews_change_nothing_in_the_training)
{
  count_frames ("preview-interval=1 preview-steps=3");
  train ("b.bin", "max-steps=4");
  fail_unless (runs_equal ("a.bin", "b.bin"));
}

TEST (grey_models_have_grey_previews)
{
  GstElement *pipeline = launch ("videotestsrc num-buffers=4 ! "
      "video/x-raw,width=4,height=4,format=GRAY8 ! ddpmtrainsink name=train "
      "location=%s/a.bin" NET PREVIEW, folder);
  GstSample *sample;
  GstStructure *s;

  play (pipeline);
  sample = pull (pipeline);
  s = gst_caps_get_structure (gst_sample_get_caps (sample), 0);
  fail_unless_equals_string (gst_structure_get_string (s, "format"), "GRAY8");
  gst_sample_unref (sample);
  stop_and_free (pipeline);
}

/* A harness of the sink with its preview */
static GstHarness *
harness_preview (const gchar * properties)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, properties);
  GstPad *pad = gst_element_request_pad_simple (h->element, "preview");

  gst_harness_add_element_src_pad (h, pad);
  gst_object_unref (pad);
  return h;
}

/* The number of frames before EOS */
static guint
pull_to_eos (GstHarness * h)
{
  GstEventType type = GST_EVENT_UNKNOWN;
  guint n;

  while (type != GST_EVENT_EOS) {
    GstEvent *event = gst_harness_pull_event (h);

    fail_unless (event != NULL);
    type = GST_EVENT_TYPE (event);
    gst_event_unref (event);
  }
  for (n = 0; gst_harness_buffers_in_queue (h) > 0; n++)
    gst_buffer_unref (gst_harness_pull (h));
  return n;
}

/* The number of previews of three epochs */
static guint
count_previews_of_epochs (guint epoch_size)
{
  GstHarness *h = harness_preview ("preview-count=1 preview-steps=1");
  guint n;

  push_epochs (h, 3 * epoch_size, epoch_size);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  n = pull_to_eos (h);
  harness_free (h);
  return n;
}

/* An epoch of seven images is 21 evaluations, which is worth one for a preview;
 * two epochs of four images are, too. */
TEST (previews_come_after_epochs_and_take_a_twentieth)
{
  fail_unless_equals_int (count_previews_of_epochs (7), 3);
  fail_unless_equals_int (count_previews_of_epochs (4), 2);
  fail_unless_equals_int (count_previews_of_epochs (2), 1);
}

TEST (sinks_behind_it_need_not_preroll)
{
  GstElement *pipeline = launch ("videotestsrc ! " IMAGES " ! ddpmtrainsink "
      "name=train location=%s/a.bin max-steps=1" NET
      "train.preview ! fakesink sync=false", folder);

  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_NO_PREROLL);
  run_to_eos (pipeline);
}

TEST (nobody_needs_to_look)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "preview-interval=1 "
      "max-steps=1");
  GstPad *pad = gst_element_request_pad_simple (h->element, "preview");
  guint i;

  fail_unless (pad != NULL);
  for (i = 0; i < 4; i++)
    gst_harness_push (h, image (i));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_saved ("a.bin", 1, 4);
  gst_element_release_request_pad (h->element, pad);
  gst_object_unref (pad);
  harness_free (h);
}

/* Two previews wait: one that is being made, of 15000 steps, and another. */
TEST (stop_in_a_preview_is_soon)
{
  GstElement *pipeline = launch_preview ("preview-interval=1 timesteps=15000");

  play (pipeline);
  for (;;) {
    GstMessage *message = wait_for (pipeline, GST_MESSAGE_ELEMENT);
    guint64 step = 0;

    if (gst_message_has_name (message, "ddpmtrainsink-progress"))
      gst_structure_get_uint64 (gst_message_get_structure (message), "step",
          &step);
    gst_message_unref (message);
    if (step == 3)
      break;
  }
  stop_and_free (pipeline);
}

TEST (previews_begin_again_after_a_flush)
{
  GstHarness *h = harness_preview ("preview-count=1");
  guint round;

  for (round = 0; round < 2; round++) {
    push_images (h, 0, 3);
    fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
    fail_unless_equals_int (pull_to_eos (h), 1);
    flush_harness (h);
  }
  harness_free (h);
}

ELEMENT_TEST_MAIN (checked, make_folder, remove_folder)
