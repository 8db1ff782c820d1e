/* gst-ddpm: tests of ddpmtrainsink: labels, and other models to start from
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "tests/support/train-test.h"

/* Where groups of a norm have one channel, it takes away what a label adds. */
#define LABELS " channels=64 classes=3 label-dropout=0 "

/* Image n of a data set; label -1: none */
static GstBuffer *
labelled_image_of (guint n, guint size, gint label)
{
  GstBuffer *buffer = image_of_epoch (0, n, size);
  GstCustomMeta *meta =
      gst_buffer_get_custom_meta (buffer, "GstDdpmSampleMeta");

  gst_structure_set (gst_custom_meta_get_structure (meta), "label", G_TYPE_INT,
      label, NULL);
  return buffer;
}

static GstBuffer *
labelled_image (guint n, gint label)
{
  return labelled_image_of (n, 100, label);
}

static gboolean
set_field (GQuark field, const GValue * value, gpointer structure)
{
  gst_structure_id_set_value (structure, field, value);
  return TRUE;
}

/* Image n with a meta of these fields, "label=(uint)1,epoch=0" */
static GstBuffer *
image_with (guint n, const gchar * fields)
{
  GstBuffer *buffer = image (n);
  GstCustomMeta *meta =
      gst_buffer_add_custom_meta (buffer, "GstDdpmSampleMeta");
  gchar *text = g_strdup_printf ("meta,%s", fields);
  GstStructure *structure = gst_structure_from_string (text, NULL);

  fail_unless (structure != NULL, "%s", fields);
  gst_structure_foreach (structure, set_field,
      gst_custom_meta_get_structure (meta));
  gst_structure_free (structure);
  g_free (text);
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

/* expected: for each class, whether the model of a file has learnt its label,
 * as 0 or 1 */
static void
check_trained (const gchar * name, const gchar * expected)
{
  DdpmModel *model = load_model (name);
  guint i;

  fail_unless_equals_int (model->config.classes, strlen (expected));
  for (i = 0; expected[i]; i++)
    fail_unless_equals_int (is_trained (model, i), expected[i] == '1');
  ddpm_model_unref (model);
}

TEST (labels_of_images_are_trained)
{
  learn ("a.bin", 8, LABELS);
  check_trained ("a.bin", "110");
}

TEST (labels_are_integers_of_any_type)
{
  const gchar *const metas[] = { "label=1", "label=(uint)1", "label=(gint64)1",
    "label=(guint64)1", "label=1,index=7,epoch=0,position=0,epoch-size=100",
    "label=(uint)1,epoch=(uint)0", "label=(gint64)1,position=(gint64)3"
  };
  guint i, j;

  for (i = 0; i < G_N_ELEMENTS (metas); i++) {
    GstHarness *h = harness_training ("a.bin", IMAGES, LABELS);

    for (j = 0; j < 4; j++)
      push_ok (h, image_with (j, metas[i]));
    fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
    harness_free (h);
    check_trained ("a.bin", "010");
  }
}

TEST (labels_may_stand_in_the_caps)
{
  const gchar *const sources[] = {
    "videotestsrc num-buffers=4 ! " IMAGES ",label=1",
    "videotestsrc num-buffers=4 ! " IMAGES ",label=1 ! gdppay ! gdpdepay",
    "videotestsrc num-buffers=4 ! video/x-raw,format=I420,width=8,height=8,"
        "label=(guint64)1 ! queue ! videoconvert ! videoscale ! " IMAGES,
    "videotestsrc num-buffers=4 ! compositor ! " IMAGES " ! capssetter "
        "caps=video/x-raw,label=1"
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (sources); i++) {
    run_to_eos (launch ("%s ! ddpmtrainsink location=%s/a.bin" NET LABELS,
            sources[i], folder));
    check_trained ("a.bin", "010");
  }
}

TEST (each_part_of_a_stream_has_its_label)
{
  run_to_eos (launch ("concat name=all ! ddpmtrainsink location=%s/a.bin" NET
          LABELS "videotestsrc num-buffers=2 ! " IMAGES ",label=2 ! all. "
          "videotestsrc num-buffers=2 ! " IMAGES ",label=0 ! all.", folder));
  check_trained ("a.bin", "101");
}

TEST (the_label_of_an_image_goes_before_that_of_the_caps)
{
  GstHarness *h = harness_training ("a.bin", IMAGES ",label=0", LABELS);
  guint i;

  for (i = 0; i < 4; i++)
    push_ok (h, image_with (i, "label=2"));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  harness_free (h);
  check_trained ("a.bin", "001");
}

TEST (a_label_that_is_no_integer_is_an_error)
{
  const gchar *const metas[] = { "label=ship", "label=(string)1", "label=1.0",
    "label=(uint)4294967295", "label=(gint64)4294967296",
    "label=(guint64)18446744073709551615", "label=1,epoch=(string)0",
    "label=1,index=-1"
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (metas); i++) {
    GstHarness *h = harness_training ("a.bin", IMAGES, LABELS);

    fail_unless_equals_int (gst_harness_push (h, image_with (0, metas[i])),
        GST_FLOW_ERROR);
    check_bus_error (GST_ELEMENT_BUS (h->element), "GstDdpmSampleMeta",
        "expected an integer");
    harness_free (h);
  }
  assert_error (launch ("videotestsrc ! " IMAGES ",label=ship ! ddpmtrainsink "
          "location=%s/a.bin" NET LABELS, folder), FORMAT_ERROR, "caps",
      "label", "ship");
  fail_if (exists ("a.bin"));
}

/* --- missing labels ------------------------------------------------------- */

/* Counts the warnings that say this. No other one is expected, but that a file is
 * replaced. */
static guint
count_warnings (GstHarness * h, const gchar * words)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (GST_ELEMENT_BUS (h->element),
              GST_MESSAGE_WARNING))) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_warning (message, &error, NULL);
    if (strstr (error->message, words))
      n++;
    else
      fail_unless (strstr (error->message, "is there already") != NULL, "%s",
          error->message);
    gst_message_unref (message);
  }
  return n;
}

TEST (a_first_batch_without_labels_is_a_warning)
{
  const struct
  {
    const gchar *properties, *meta;
    guint n_warnings;
  } cases[] = {
    {LABELS, NULL, 1},
    {LABELS, "index=3", 1},
    {LABELS, "label=-1", 0},
    {LABELS, "label=2", 0},
    {"", NULL, 0},
  };
  guint i, j;

  for (i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstHarness *h = harness_training ("a.bin", IMAGES, cases[i].properties);

    for (j = 0; j < 8; j++)
      push_ok (h, cases[i].meta ? image_with (j, cases[i].meta) : image (j));
    fail_unless_equals_int (count_warnings (h, "no labels"),
        cases[i].n_warnings);
    harness_free (h);
  }
}

TEST (an_epoch_without_labels_is_an_error)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, LABELS);
  guint i;

  for (i = 0; i < 7; i++)
    push_ok (h, labelled_image_of (i, 8, -1));
  fail_unless_equals_int (gst_harness_push (h, labelled_image_of (7, 8, -1)),
      GST_FLOW_ERROR);
  check_bus_error (GST_ELEMENT_BUS (h->element), "No image had a label",
      "2 steps");
  harness_free (h);
  check_saved ("a.bin", 2, 8);
}

TEST (a_thousand_steps_without_labels_are_an_error)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, LABELS "channels=32 "
      "batch-size=1 threads=1 backend=cpu progress-interval=60");

  push_images (h, 1, 999);
  fail_unless_equals_int (gst_harness_push (h, image (1000)), GST_FLOW_ERROR);
  check_bus_error (GST_ELEMENT_BUS (h->element), "No image had a label",
      "1000 steps");
  harness_free (h);
  check_saved ("a.bin", 1000, 1000);
}

TEST (images_without_labels_teach_none)
{
  train ("a.bin", LABELS "max-steps=2");
  check_trained ("a.bin", "000");
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

TEST (steps_before_a_wrong_label_are_saved)
{
  const gchar *const metas[] = { "label=3", "label=ship" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (metas); i++) {
    GstHarness *h = harness_training ("a.bin", IMAGES, LABELS);
    guint n;

    for (n = 0; n < 4; n++)
      push_ok (h, labelled_image (n, 0));
    fail_unless_equals_int (gst_harness_push (h, image_with (n, metas[i])),
        GST_FLOW_ERROR);
    check_bus_error (GST_ELEMENT_BUS (h->element), "label", "step 1 has been "
        "saved");
    harness_free (h);
    check_saved ("a.bin", 1, 4);
  }
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

static gchar *
starting_from (const gchar * name, const gchar * properties)
{
  return g_strdup_printf ("initial-model=%s/%s %s", folder, name, properties);
}

/* --- names ---------------------------------------------------------------- */

/* Learns with these properties and, if not NULL, a tag, twice */
static void
check_names (const gchar * properties, const gchar * tag,
    const gchar * expected, gboolean warned)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, properties);
  DdpmModel *model;
  gchar *names;
  guint i;

  for (i = 0; tag && i < 2; i++)
    fail_unless (gst_harness_push_event (h, gst_event_new_tag (gst_tag_list_new
                ("ddpm-class-names", tag, NULL))));
  push_ok (h, labelled_image (0, 0));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_int (count_warnings (h, "class names that the source"),
      warned);
  harness_free (h);
  model = load_model ("a.bin");
  names = model->class_names ? g_strjoinv (",", model->class_names) : NULL;
  fail_unless_equals_string (names, expected);
  g_free (names);
  ddpm_model_unref (model);
}

TEST (names_are_those_of_the_property_or_the_source)
{
  check_names ("classes=3", NULL, NULL, FALSE);
  check_names ("classes=3", "cat,dog,ship", "cat,dog,ship", FALSE);
  check_names ("classes=3 class-names=a,b,c", "cat,dog", "a,b,c", FALSE);
}

TEST (names_of_other_classes_are_none_and_warned_of)
{
  check_names ("classes=3", "cat,dog", NULL, TRUE);
  check_names ("classes=3", "cat,,dog", NULL, TRUE);
  check_names ("classes=0", "cat,dog,ship", NULL, FALSE);
}

static guint
count_classes (const gchar * name)
{
  DdpmModel *model = load_model (name);
  const guint classes = model->config.classes;

  ddpm_model_unref (model);
  return classes;
}

/* Without classes= */
TEST (classes_that_are_named_are_learnt)
{
  check_names ("", "cat,dog,ship", "cat,dog,ship", FALSE);
  fail_unless_equals_int (count_classes ("a.bin"), 3);
  check_names ("class-names=a,b", "cat,dog,ship", "a,b", FALSE);
  fail_unless_equals_int (count_classes ("a.bin"), 2);
  check_names ("", NULL, NULL, FALSE);
  fail_unless_equals_int (count_classes ("a.bin"), 0);
  check_names ("", "cat,,dog", NULL, TRUE);
}

/* Which the source may name otherwise */
TEST (classes_are_those_of_the_models_that_a_run_starts_from)
{
  gchar *properties;

  learn ("first.bin", 4, "channels=64 classes=3");
  properties = starting_from ("first.bin", "channels=64");
  check_names (properties, "cat,dog", NULL, TRUE);
  fail_unless_equals_int (count_classes ("a.bin"), 3);
  g_free (properties);
  properties = g_strdup_printf ("channels=64 teacher-model=%s/first.bin",
      folder);
  check_names (properties, NULL, NULL, FALSE);
  fail_unless_equals_int (count_classes ("a.bin"), 3);
  g_free (properties);
}

TEST (model_without_classes_learns_those_that_are_named)
{
  gchar *properties;

  learn ("first.bin", 4, "channels=64");
  properties = starting_from ("first.bin", "channels=64");
  check_names (properties, "cat,dog", "cat,dog", FALSE);
  fail_unless_equals_int (count_classes ("a.bin"), 2);
  g_free (properties);
}

TEST (names_that_cannot_be_are_an_error)
{
  const gchar *const wrong[] = { "classes=3 class-names=a,b",
    "classes=3 class-names=a,,b", "classes=0 class-names=a", "class-names=a,,b"
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_error (launch_training ("a.bin", wrong[i]), SETTINGS_ERROR,
        "class-names=");
}

/* --- another model to start from -------------------------------------------- */

/* So slow that no weight moves */
#define STILL " learning-rate=1e-30 "

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
