/* gst-ddpm: tests of ddpmdenoise with a model of classes
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <stdlib.h>

#include "tests/support/denoise-test.h"

#define NAMES "cat,dog,ship"

static void
write_labelled_models (void)
{
  write_models ();
  write_model_file ("labelled.bin", 3, 10, NAMES);
}

/* The states of samples 0 .. n - 1, or their frames, as many a buffer as batch
 * says; not clipped, since all that is white would be the same */
static GPtrArray *
samples_of (guint n, guint batch, const gchar * properties, const gchar * caps)
{
  g_autofree gchar *element = g_strdup_printf ("ddpmdenoise "
      "backend=reference model=%s/labelled.bin steps=3 clip-x0=false %s",
      model_folder, properties);

  return run (noise (n / batch, 3, batch), element, caps);
}

static GPtrArray *
states_of (guint n, guint batch, const gchar * properties)
{
  return samples_of (n, batch, properties, "other/tensors");
}

static gboolean
same_states (guint n, const gchar * a, const gchar * b)
{
  GPtrArray *states_a = states_of (n, 1, a), *states_b = states_of (n, 1, b);
  gboolean same = TRUE;
  guint i;

  fail_unless_equals_int (states_a->len, n);
  fail_unless_equals_int (states_b->len, n);
  for (i = 0; i < n; i++)
    same &= same_bits (nth_buffer (states_a, i), nth_buffer (states_b, i));
  g_ptr_array_unref (states_a);
  g_ptr_array_unref (states_b);
  return same;
}

TEST (a_label_changes_the_image)
{
  fail_if (same_states (1, "label=cat", "label=ship"));
  fail_if (same_states (1, "label=cat", "label=none"));
}

TEST (a_class_has_a_name_and_a_number)
{
  fail_unless (same_states (1, "label=dog", "label=1"));
}

TEST (guidance_changes_the_image)
{
  fail_unless (same_states (1, "label=dog", "label=dog guidance=3"));
  fail_if (same_states (1, "label=dog", "label=dog guidance=1"));
  fail_unless (same_states (1, "label=none", "label=dog guidance=0"));
}

TEST (samples_take_labels_by_turns)
{
  fail_unless (same_states (5, "", "label=cat,dog,ship"));
  fail_if (same_states (5, "", "label=cat,dog"));
}

TEST (a_sample_does_not_depend_on_its_batch)
{
  const gsize size = 3 * WIDTH * HEIGHT * sizeof (gfloat);
  GPtrArray *alone = states_of (4, 1, ""), *together = states_of (4, 4, "");
  guint i;

  for (i = 0; i < 4; i++) {
    GstBuffer *part = gst_buffer_copy_region (nth_buffer (together, 0),
        GST_BUFFER_COPY_MEMORY, i * size, size);

    fail_unless (same_bits (nth_buffer (alone, i), part));
    gst_buffer_unref (part);
  }
  g_ptr_array_unref (alone);
  g_ptr_array_unref (together);
}

/* --- keyframes ------------------------------------------------------------ */

static GPtrArray *
states_between_keyframes (guint n, guint batch, const gchar * properties)
{
  g_autofree gchar *source = g_strdup_printf ("ddpmnoise num-buffers=%u "
      "keyframe-interval=4 ! other/tensors,dimensions=(string)3:%d:%d:%u",
      n / batch, WIDTH, HEIGHT, batch);
  g_autofree gchar *element = g_strdup_printf ("ddpmdenoise "
      "backend=reference model=%s/labelled.bin steps=3 clip-x0=false %s",
      model_folder, properties);

  return run (source, element, "other/tensors");
}

/* With its noise and its label; every sampler takes noise from keyframes. */
TEST (keyframe_is_the_sample_of_its_number)
{
  const gchar *const samplers[] = { "", "sampler=ddim eta=1", "sampler=ddpm" };
  guint i, k;

  for (i = 0; i < G_N_ELEMENTS (samplers); i++) {
    GPtrArray *samples = states_of (3, 1, samplers[i]);
    GPtrArray *flow = states_between_keyframes (12, 1, samplers[i]);

    for (k = 0; k < 3; k++)
      fail_unless (same_bits (nth_buffer (samples, k), nth_buffer (flow,
                  4 * k)));
    for (k = 1; k < 12; k++)
      fail_if (same_bits (nth_buffer (flow, k - 1), nth_buffer (flow, k)));
    g_ptr_array_unref (samples);
    g_ptr_array_unref (flow);
  }
}

TEST (sample_between_keyframes_does_not_depend_on_its_batch)
{
  const gsize size = 3 * WIDTH * HEIGHT * sizeof (gfloat);
  const gchar *properties = "sampler=ddpm guidance=2 label=cat,none,ship";
  GPtrArray *alone = states_between_keyframes (12, 1, properties);
  GPtrArray *together = states_between_keyframes (12, 6, properties);
  guint i;

  for (i = 0; i < 12; i++) {
    GstBuffer *part = gst_buffer_copy_region (nth_buffer (together, i / 6),
        GST_BUFFER_COPY_MEMORY, i % 6 * size, size);

    fail_unless (same_bits (nth_buffer (alone, i), part));
    gst_buffer_unref (part);
  }
  g_ptr_array_unref (alone);
  g_ptr_array_unref (together);
}

#define FLOW "ddpmnoise num-buffers=25 keyframe-interval=16"

static gdouble
get_distance (GstBuffer * a, GstBuffer * b)
{
  GstMapInfo map_a, map_b;
  gdouble sum = 0;
  gsize i;

  fail_unless (gst_buffer_map (a, &map_a, GST_MAP_READ));
  fail_unless (gst_buffer_map (b, &map_b, GST_MAP_READ));
  for (i = 0; i < map_a.size / sizeof (gfloat); i++) {
    const gdouble difference = ((const gfloat *) map_a.data)[i]
        - ((const gfloat *) map_b.data)[i];

    sum += difference * difference;
  }
  gst_buffer_unmap (a, &map_a);
  gst_buffer_unmap (b, &map_b);
  return sqrt (sum);
}

static gint
compare_doubles (gconstpointer a, gconstpointer b)
{
  return *(const gdouble *) a < *(const gdouble *) b ? -1 : 1;
}

/* The built-in model */
TEST (images_flow_without_jumps)
{
  GPtrArray *frames = run (FLOW, "ddpmdenoise precision=f32", "other/tensors");
  gdouble distances[24];
  guint i;

  fail_unless_equals_int (frames->len, 25);
  for (i = 0; i < 24; i++)
    distances[i] = get_distance (nth_buffer (frames, i), nth_buffer (frames,
            i + 1));
  qsort (distances, 24, sizeof (gdouble), compare_doubles);
  fail_unless (distances[0] > 0.0);
  fail_unless (distances[23] <= 3.0 * distances[12]);
  g_ptr_array_unref (frames);
}

TEST (seek_gives_the_bits_of_a_frame_between_keyframes)
{
  GPtrArray *frames = run ("ddpmnoise num-buffers=6 keyframe-interval=16",
      "ddpmdenoise precision=f32", "video/x-raw");
  GstElement *pipeline = launch (FLOW " ! ddpmdenoise precision=f32 ! "
      "video/x-raw ! appsink name=sink sync=false");
  GstSample *sample;

  play (pipeline);
  gst_sample_unref (pull (pipeline));
  seek_to (pipeline, GST_FORMAT_TIME, 5 * GST_SECOND / 30);
  sample = pull (pipeline);
  fail_unless (same_bits (gst_sample_get_buffer (sample), nth_buffer (frames,
              5)));
  gst_sample_unref (sample);
  g_ptr_array_unref (frames);
  stop_and_free (pipeline);
}

/* --- frames --------------------------------------------------------------- */

/* In buffers of one sample, or of four */
static void
check_labels (guint batch)
{
  const gint expected[] = { 2, -1, 2, -1 };
  GPtrArray *frames = samples_of (4, batch, "label=ship,none", "video/x-raw");
  guint i;

  for (i = 0; i < 4; i++) {
    GstCustomMeta *meta = gst_buffer_get_custom_meta (nth_buffer (frames, i),
        "GstDdpmSampleMeta");
    guint64 index;
    gint label;

    fail_unless (meta != NULL);
    fail_unless (gst_structure_get (gst_custom_meta_get_structure (meta),
            "label", G_TYPE_INT, &label, "index", G_TYPE_UINT64, &index, NULL));
    fail_unless_equals_int (label, expected[i]);
    fail_unless_equals_uint64 (index, i);
  }
  g_ptr_array_unref (frames);
}

TEST (the_message_tells_the_classes)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=1 ! ddpmdenoise "
      "backend=reference model=%s/labelled.bin steps=1 ! video/x-raw ! "
      "appsink name=sink sync=false", model_folder);
  const GstStructure *s;
  GstMessage *message;

  play (pipeline);
  message = wait_for (pipeline, GST_MESSAGE_ELEMENT);
  s = gst_message_get_structure (message);
  fail_unless (gst_structure_has_name (s, "ddpmdenoise-model"));
  fail_unless_equals_string (gst_structure_get_string (s, "class-names"),
      NAMES);
  gst_message_unref (message);
  stop_and_free (pipeline);
}

TEST (a_frame_tells_its_label)
{
  check_labels (1);
  check_labels (4);
}

TEST (guidance_is_nothing_to_a_model_without_classes)
{
  GPtrArray *a = run (noise (1, 3, 1), denoise (3, 10, "steps=3"),
      "video/x-raw");
  GPtrArray *b = run (noise (1, 3, 1), denoise (3, 10,
          "steps=3 guidance=7 label=none"), "video/x-raw");

  check_same (a, 0, b, 0);
  fail_unless (gst_buffer_get_custom_meta (nth_buffer (a, 0),
          "GstDdpmSampleMeta") == NULL);
  g_ptr_array_unref (a);
  g_ptr_array_unref (b);
}

static void
check_error (const gchar * model, const gchar * label, const gchar * text)
{
  assert_one_error (launch ("ddpmnoise num-buffers=1 ! ddpmdenoise "
          "backend=reference model=%s/%s label=%s ! video/x-raw ! "
          "appsink name=sink", model_folder, model, label), SETTINGS_ERROR,
      text, model);
}

TEST (a_label_that_is_no_class_is_one_error)
{
  check_error ("labelled.bin", "horse", "cat, dog, ship");
  check_error ("labelled.bin", "3", "0 to 2");
  check_error ("model-3-10.bin", "cat", "has no classes");
}

ELEMENT_TEST_MAIN (unchecked, write_labelled_models, remove_models)
