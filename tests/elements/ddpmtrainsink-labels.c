/* gst-ddpm: tests of ddpmtrainsink: labels, and other models to start from
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "tests/support/train-test.h"

/* Where groups of a norm have one channel, it takes away what a label adds. */
#define LABELS " channels=64 classes=3 label-dropout=0 "

/* Image n of a data set of 100; label -1: none */
static GstBuffer *
labelled_image (guint n, gint label)
{
  GstBuffer *buffer = image_of_epoch (0, n, 100);
  GstCustomMeta *meta =
      gst_buffer_get_custom_meta (buffer, "GstDdpmSampleMeta");

  gst_structure_set (gst_custom_meta_get_structure (meta), "label", G_TYPE_INT,
      label, NULL);
  return buffer;
}

/* n images with the labels 0, 1, -1, 0, ... and EOS, saved as name */
static void
learn (const gchar * name, guint n, const gchar * properties)
{
  GstHarness *h = harness_training (name, IMAGES, properties);
  guint i;

  for (i = 0; i < n; i++)
    push_ok (h, labelled_image (i, i % 3 == 2 ? -1 : (gint) i % 3));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  harness_free (h);
}

static gboolean
is_trained (const DdpmModel * model, guint class)
{
  const guint dim = 4 * model->config.channels;
  const gfloat *row = model->weights + ddpm_params_find (model->params,
      DDPM_PARAM_LABELS)->offset + class * dim;
  guint i;

  for (i = 0; i < dim; i++)
    if (row[i] != 0)
      return TRUE;
  return FALSE;
}

TEST (labels_of_images_are_trained)
{
  DdpmModel *model;

  learn ("a.bin", 8, LABELS);
  model = load_model ("a.bin");
  fail_unless_equals_int (model->config.classes, 3);
  fail_unless (is_trained (model, 0) && is_trained (model, 1));
  fail_if (is_trained (model, 2));
  ddpm_model_unref (model);
}

TEST (images_without_labels_teach_none)
{
  DdpmModel *model;

  train ("a.bin", LABELS "max-steps=2");
  model = load_model ("a.bin");
  fail_unless_equals_int (model->config.classes, 3);
  fail_if (is_trained (model, 0) || is_trained (model, 1)
      || is_trained (model, 2));
  ddpm_model_unref (model);
}

TEST (without_classes_labels_are_nothing)
{
  DdpmModel *model;

  learn ("a.bin", 4, "");
  model = load_model ("a.bin");
  fail_unless_equals_int (model->config.classes, 0);
  ddpm_model_unref (model);
}

TEST (a_label_that_is_no_class_is_an_error)
{
  const gint labels[] = { 3, -2, G_MAXINT, G_MININT };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (labels); i++) {
    GstHarness *h = harness_training ("a.bin", IMAGES, LABELS);
    gchar *text = g_strdup_printf ("label %d:", labels[i]);

    fail_unless_equals_int (gst_harness_push (h, labelled_image (0,
                labels[i])), GST_FLOW_ERROR);
    check_bus_error (GST_ELEMENT_BUS (h->element), text, "");
    g_free (text);
    harness_free (h);
  }
  fail_if (exists ("a.bin"));
}

TEST (a_run_with_labels_resumes_to_the_bit)
{
  const gchar *recipe = "channels=64 classes=3 label-dropout=0.5 "
      "resume=true";

  learn ("whole.bin", 12, recipe);
  learn ("parts.bin", 4, recipe);
  learn ("parts.bin", 12, recipe);
  fail_unless (runs_equal ("whole.bin", "parts.bin"));
}

/* --- names ---------------------------------------------------------------- */

/* Learns with these properties and, if not NULL, a tag */
static void
check_names (const gchar * properties, const gchar * tag,
    const gchar * expected)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, properties);
  DdpmModel *model;
  gchar *names;

  if (tag)
    fail_unless (gst_harness_push_event (h, gst_event_new_tag (gst_tag_list_new
                ("ddpm-class-names", tag, NULL))));
  push_ok (h, labelled_image (0, 0));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  harness_free (h);
  model = load_model ("a.bin");
  names = model->class_names ? g_strjoinv (",", model->class_names) : NULL;
  fail_unless_equals_string (names, expected);
  g_free (names);
  ddpm_model_unref (model);
}

TEST (names_are_those_of_the_property_or_the_source)
{
  check_names ("classes=3", NULL, NULL);
  check_names ("classes=3", "cat,dog,ship", "cat,dog,ship");
  check_names ("classes=3 class-names=a,b,c", "cat,dog,ship", "a,b,c");
}

TEST (names_of_other_classes_are_none)
{
  check_names ("classes=3", "cat,dog", NULL);
  check_names ("classes=3", "cat,,dog", NULL);
  check_names ("", "cat,dog,ship", NULL);
}

TEST (names_that_cannot_be_are_an_error)
{
  const gchar *const wrong[] = { "classes=3 class-names=a,b",
    "classes=3 class-names=a,,b", "class-names=a"
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_error (launch_training ("a.bin", wrong[i]), SETTINGS_ERROR,
        "class-names=");
}

/* --- another model to start from -------------------------------------------- */

/* So slow that no weight moves */
#define STILL " learning-rate=1e-30 "

static gchar *
starting_from (const gchar * name, const gchar * properties)
{
  return g_strdup_printf ("initial-model=%s/%s %s", folder, name, properties);
}

static void
check_same_beginning (const DdpmModel * a, const DdpmModel * b, gsize count)
{
  gsize i;

  for (i = 0; i < count; i++)
    fail_unless (ABS (a->weights[i] - b->weights[i])
        <= 1e-6 * ABS (b->weights[i]));
}

TEST (training_starts_from_the_initial_model)
{
  gchar *recipe;
  DdpmModel *before, *after;

  train ("first.bin", "channels=64 max-steps=2 seed=5");
  before = load_model ("first.bin");
  recipe = starting_from ("first.bin", STILL LABELS);
  learn ("second.bin", 4, recipe);
  after = load_model ("second.bin");
  fail_unless_equals_int (after->config.classes, 3);
  check_same_beginning (after, before, before->params->trainable);
  ddpm_model_unref (before);
  ddpm_model_unref (after);
  g_free (recipe);
}

TEST (an_initial_model_of_another_network_is_an_error)
{
  const gchar *const others[] = { "res-blocks=2", "timesteps=11",
    "data-range=unit", "schedule=cosine", "channel-mult=1,1"
  };
  guint i;

  train ("first.bin", "max-steps=1");
  for (i = 0; i < G_N_ELEMENTS (others); i++) {
    gchar *recipe = starting_from ("first.bin", others[i]);

    assert_error (launch_training ("a.bin", recipe), SETTINGS_ERROR,
        "first.bin", "expected", "found");
    g_free (recipe);
  }
  fail_if (exists ("a.bin"));
}

TEST (an_initial_model_that_is_not_there_is_an_error)
{
  assert_error (launch_training ("a.bin", "initial-model=/nowhere/ckpt.bin"),
      NOT_FOUND_ERROR, "/nowhere/ckpt.bin");
}

TEST (steps_are_trained_from_a_teacher)
{
  gchar *recipe = g_strdup_printf ("teacher-model=%s/first.bin "
      "initial-model=%s/first.bin teacher-guidance=1 sampling-steps=2 "
      "teacher-steps=3 preview-interval=4 " LABELS, folder, folder);
  DdpmModel *student;

  learn ("first.bin", 4, LABELS);
  learn ("student.bin", 4, recipe);
  student = load_model ("student.bin");
  fail_unless_equals_int (student->config.steps, 2);
  ddpm_model_unref (student);
  g_free (recipe);
}

TEST (guidance_is_trained_from_a_teacher)
{
  gchar *recipe = g_strdup_printf ("teacher-model=%s/first.bin "
      "initial-model=%s/first.bin teacher-guidance=2 " LABELS, folder, folder);
  DdpmModel *student;

  learn ("first.bin", 4, LABELS);
  learn ("student.bin", 4, recipe);
  student = load_model ("student.bin");
  fail_unless (student->config.guidance == 2.0);
  ddpm_model_unref (student);
  g_free (recipe);
}

TEST (what_cannot_teach_is_an_error)
{
  const gchar *const wrong[] = { "/nowhere/ckpt.bin", "first.bin" };
  guint i;

  train ("first.bin", "max-steps=1");
  for (i = 0; i < G_N_ELEMENTS (wrong); i++) {
    gchar *recipe = g_strdup_printf ("prediction-type=v-prediction "
        "teacher-model=%s%s%s", i ? folder : "", i ? "/" : "", wrong[i]);
    GstElement *pipeline = launch_training ("a.bin", recipe);
    GError *error = NULL;

    fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PAUSED),
        GST_STATE_CHANGE_FAILURE);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    run_into_error (pipeline, &error);
    fail_unless (strstr (error->message, wrong[i]) != NULL, "%s",
        error->message);
    g_error_free (error);
    stop_and_free (pipeline);
    g_free (recipe);
  }
  fail_if (exists ("a.bin"));
}

TEST (a_run_that_is_resumed_has_begun)
{
  train ("a.bin", "max-steps=1");
  train ("a.bin", "max-steps=2 resume=true initial-model=/nowhere/ckpt.bin");
  train ("b.bin", "max-steps=2");
  check_saved ("a.bin", 2, 8);
  fail_unless (files_equal ("a.bin", "b.bin"));
}

ELEMENT_TEST_MAIN (checked, make_folder, remove_folder)
