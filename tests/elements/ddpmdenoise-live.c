/* gst-ddpm: tests of ddpmdenoise: settings that change while it plays
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#include "tests/support/denoise-test.h"

#define SETTINGS "backend=reference steps=3 clip-x0=false sampler=ddim eta=0"

static void
write_labelled_models (void)
{
  write_models ();
  write_model_file ("labelled.bin", 3, 10, "cat,dog,ship");
}

static GstHarness *
harness_labelled (const gchar * properties)
{
  return harness_new (launch ("ddpmdenoise name=denoise model=%s/labelled.bin "
          SETTINGS " %s", model_folder, properties), "src",
      "other/tensors,format=static,num_tensors=1,types=float32,"
      "dimensions=(string)3:6:4:1,framerate=10/1");
}

/* Pushes state n, all zeros; its time is n tenths of a second. */
static GstBuffer *
denoise_state (GstHarness * h, guint n)
{
  GstBuffer *state = zero_states (1);

  GST_BUFFER_PTS (state) = n * GST_SECOND / 10;
  GST_BUFFER_DURATION (state) = GST_SECOND / 10;
  GST_BUFFER_OFFSET (state) = n;
  GST_BUFFER_OFFSET_END (state) = n + 1;
  fail_unless_equals_int (gst_harness_push (h, state), GST_FLOW_OK);
  return gst_harness_pull (h);
}

/* The buffer is what an element with these properties makes of state n. */
static void
check_made_with (GstBuffer * buffer, guint n, const gchar * properties)
{
  GstHarness *h = harness_labelled (properties);
  GstBuffer *expected = denoise_state (h, n);

  fail_unless (same_bits (buffer, expected), "expected what %s makes",
      properties);
  gst_buffer_unref (expected);
  gst_buffer_unref (buffer);
  harness_free (h);
}

static guint
count_warnings (GstHarness * h, const gchar * words)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (GST_ELEMENT_BUS (h->element),
              GST_MESSAGE_WARNING))) {
    g_autoptr (GError) warning = NULL;

    gst_message_parse_warning (message, &warning, NULL);
    fail_unless (strstr (warning->message, words) != NULL, "%s",
        warning->message);
    gst_message_unref (message);
    n++;
  }
  return n;
}

TEST (new_values_hold_from_the_next_state_on)
{
  GstHarness *h = harness_labelled ("label=cat");

  check_made_with (denoise_state (h, 0), 0, "label=cat");
  g_object_set (h->element, "label", "ship", NULL);
  check_made_with (denoise_state (h, 1), 1, "label=ship");
  g_object_set (h->element, "guidance", 1.0, NULL);
  check_made_with (denoise_state (h, 2), 2, "label=ship guidance=1");
  g_object_set (h->element, "guidance", 5.0, NULL);
  check_made_with (denoise_state (h, 3), 3, "label=ship guidance=5");
  g_object_set (h->element, "label", "none", NULL);
  check_made_with (denoise_state (h, 4), 4, "label=none guidance=5");
  g_object_set (h->element, "label", "dog", "steps", 5, "eta", 0.5, NULL);
  check_made_with (denoise_state (h, 5), 5, "label=dog guidance=5 steps=5 "
      "eta=0.5");
  fail_unless_equals_int (count_warnings (h, ""), 0);
  harness_free (h);
}

TEST (what_cannot_be_used_is_refused_and_the_old_plays_on)
{
  GstHarness *h = harness_labelled ("label=cat");
  guint n;

  gst_buffer_unref (denoise_state (h, 0));
  g_object_set (h->element, "label", "unicorn", NULL);
  for (n = 1; n < 4; n++)
    check_made_with (denoise_state (h, n), n, "label=cat");
  fail_unless_equals_int (count_warnings (h, "unicorn"), 1);
  g_object_set (h->element, "label", "cat", "steps", 11, NULL);
  check_made_with (denoise_state (h, 4), 4, "label=cat");
  fail_unless_equals_int (count_warnings (h, "steps"), 1);
  g_object_set (h->element, "steps", 3, "label-position", 2.5, NULL);
  check_made_with (denoise_state (h, 5), 5, "label=cat");
  fail_unless_equals_int (count_warnings (h, "label-position=2.5"), 1);
  g_object_set (h->element, "label-position", -1.0, "guidance", 1000.0, NULL);
  check_made_with (denoise_state (h, 6), 6, "label=cat");
  fail_unless_equals_int (count_warnings (h, "guidance"), 1);
  harness_free (h);
}

TEST (another_model_plays_from_the_next_state_on)
{
  GstHarness *h = harness_labelled ("label=cat");
  g_autofree gchar *other = g_strdup_printf ("%s/other.bin", model_folder);
  g_autofree gchar *fixed = g_strdup_printf ("model=%s label=cat", other);

  write_model_file ("other.bin", 3, 10, "mouse,cat");
  gst_buffer_unref (denoise_state (h, 0));
  g_object_set (h->element, "model", other, NULL);
  check_made_with (denoise_state (h, 1), 1, fixed);
  fail_unless_equals_int (count_warnings (h, ""), 0);
  harness_free (h);
}

TEST (model_that_cannot_be_used_is_refused_and_the_old_one_plays_on)
{
  GstHarness *h = harness_labelled ("label=cat");
  g_autofree gchar *grey = g_strdup_printf ("%s/model-1-10.bin", model_folder);
  const gchar *const names[] = { "/nowhere/ckpt.bin", grey };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (names); i++) {
    g_object_set (h->element, "model", names[i], NULL);
    check_made_with (denoise_state (h, 2 * i), 2 * i, "label=cat");
    check_made_with (denoise_state (h, 2 * i + 1), 2 * i + 1, "label=cat");
    fail_unless_equals_int (count_warnings (h, i ? "cat" : names[i]), 1);
  }
  harness_free (h);
}

static void
write_sized_model (const gchar * name, guint size)
{
  g_autofree gchar *path = g_build_filename (model_folder, name, NULL);
  g_autoptr (DdpmModel) model = NULL;

  write_model_file (name, 3, 10, NULL);
  model = ddpm_checkpoint_load (path, NULL);
  fail_unless (model != NULL);
  model->width = model->height = size;
  fail_unless (ddpm_checkpoint_save (model, DDPM_TYPE_F32, path, NULL));
}

/* Frames that are on their way have the old one. */
TEST (model_of_another_size_gets_states_of_its_size)
{
  GstElement *pipeline, *denoise;
  g_autofree gchar *large = g_strdup_printf ("%s/large.bin", model_folder);
  gint width = 0, n;

  write_sized_model ("small.bin", 8);
  write_sized_model ("large.bin", 16);
  pipeline = launch ("ddpmnoise ! ddpmdenoise name=denoise steps=1 "
      "backend=reference model=%s/small.bin ! video/x-raw ! appsink name=sink "
      "sync=false max-buffers=1", model_folder);
  denoise = gst_bin_get_by_name (GST_BIN (pipeline), "denoise");
  play (pipeline);
  for (n = 0; n < 100 && width != 16; n++) {
    GstSample *sample = pull (pipeline);

    fail_unless (gst_structure_get_int (gst_caps_get_structure
            (gst_sample_get_caps (sample), 0), "width", &width));
    fail_unless (width == 16 || width == 8);
    if (n == 0) {
      fail_unless_equals_int (width, 8);
      g_object_set (denoise, "model", large, NULL);
    }
    gst_sample_unref (sample);
  }
  fail_unless_equals_int (width, 16);
  gst_object_unref (denoise);
  stop_and_free (pipeline);
}

TEST (refused_value_does_not_stand_in_the_way_of_others)
{
  GstHarness *h = harness_labelled ("label=cat");

  g_object_set (h->element, "model", "/nowhere/ckpt.bin", NULL);
  check_made_with (denoise_state (h, 0), 0, "label=cat");
  fail_unless_equals_int (count_warnings (h, "/nowhere/ckpt.bin"), 1);
  g_object_set (h->element, "label", "unicorn", "guidance", 1000.0, NULL);
  check_made_with (denoise_state (h, 1), 1, "label=cat");
  fail_unless_equals_int (count_warnings (h, "unicorn"), 1);
  g_object_set (h->element, "steps", 5, NULL);
  check_made_with (denoise_state (h, 2), 2, "label=cat steps=5");
  g_object_set (h->element, "label", "ship", NULL);
  check_made_with (denoise_state (h, 3), 3, "label=ship steps=5");
  fail_unless_equals_int (count_warnings (h, ""), 0);
  harness_free (h);
}

TEST (label_position_is_between_two_classes)
{
  GstHarness *h = harness_labelled ("label-position=1");
  GstBuffer *between, *beside;

  check_made_with (denoise_state (h, 0), 0, "label=dog");
  g_object_set (h->element, "label-position", 2.0, NULL);
  check_made_with (denoise_state (h, 1), 1, "label=ship");
  g_object_set (h->element, "label-position", 1.5, NULL);
  between = denoise_state (h, 2);
  g_object_set (h->element, "label-position", 1.0, NULL);
  beside = denoise_state (h, 2);
  fail_if (same_bits (between, beside));
  gst_buffer_unref (beside);
  gst_buffer_unref (between);
  harness_free (h);
}

/* From 2 to 6 within four states */
TEST (controlled_guidance_is_that_of_each_stream_time)
{
  GstHarness *h = harness_labelled ("label=cat");
  GstControlSource *source = gst_interpolation_control_source_new ();
  GstTimedValueControlSource *values = GST_TIMED_VALUE_CONTROL_SOURCE (source);
  guint n;

  g_object_set (source, "mode", GST_INTERPOLATION_MODE_LINEAR, NULL);
  gst_object_add_control_binding (GST_OBJECT (h->element),
      gst_direct_control_binding_new_absolute (GST_OBJECT (h->element),
          "guidance", source));
  gst_timed_value_control_source_set (values, 0, 2.0);
  gst_timed_value_control_source_set (values, 4 * GST_SECOND / 10, 6.0);
  for (n = 0; n < 4; n++) {
    g_autofree gchar *fixed = g_strdup_printf ("label=cat guidance=%u", 2 + n);

    check_made_with (denoise_state (h, n), n, fixed);
  }
  gst_object_unref (source);
  harness_free (h);
}

ELEMENT_TEST_MAIN (unchecked, write_labelled_models, remove_models)
