/* gst-ddpm: properties that are numbers with a range
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/param.h"
#include "kernels/error.h"

/* --- specs that let any number through ------------------------------------ */

static gboolean
change_nothing (GParamSpec * spec, GValue * value)
{
  return FALSE;
}

static gboolean
allow_all (GParamSpec * spec, const GValue * value)
{
  return TRUE;
}

static void
class_init (gpointer klass, gpointer unused)
{
  G_PARAM_SPEC_CLASS (klass)->value_validate = change_nothing;
  G_PARAM_SPEC_CLASS (klass)->value_is_valid = allow_all;
}

static GType
derive_type (gsize * type, GType parent, const gchar * name)
{
  GTypeQuery query;
  GTypeInfo info = { 0, };

  if (g_once_init_enter (type)) {
    g_type_query (parent, &query);
    info.class_size = query.class_size;
    info.instance_size = query.instance_size;
    info.class_init = class_init;
    g_once_init_leave (type, g_type_register_static (parent, name, &info, 0));
  }
  return *type;
}

static GType
int_type (void)
{
  static gsize type = 0;

  return derive_type (&type, G_TYPE_PARAM_INT, "GstDdpmParamInt");
}

static GType
uint_type (void)
{
  static gsize type = 0;

  return derive_type (&type, G_TYPE_PARAM_UINT, "GstDdpmParamUInt");
}

static GType
uint64_type (void)
{
  static gsize type = 0;

  return derive_type (&type, G_TYPE_PARAM_UINT64, "GstDdpmParamUInt64");
}

static GType
double_type (void)
{
  static gsize type = 0;

  return derive_type (&type, G_TYPE_PARAM_DOUBLE, "GstDdpmParamDouble");
}

GParamSpec *
gst_ddpm_param_spec_int (const gchar * name, const gchar * nick,
    const gchar * blurb, gint minimum, gint maximum, gint value,
    GParamFlags flags)
{
  GParamSpecInt *spec =
      g_param_spec_internal (int_type (), name, nick, blurb, flags);

  spec->minimum = minimum;
  spec->maximum = maximum;
  spec->default_value = value;
  return G_PARAM_SPEC (spec);
}

GParamSpec *
gst_ddpm_param_spec_uint (const gchar * name, const gchar * nick,
    const gchar * blurb, guint minimum, guint maximum, guint value,
    GParamFlags flags)
{
  GParamSpecUInt *spec =
      g_param_spec_internal (uint_type (), name, nick, blurb, flags);

  spec->minimum = minimum;
  spec->maximum = maximum;
  spec->default_value = value;
  return G_PARAM_SPEC (spec);
}

GParamSpec *
gst_ddpm_param_spec_uint64 (const gchar * name, const gchar * nick,
    const gchar * blurb, guint64 minimum, guint64 maximum, guint64 value,
    GParamFlags flags)
{
  GParamSpecUInt64 *spec =
      g_param_spec_internal (uint64_type (), name, nick, blurb, flags);

  spec->minimum = minimum;
  spec->maximum = maximum;
  spec->default_value = value;
  return G_PARAM_SPEC (spec);
}

GParamSpec *
gst_ddpm_param_spec_double (const gchar * name, const gchar * nick,
    const gchar * blurb, gdouble minimum, gdouble maximum, gdouble value,
    GParamFlags flags)
{
  GParamSpecDouble *spec =
      g_param_spec_internal (double_type (), name, nick, blurb, flags);

  spec->minimum = minimum;
  spec->maximum = maximum;
  spec->default_value = value;
  return G_PARAM_SPEC (spec);
}

/* --- the check ------------------------------------------------------------ */

/* FALSE: not one of these specs */
static gboolean
get_range (GParamSpec * spec, gdouble * minimum, gdouble * maximum)
{
  const GType type = G_PARAM_SPEC_TYPE (spec);

  if (type == int_type ()) {
    *minimum = G_PARAM_SPEC_INT (spec)->minimum;
    *maximum = G_PARAM_SPEC_INT (spec)->maximum;
  } else if (type == uint_type ()) {
    *minimum = G_PARAM_SPEC_UINT (spec)->minimum;
    *maximum = G_PARAM_SPEC_UINT (spec)->maximum;
  } else if (type == uint64_type ()) {
    *minimum = G_PARAM_SPEC_UINT64 (spec)->minimum;
    *maximum = G_PARAM_SPEC_UINT64 (spec)->maximum;
  } else if (type == double_type ()) {
    *minimum = G_PARAM_SPEC_DOUBLE (spec)->minimum;
    *maximum = G_PARAM_SPEC_DOUBLE (spec)->maximum;
  } else {
    return FALSE;
  }
  return TRUE;
}

static gdouble
get_number (GObject * object, GParamSpec * spec)
{
  GValue value = G_VALUE_INIT;

  /* converts: a double holds each gint and guint, and a guint64 well enough to
   * see on which side of a limit it is */
  g_value_init (&value, G_TYPE_DOUBLE);
  g_object_get_property (object, spec->name, &value);
  return g_value_get_double (&value);
}

/* NaN is in no range. */
static gboolean
check_range (GObject * object, GParamSpec * spec, GError ** error)
{
  gdouble minimum, maximum, number;

  if (!get_range (spec, &minimum, &maximum))
    return TRUE;
  number = get_number (object, spec);
  if (number >= minimum && number <= maximum)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "The property %s must be %.10g to %.10g, not %.10g", spec->name, minimum,
      maximum, number);
  return FALSE;
}

gboolean
gst_ddpm_object_check_ranges (GObject * object, GError ** error)
{
  g_autofree GParamSpec **specs = NULL;
  guint i, n;

  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &n);
  for (i = 0; i < n; i++) {
    if (!check_range (object, specs[i], error))
      return FALSE;
  }
  return TRUE;
}
