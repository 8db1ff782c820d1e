/* gst-ddpm: prints docs/elements.md, which describes the elements of the plugin
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * It leaves out what base classes define, so that the page does not depend on
 * the version of GStreamer.
 */
#include <gst/gst.h>

static gchar *
enum_values (GParamSpecEnum * pspec)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint i;

  for (i = 0; i < pspec->enum_class->n_values; i++)
    g_string_append_printf (text, "%s%s", i ? ", " : "",
        pspec->enum_class->values[i].value_nick);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* A property without a range of its own can have any number. */
static gchar *
range_text (GParamSpec * pspec)
{
  if (G_IS_PARAM_SPEC_INT (pspec))
    return g_strdup_printf ("%d to %d", G_PARAM_SPEC_INT (pspec)->minimum,
        G_PARAM_SPEC_INT (pspec)->maximum);
  if (G_IS_PARAM_SPEC_UINT (pspec))
    return g_strdup_printf ("%u to %u", G_PARAM_SPEC_UINT (pspec)->minimum,
        G_PARAM_SPEC_UINT (pspec)->maximum);
  if (G_IS_PARAM_SPEC_UINT64 (pspec))
    return g_strdup_printf ("%" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
        G_PARAM_SPEC_UINT64 (pspec)->minimum,
        G_PARAM_SPEC_UINT64 (pspec)->maximum);
  if (G_IS_PARAM_SPEC_DOUBLE (pspec))
    return g_strdup_printf ("%g to %g", G_PARAM_SPEC_DOUBLE (pspec)->minimum,
        G_PARAM_SPEC_DOUBLE (pspec)->maximum);
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    return enum_values (G_PARAM_SPEC_ENUM (pspec));
  return g_strdup ("");
}

static const gchar *
type_text (GParamSpec * pspec)
{
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    return "enum";
  if (pspec->value_type == G_TYPE_STRING)
    return "string";
  if (pspec->value_type == GST_TYPE_STRUCTURE)
    return "structure";
  return g_type_name (pspec->value_type) + 1;
}

/* The highest state of the element in which a new value takes effect */
static const gchar *
state_text (GParamSpec * pspec)
{
  if (!(pspec->flags & G_PARAM_WRITABLE))
    return "read-only";
  if (pspec->flags & GST_PARAM_MUTABLE_PLAYING)
    return "PLAYING";
  return pspec->flags & GST_PARAM_MUTABLE_PAUSED ? "PAUSED" : "READY";
}

static gchar *
default_text (GParamSpec * pspec)
{
  const GValue *value = g_param_spec_get_default_value (pspec);

  if (!(pspec->flags & G_PARAM_WRITABLE))
    return g_strdup ("");
  if (G_IS_PARAM_SPEC_ENUM (pspec)) {
    GEnumValue *v = g_enum_get_value (G_PARAM_SPEC_ENUM (pspec)->enum_class,
        g_value_get_enum (value));

    return g_strdup (v->value_nick);
  }
  if (G_VALUE_HOLDS_STRING (value)) {
    const gchar *text = g_value_get_string (value);

    return text ? g_strdup_printf ("\"%s\"", text) : g_strdup ("none");
  }
  if (G_VALUE_HOLDS_DOUBLE (value))
    return g_strdup_printf ("%g", g_value_get_double (value));
  if (G_VALUE_HOLDS_FLOAT (value))
    return g_strdup_printf ("%g", g_value_get_float (value));
  return g_strdup_value_contents (value);
}

/* With the memory where it is not the host's. Returns: (transfer full) */
static gchar *
get_media_type (const GstCaps * caps, guint n)
{
  const gchar *name = gst_structure_get_name (gst_caps_get_structure (caps, n));
  const GstCapsFeatures *features = gst_caps_get_features (caps, n);
  g_autofree gchar *memory = NULL;

  if (gst_caps_features_is_equal (features,
          GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY))
    return g_strdup (name);
  memory = gst_caps_features_to_string (features);
  return g_strdup_printf ("%s(%s)", name, memory);
}

static void
describe_pads (GstElementFactory * factory)
{
  const GList *l;

  for (l = gst_element_factory_get_static_pad_templates (factory); l;
      l = l->next) {
    GstStaticPadTemplate *t = l->data;
    g_autoptr (GstCaps) caps = gst_static_pad_template_get_caps (t);
    g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash,
        g_str_equal, g_free, NULL);
    guint i;

    g_print ("- pad `%s` (%s, %s):", t->name_template,
        t->direction == GST_PAD_SRC ? "source" : "sink",
        t->presence == GST_PAD_ALWAYS ? "always" : "on request");
    for (i = 0; i < gst_caps_get_size (caps); i++) {
      gchar *type = get_media_type (caps, i);

      if (g_hash_table_add (seen, type))
        g_print ("%s `%s`", g_hash_table_size (seen) > 1 ? "," : "", type);
    }
    gst_static_caps_cleanup (&t->static_caps);
    g_print ("\n");
  }
}

static gint
by_name (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 ((*(GParamSpec * const *) a)->name,
      (*(GParamSpec * const *) b)->name);
}

static void
describe_properties (GObject * object)
{
  guint n, i;
  g_autofree GParamSpec **specs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &n);

  qsort (specs, n, sizeof (*specs), by_name);
  g_print ("\n| property | type | values | default | until | description |\n"
      "|---|---|---|---|---|---|\n");
  for (i = 0; i < n; i++) {
    g_autofree gchar *range = range_text (specs[i]);
    g_autofree gchar *value = default_text (specs[i]);

    if (specs[i]->owner_type != G_OBJECT_TYPE (object))
      continue;
    g_print ("| `%s` | %s | %s | %s | %s%s | %s%s |\n", specs[i]->name,
        type_text (specs[i]), range, value, state_text (specs[i]),
        specs[i]->flags & GST_PARAM_CONTROLLABLE ? ", controllable" : "",
        specs[i]->flags & G_PARAM_DEPRECATED ? "Deprecated. " : "",
        g_param_spec_get_blurb (specs[i]));
  }
}

static void
describe_signals (GObject * object)
{
  guint n, i;
  g_autofree guint *ids = g_signal_list_ids (G_OBJECT_TYPE (object), &n);

  for (i = 0; i < n; i++) {
    GSignalQuery query;

    g_signal_query (ids[i], &query);
    g_print ("\nAction signal `%s`, returns %s.\n", query.signal_name,
        g_type_name (query.return_type & ~G_SIGNAL_TYPE_STATIC_SCOPE));
  }
}

static void
describe_element (GstElementFactory * factory)
{
  GstElement *element = gst_element_factory_create (factory, NULL);

  gst_object_ref_sink (element);
  g_print ("\n## %s\n\n%s (`%s`).\n\n", GST_OBJECT_NAME (factory),
      gst_element_factory_get_metadata (factory, "description"),
      gst_element_factory_get_metadata (factory, "klass"));
  describe_pads (factory);
  describe_properties (G_OBJECT (element));
  describe_signals (G_OBJECT (element));
  gst_object_unref (element);
}

static gint
by_feature_name (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (GST_OBJECT_NAME (a), GST_OBJECT_NAME (b));
}

int
main (int argc, char **argv)
{
  GList *features, *l;

  gst_init (&argc, &argv);
  g_print ("# The elements\n\n"
      "`tools/describe-elements` prints this page, and CI checks that it is up "
      "to date.\nProperties of the base classes (`num-buffers`, `sync`, ...) "
      "are GStreamer's own. *Until* is the\nhighest state in which a new value "
      "of a property takes effect. In a higher state, an element refuses another "
      "value of a property: it\nkeeps the old one, and posts a warning.\n");
  features = g_list_sort (gst_registry_get_feature_list_by_plugin
      (gst_registry_get (), "ddpm"), by_feature_name);
  for (l = features; l; l = l->next) {
    if (GST_IS_ELEMENT_FACTORY (l->data))
      describe_element (l->data);
  }
  gst_plugin_feature_list_free (features);
  return 0;
}
