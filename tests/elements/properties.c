/* gst-ddpm: tests of the table of properties that an element has
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/properties.h"
#include "gst-ddpm/ddpm.h"
#include "tests/support/element-test.h"

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
  {"seed", "Seed", "A uint64", GST_DDPM_UINT64, AT (seed)},
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
  const Settings defaults = { TRUE, -1, 5, G_MAXUINT64, 0.5,
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
  fail_unless (seed->minimum == 0 && seed->maximum == G_MAXUINT64);
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
check_out_of_range (const gchar * name, gdouble number, const gchar * text)
{
  GstElement *element = new_element ();
  GValue value = G_VALUE_INIT;
  GError *error = NULL;
  Settings settings;

  g_value_init (&value, G_TYPE_DOUBLE);
  g_value_set_double (&value, number);
  g_object_set_property (G_OBJECT (element), name, &value);
  fail_if (gst_ddpm_element_copy_settings (element, &settings, &error));
  fail_unless (g_error_matches (error, DDPM_ERROR, DDPM_ERROR_SETTINGS));
  fail_unless_equals_string (error->message, text);
  g_error_free (error);
  gst_ddpm_settings_clear (&table, &settings);
  gst_object_unref (element);
}

TEST (numbers_out_of_range_are_refused)
{
  check_out_of_range ("level", -2, "The property level must be -1 to 10, not "
      "-2");
  check_out_of_range ("count", 11,
      "The property count must be 1 to 10, not 11");
  check_out_of_range ("rate", 1.5, "The property rate must be 0 to 1, not 1.5");
  check_out_of_range ("rate", NAN, "The property rate must be 0 to 1, not nan");
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
  check_text (&settings, "seed", "18446744073709551615");
  check_text (&settings, "rate", "0.5");
  check_text (&settings, "label", "cat");
  check_text (&settings, "choice", "auto");
  gst_ddpm_settings_clear (&table, &settings);
  check_text (&settings, "label", "");
}

ELEMENT_TEST_MAIN (checked, NULL, NULL)
