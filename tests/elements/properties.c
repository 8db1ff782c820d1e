/* gst-ddpm: tests of the table of properties that an element has
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/properties.h"
#include "gst-ddpm/ddpm.h"
#include "tests/support/denoise-test.h"
#include "tests/support/train-test.h"

/* --- an element with a property of each kind -------------------------------- */

typedef struct
{
  gboolean flag;
  gint level;
  guint count;
  guint64 seed;
  gdouble rate;
  gchar *label;
  gint choice;
} Settings;

typedef struct
{
  GstElement parent;
  Settings settings;
} TestElement;

typedef GstElementClass TestElementClass;

static GType test_element_get_type (void);
G_DEFINE_TYPE (TestElement, test_element, GST_TYPE_ELEMENT);

static GstStructure *
read_stats (GObject * object)
{
  return gst_structure_new ("stats", "level", G_TYPE_INT,
      ((TestElement *) object)->settings.level, NULL);
}

static const GEnumValue choices[] = {
  {-1, "Automatic", "auto"},
  {1, "The first", "first"},
  {0, NULL, NULL},
};

#define AT(member) G_STRUCT_OFFSET (Settings, member)

/* *INDENT-OFF* */
static const GstDdpmProperty properties[] = {
  {"flag", "Flag", "A flag", GST_DDPM_BOOLEAN, AT (flag)},
  {"level", "Level", "An int", GST_DDPM_INT, AT (level), -1, 10},
  {"count", "Count", "A uint", GST_DDPM_UINT, AT (count), 1, 10},
  {"seed", "Seed", "A uint64", GST_DDPM_UINT64, AT (seed), 0,
      GST_DDPM_MAX_SEED},
  {"rate", "Rate", "A double", GST_DDPM_DOUBLE, AT (rate), 0, 1,
      .flags = GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE},
  {"label", "Label", "A string", GST_DDPM_STRING, AT (label)},
  {"title", "Title", "Use label", GST_DDPM_STRING, AT (label),
      .flags = G_PARAM_DEPRECATED},
  {"choice", "Choice", "An enum", GST_DDPM_ENUM, AT (choice),
      .enum_name = "TestChoice", .enum_values = choices},
  {"stats", "Statistics", "A structure", GST_DDPM_STRUCTURE,
      .read = read_stats},
};
/* *INDENT-ON* */

static void
settings_init (gpointer settings)
{
  const Settings defaults = { TRUE, -1, 5, 7, 0.5,
    g_strdup ("cat"), -1
  };

  *(Settings *) settings = defaults;
}

static const GstDdpmPropertyTable table = {
  properties, G_N_ELEMENTS (properties),
  G_STRUCT_OFFSET (TestElement, settings), sizeof (Settings), settings_init
};

static void
test_element_finalize (GObject * object)
{
  gst_ddpm_settings_clear (&table, &((TestElement *) object)->settings);
  G_OBJECT_CLASS (test_element_parent_class)->finalize (object);
}

static void
test_element_class_init (TestElementClass * klass)
{
  gst_element_class_set_static_metadata (klass, "Test", "Test", "Test",
      "gst-ddpm");
  G_OBJECT_CLASS (klass)->finalize = test_element_finalize;
  gst_ddpm_properties_install (G_OBJECT_CLASS (klass), &table);
}

static void
test_element_init (TestElement * self)
{
  table.init (&self->settings);
}

static GstElement *
new_element (void)
{
  return gst_object_ref_sink (g_object_new (test_element_get_type (), NULL));
}

static GParamSpec *
find_spec (GstElement * element, const gchar * name)
{
  return g_object_class_find_property (G_OBJECT_GET_CLASS (element), name);
}

/* --- the tests -------------------------------------------------------------- */

TEST (specs_show_range_default_and_state)
{
  GstElement *element = new_element ();
  GParamSpecInt *level = G_PARAM_SPEC_INT (find_spec (element, "level"));
  GParamSpecUInt64 *seed = G_PARAM_SPEC_UINT64 (find_spec (element, "seed"));
  GParamSpec *rate = find_spec (element, "rate");
  GParamSpec *stats = find_spec (element, "stats");

  fail_unless_equals_int (level->minimum, -1);
  fail_unless_equals_int (level->maximum, 10);
  fail_unless_equals_int (level->default_value, -1);
  fail_unless (seed->minimum == 0 && seed->maximum == GST_DDPM_MAX_SEED);
  fail_unless (((GParamSpec *) level)->flags & GST_PARAM_MUTABLE_READY);
  fail_if (rate->flags & GST_PARAM_MUTABLE_READY);
  fail_unless (rate->flags & GST_PARAM_CONTROLLABLE);
  fail_if (stats->flags & G_PARAM_WRITABLE);
  gst_object_unref (element);
}

TEST (values_of_every_kind)
{
  GstElement *element = new_element ();
  GstStructure *stats;
  gboolean flag;
  gint level, choice;
  guint count;
  guint64 seed;
  gdouble rate;
  gchar *label;

  g_object_set (element, "flag", FALSE, "level", 7, "count", 9, "seed",
      G_MAXUINT64 - 1, "rate", 0.25, "label", "dog", "choice", 1, NULL);
  g_object_get (element, "flag", &flag, "level", &level, "count", &count,
      "seed", &seed, "rate", &rate, "label", &label, "choice", &choice,
      "stats", &stats, NULL);
  fail_if (flag);
  fail_unless_equals_int (level, 7);
  fail_unless_equals_int (count, 9);
  fail_unless_equals_uint64 (seed, G_MAXUINT64 - 1);
  fail_unless (rate == 0.25);
  fail_unless_equals_string (label, "dog");
  fail_unless_equals_int (choice, 1);
  gst_structure_get_int (stats, "level", &level);
  fail_unless_equals_int (level, 7);
  gst_structure_free (stats);
  g_free (label);
  gst_object_unref (element);
}

static void
check_refused (GstElement * element, const gchar * text)
{
  GError *error = NULL;
  Settings settings;

  fail_if (gst_ddpm_element_copy_settings (element, &settings, &error));
  fail_unless (g_error_matches (error, DDPM_ERROR, DDPM_ERROR_SETTINGS));
  fail_unless_equals_string (error->message, text);
  g_error_free (error);
  gst_ddpm_settings_clear (&table, &settings);
  gst_object_unref (element);
}

static void
check_out_of_range (const gchar * name, gdouble number, const gchar * text)
{
  GstElement *element = new_element ();
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_DOUBLE);
  g_value_set_double (&value, number);
  g_object_set_property (G_OBJECT (element), name, &value);
  check_refused (element, text);
}

static void
check_seed_refused (guint64 seed, const gchar * text)
{
  GstElement *element = new_element ();

  g_object_set (element, "seed", seed, NULL);
  check_refused (element, text);
}

TEST (numbers_out_of_range_are_refused)
{
  check_out_of_range ("level", -2, "The property level must be -1 to 10, not "
      "-2");
  check_out_of_range ("count", 11,
      "The property count must be 1 to 10, not 11");
  check_out_of_range ("count", G_MAXUINT, "The property count must be 1 to 10, "
      "not 4294967295 (-1)");
  check_out_of_range ("rate", 1.5, "The property rate must be 0 to 1, not 1.5");
  check_out_of_range ("rate", NAN, "The property rate must be 0 to 1, not nan");
  check_seed_refused (G_MAXUINT64, "The property seed must be 0 to "
      "18446744069414584320, not 18446744073709551615 (-1)");
  check_seed_refused (GST_DDPM_MAX_SEED + 1, "The property seed must be 0 to "
      "18446744069414584320, not 18446744069414584321");
}

TEST (an_old_name_sets_the_same_value)
{
  GstElement *element = new_element ();
  GError *error = NULL;
  Settings settings;

  fail_unless (find_spec (element, "title")->flags & G_PARAM_DEPRECATED);
  g_object_set (element, "title", "ship", NULL);
  fail_unless (gst_ddpm_element_copy_settings (element, &settings, &error));
  fail_unless_equals_string (settings.label, "ship");
  gst_ddpm_settings_clear (&table, &settings);
  gst_object_unref (element);
}

static void
check_text (const Settings * settings, const gchar * name, const gchar * text)
{
  g_autofree gchar *got = gst_ddpm_settings_get_text (&table, settings, name);

  fail_unless_equals_string (got, text);
}

TEST (settings_as_text)
{
  Settings settings;

  settings_init (&settings);
  check_text (&settings, "flag", "true");
  check_text (&settings, "level", "-1");
  check_text (&settings, "count", "5");
  check_text (&settings, "seed", "7");
  check_text (&settings, "rate", "0.5");
  check_text (&settings, "label", "cat");
  check_text (&settings, "choice", "auto");
  gst_ddpm_settings_clear (&table, &settings);
  check_text (&settings, "label", "");
}

/* --- all properties of all elements ----------------------------------------- */

static void
make_files (void)
{
  static const guint8 records[64 * 3073];
  /* one grey pixel */
  static const guint8 png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d,
    0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,
    0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00,
    0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x68, 0x00, 0x00, 0x00,
    0x82, 0x00, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0x00, 0x00, 0x00, 0x00, 0x49,
    0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
  };
  g_autofree gchar *path = NULL;
  g_autofree gchar *picture = NULL;

  make_folder ();
  write_models ();
  path = in_folder ("x.bin");
  fail_unless (g_file_set_contents (path, (const gchar *) records,
          sizeof (records), NULL));
  picture = in_folder ("x.png");
  fail_unless (g_file_set_contents (picture, (const gchar *) png, sizeof (png),
          NULL));
}

static void
remove_files (void)
{
  remove_models ();
  remove_folder ();
}

/* Each of our elements, by its name, so that it can run. Images are too slow for
 * an epoch to end, and training to begin. */
static GstElement *
launch_all (void)
{
  return launch ("ddpmnoise name=ddpmnoise ! %s,framerate=30/1 ! "
      "%s ! fakesink "
      "videotestsrc ! ddpmdiffuse name=ddpmdiffuse ! fakesink sync=true "
      "imagefoldersrc name=imagefoldersrc location=%s epochs=0 ! "
      "fakesink sync=true "
      "cifarsrc name=cifarsrc location=%s/x.bin epochs=0 ! "
      "identity sleep-time=20000 ! ddpmtrainsink name=ddpmtrainsink location=%s/ck.bin"
      NET "batch-size=64 " "micro-batch=1",
      "other/tensors,dimensions=(string)3:6:4:1", denoise (3, 10,
          "name=ddpmdenoise"), folder, folder, folder);
}

typedef void (*CheckProperty) (GstElement * pipeline, GstElement * element,
    GParamSpec * spec);

static void
check_properties (GstElement * pipeline, const gchar * name,
    CheckProperty check)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), name);
  g_autofree GParamSpec **specs = NULL;
  guint n, i;

  fail_unless (element != NULL, "%s is not in the pipeline", name);
  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  for (i = 0; i < n; i++)
    if (specs[i]->owner_type == G_OBJECT_TYPE (element)
        && specs[i]->flags & G_PARAM_WRITABLE)
      check (pipeline, element, specs[i]);
  gst_object_unref (element);
}

/* Only properties of our own, not those of base classes */
static void
check_all_properties (GstElement * pipeline, CheckProperty check)
{
  GList *features = gst_registry_get_feature_list_by_plugin (gst_registry_get
      (), "ddpm");
  GList *l;

  for (l = features; l; l = l->next)
    if (GST_IS_ELEMENT_FACTORY (l->data))
      check_properties (pipeline, gst_plugin_feature_get_name (l->data), check);
  gst_plugin_feature_list_free (features);
}

/* Changes value to another one that the property can have. */
static void
change_value (GParamSpec * spec, GValue * value)
{
  if (G_VALUE_HOLDS_STRING (value)) {
    g_value_set_string (value, "other");
  } else if (G_VALUE_HOLDS_BOOLEAN (value)) {
    g_value_set_boolean (value, !g_value_get_boolean (value));
  } else if (G_VALUE_HOLDS_ENUM (value)) {
    const GEnumValue *v = G_PARAM_SPEC_ENUM (spec)->enum_class->values;

    g_value_set_enum (value, v[v->value == g_value_get_enum (value)].value);
  } else {
    g_autofree gchar *old = gst_value_serialize (value);

    gst_value_deserialize (value, g_str_equal (old, "1") ? "0" : "1");
  }
}

static guint
count_refusals (GstElement * pipeline, const gchar * name)
{
  g_autofree gchar *words = g_strdup_printf ("Cannot set %s=", name);
  GstBus *bus = GST_ELEMENT_BUS (pipeline);
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING))) {
    g_autoptr (GError) warning = NULL;

    gst_message_parse_warning (message, &warning, NULL);
    n += g_str_has_prefix (warning->message, words);
    gst_message_unref (message);
  }
  return n;
}

/* The property takes another value, or refuses it with a warning. Sets it back. */
static void
check_set (GstElement * pipeline, GstElement * element, GParamSpec * spec,
    gboolean takes)
{
  g_auto (GValue) old = G_VALUE_INIT;
  g_auto (GValue) other = G_VALUE_INIT;
  g_auto (GValue) now = G_VALUE_INIT;

  g_value_init (&old, spec->value_type);
  g_value_init (&other, spec->value_type);
  g_value_init (&now, spec->value_type);
  g_object_get_property (G_OBJECT (element), spec->name, &old);
  g_value_copy (&old, &other);
  change_value (spec, &other);

  g_object_set_property (G_OBJECT (element), spec->name, &old);
  fail_unless_equals_int (count_refusals (pipeline, spec->name), 0);
  g_object_set_property (G_OBJECT (element), spec->name, &other);
  fail_unless (count_refusals (pipeline, spec->name) == !takes,
      "%s of %s", spec->name, GST_OBJECT_NAME (element));
  g_object_get_property (G_OBJECT (element), spec->name, &now);
  fail_unless (g_param_values_cmp (spec, &now, takes ? &other : &old) == 0,
      "%s of %s", spec->name, GST_OBJECT_NAME (element));
  g_object_set_property (G_OBJECT (element), spec->name, &old);
}

static void
check_taken (GstElement * pipeline, GstElement * element, GParamSpec * spec)
{
  check_set (pipeline, element, spec, TRUE);
}

static void
check_in_paused (GstElement * pipeline, GstElement * element, GParamSpec * spec)
{
  check_set (pipeline, element, spec, spec->flags & (GST_PARAM_MUTABLE_PAUSED
          | GST_PARAM_MUTABLE_PLAYING));
}

static void
check_in_playing (GstElement * pipeline, GstElement * element,
    GParamSpec * spec)
{
  check_set (pipeline, element, spec, spec->flags & GST_PARAM_MUTABLE_PLAYING);
}

TEST (a_running_element_refuses_a_value_that_it_would_not_use)
{
  GstElement *pipeline = launch_all ();

  check_all_properties (pipeline, check_taken);
  gst_element_set_state (pipeline, GST_STATE_READY);
  check_all_properties (pipeline, check_taken);
  /* before PAUSED is reached, the settings have been copied */
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  check_all_properties (pipeline, check_in_paused);
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  check_all_properties (pipeline, check_in_paused);
  play (pipeline);
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  check_all_properties (pipeline, check_in_playing);
  gst_element_set_state (pipeline, GST_STATE_READY);
  check_all_properties (pipeline, check_taken);
  stop_and_free (pipeline);
}

TEST (a_property_that_is_used_while_playing_takes_a_value)
{
  GstElement *pipeline = gst_pipeline_new (NULL);
  GstElement *element = g_object_new (test_element_get_type (), NULL);

  gst_bin_add (GST_BIN (pipeline), element);
  play (pipeline);
  check_set (pipeline, element, find_spec (element, "rate"), TRUE);
  check_set (pipeline, element, find_spec (element, "level"), FALSE);
  stop_and_free (pipeline);
}

static void
check_below_0 (GstElement * pipeline, GstElement * element, GParamSpec * spec)
{
  g_auto (GValue) old = G_VALUE_INIT;

  if (spec->value_type != G_TYPE_UINT && spec->value_type != G_TYPE_UINT64)
    return;
  g_value_init (&old, spec->value_type);
  g_object_get_property (G_OBJECT (element), spec->name, &old);
  gst_util_set_object_arg (G_OBJECT (element), spec->name, "-1");
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  check_bus_error (GST_ELEMENT_BUS (pipeline), spec->name, "(-1)");
  stop (pipeline);
  g_object_set_property (G_OBJECT (element), spec->name, &old);
}

TEST (no_unsigned_number_is_below_0)
{
  GstElement *pipeline = launch_all ();

  check_all_properties (pipeline, check_below_0);
  gst_object_unref (pipeline);
}

ELEMENT_TEST_MAIN (checked, make_files, remove_files)
