/* gst-ddpm: every element through its states, with no property set
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/element-test.h"

#define MAX_STATES 8

/* Ends with 0; each comes from the one before, the first from NULL. */
static const GstState sequences[][MAX_STATES] = {
  {GST_STATE_READY, GST_STATE_NULL},
  {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED,
      GST_STATE_READY, GST_STATE_NULL},
  {GST_STATE_PLAYING, GST_STATE_NULL},
  {GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_READY,
      GST_STATE_PLAYING, GST_STATE_READY, GST_STATE_NULL},
};

static guint
pop_errors (GstBus * bus)
{
  GstMessage *message;
  guint n;

  for (n = 0; (message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR)); n++) {
    GError *error;

    gst_message_parse_error (message, &error, NULL);
    fail_unless (*error->message != '\0');
    g_error_free (error);
    gst_message_unref (message);
  }
  return n;
}

/* A source is given somewhere to go to: to run unlinked is an error. */
static GstElement *
make_pipeline (const gchar * name)
{
  GstElement *pipeline = gst_pipeline_new (NULL);
  GstElement *element = gst_element_factory_make (name, NULL);
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);

  fail_unless (element != NULL && sink != NULL);
  gst_bin_add (GST_BIN (pipeline), element);
  if (GST_OBJECT_FLAG_IS_SET (element, GST_ELEMENT_FLAG_SOURCE)) {
    gst_bin_add (GST_BIN (pipeline), sink);
    fail_unless (gst_element_link (element, sink));
  } else {
    gst_object_unref (gst_object_ref_sink (sink));
  }
  return pipeline;
}

/* Each state is reached without an error, or not reached with one. */
static void
run_sequence (const gchar * name, const GstState * states)
{
  GstElement *pipeline = make_pipeline (name);
  GstBus *bus = gst_element_get_bus (pipeline);
  guint i;

  /* to read the errors when NULL is reached */
  gst_pipeline_set_auto_flush_bus (GST_PIPELINE (pipeline), FALSE);
  for (i = 0; states[i] != 0; i++) {
    GstStateChangeReturn ret = gst_element_set_state (pipeline, states[i]);

    fail_unless_equals_int (pop_errors (bus), ret == GST_STATE_CHANGE_FAILURE);
    if (ret == GST_STATE_CHANGE_FAILURE)
      fail_unless (states[i] > GST_STATE_READY, "%s: no way to %s", name,
          gst_element_state_get_name (states[i]));
  }
  gst_object_unref (bus);
  stop_and_free (pipeline);
}

static void
run_sequences (const gchar * name)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (sequences); i++)
    run_sequence (name, sequences[i]);
}

TEST (every_element)
{
  GList *features = gst_registry_get_feature_list_by_plugin (gst_registry_get
      (), "ddpm");
  GList *l;

  for (l = features; l; l = l->next)
    if (GST_IS_ELEMENT_FACTORY (l->data))
      run_sequences (gst_plugin_feature_get_name (l->data));
  gst_plugin_feature_list_free (features);
}

TEST (plugin_has_its_elements)
{
  static const gchar *names[] = { "ddpmnoise", "ddpmdiffuse", "ddpmdenoise",
    "ddpmtrainsink", "cifarsrc", "imagefoldersrc"
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (names); i++) {
    GstElementFactory *factory = gst_element_factory_find (names[i]);

    fail_unless (factory != NULL, "no %s", names[i]);
    fail_unless_equals_string (gst_plugin_feature_get_plugin_name
        (GST_PLUGIN_FEATURE (factory)), "ddpm");
    gst_object_unref (factory);
  }
}

ELEMENT_TEST_MAIN (checked, NULL, NULL)
