/* gst-ddpm: the properties of an element, as one table
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/properties.h"
#include "gst-ddpm/ddpm.h"

#define TABLE_QUARK g_quark_from_static_string ("gst-ddpm-property-table")

/* --- param specs ---------------------------------------------------------- */

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
number_class_init (gpointer klass, gpointer unused)
{
  G_PARAM_SPEC_CLASS (klass)->value_validate = change_nothing;
  G_PARAM_SPEC_CLASS (klass)->value_is_valid = allow_all;
}

/* GObject ignores a number out of range, with a warning, and the element would
 * run with another number than the user gave. These specs have the same range
 * but let any number through, and the element then refuses to start. GStreamer
 * parses a negative number, given to an unsigned property, as one of the largest
 * numbers: the maximum must be smaller. */
static gpointer
number_spec_new (const GstDdpmProperty * property, GType parent,
    GParamFlags flags)
{
  g_autofree gchar *name = g_strconcat ("GstDdpm", g_type_name (parent), NULL);
  GType type = g_type_from_name (name);

  if (type == 0) {
    GTypeInfo info = {.class_init = number_class_init };
    GTypeQuery query;

    g_type_query (parent, &query);
    info.class_size = query.class_size;
    info.instance_size = query.instance_size;
    type = g_type_register_static (parent, name, &info, 0);
  }
  return g_param_spec_internal (type, property->name, property->nick,
      property->blurb, flags);
}

static GType
get_enum_type (const GstDdpmProperty * p)
{
  GType type = g_type_from_name (p->enum_name);

  if (type == 0) {
    type = g_enum_register_static (p->enum_name, p->enum_values);
    gst_type_mark_as_plugin_api (type, 0);
  }
  return type;
}

static GParamFlags
get_flags (const GstDdpmProperty * p)
{
  GParamFlags flags = p->flags | G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  if (p->kind == GST_DDPM_STRUCTURE)
    return flags;
  if (!(flags & (GST_PARAM_MUTABLE_PAUSED | GST_PARAM_MUTABLE_PLAYING)))
    flags |= GST_PARAM_MUTABLE_READY;
  return flags | G_PARAM_WRITABLE;
}

/* largest: of a property without a range */
#define RETURN_NUMBER_SPEC(Spec, type, value_type, largest) \
  { \
    Spec *spec = number_spec_new (p, type, flags); \
    \
    spec->minimum = p->min; \
    spec->maximum = largest; \
    if (p->max > p->min) \
      spec->maximum = p->max; \
    spec->default_value = *(const value_type *) value; \
    return G_PARAM_SPEC (spec); \
  }

static GParamSpec *
spec_new (const GstDdpmProperty * p, gconstpointer defaults)
{
  gconstpointer value = G_STRUCT_MEMBER_P (defaults, p->offset);
  GParamFlags flags = get_flags (p);

  switch (p->kind) {
    case GST_DDPM_BOOLEAN:
      return g_param_spec_boolean (p->name, p->nick, p->blurb,
          *(const gboolean *) value, flags);
    case GST_DDPM_INT:
      RETURN_NUMBER_SPEC (GParamSpecInt, G_TYPE_PARAM_INT, gint, 0);
    case GST_DDPM_UINT:
      RETURN_NUMBER_SPEC (GParamSpecUInt, G_TYPE_PARAM_UINT, guint, 0);
    case GST_DDPM_UINT64:
      RETURN_NUMBER_SPEC (GParamSpecUInt64, G_TYPE_PARAM_UINT64, guint64,
          G_MAXUINT64);
    case GST_DDPM_DOUBLE:
      RETURN_NUMBER_SPEC (GParamSpecDouble, G_TYPE_PARAM_DOUBLE, gdouble, 0);
    case GST_DDPM_STRING:
      return g_param_spec_string (p->name, p->nick, p->blurb,
          *(const gchar * const *) value, flags);
    case GST_DDPM_ENUM:
      return g_param_spec_enum (p->name, p->nick, p->blurb, get_enum_type (p),
          *(const gint *) value, flags);
    case GST_DDPM_STRUCTURE:
      return g_param_spec_boxed (p->name, p->nick, p->blurb,
          GST_TYPE_STRUCTURE, flags);
  }
  return NULL;
}

/* --- of an element -------------------------------------------------------- */

static const GstDdpmPropertyTable *
get_table (GObject * object)
{
  return g_type_get_qdata (G_OBJECT_TYPE (object), TABLE_QUARK);
}

static void
set_value (const GstDdpmProperty * p, gpointer member, const GValue * value)
{
  switch (p->kind) {
    case GST_DDPM_BOOLEAN:
      *(gboolean *) member = g_value_get_boolean (value);
      break;
    case GST_DDPM_INT:
      *(gint *) member = g_value_get_int (value);
      break;
    case GST_DDPM_UINT:
      *(guint *) member = g_value_get_uint (value);
      break;
    case GST_DDPM_UINT64:
      *(guint64 *) member = g_value_get_uint64 (value);
      break;
    case GST_DDPM_DOUBLE:
      *(gdouble *) member = g_value_get_double (value);
      break;
    case GST_DDPM_STRING:
      g_free (*(gchar **) member);
      *(gchar **) member = g_value_dup_string (value);
      break;
    case GST_DDPM_ENUM:
      *(gint *) member = g_value_get_enum (value);
      break;
    case GST_DDPM_STRUCTURE:
      break;
  }
}

/* The object lock is held. */
static void
get_value (const GstDdpmProperty * p, GObject * object, gconstpointer member,
    GValue * value)
{
  switch (p->kind) {
    case GST_DDPM_BOOLEAN:
      g_value_set_boolean (value, *(const gboolean *) member);
      break;
    case GST_DDPM_INT:
      g_value_set_int (value, *(const gint *) member);
      break;
    case GST_DDPM_UINT:
      g_value_set_uint (value, *(const guint *) member);
      break;
    case GST_DDPM_UINT64:
      g_value_set_uint64 (value, *(const guint64 *) member);
      break;
    case GST_DDPM_DOUBLE:
      g_value_set_double (value, *(const gdouble *) member);
      break;
    case GST_DDPM_STRING:
      g_value_set_string (value, *(const gchar * const *) member);
      break;
    case GST_DDPM_ENUM:
      g_value_set_enum (value, *(const gint *) member);
      break;
    case GST_DDPM_STRUCTURE:
      g_value_take_boxed (value, p->read (object));
      break;
  }
}

/* Whether a new value is used only after the next start, because the element has
 * copied its settings or is about to. The object lock is held. */
static gboolean
is_too_late (GParamSpec * pspec, GstElement * element)
{
  const GstState state = MAX (GST_STATE (element), GST_STATE_NEXT (element));
  GstState last = GST_STATE_READY;

  if (pspec->flags & GST_PARAM_MUTABLE_PAUSED)
    last = GST_STATE_PAUSED;
  if (pspec->flags & GST_PARAM_MUTABLE_PLAYING)
    last = GST_STATE_PLAYING;
  return state > last;
}

static void
warn_of_refusal (GstElement * element, GParamSpec * pspec,
    const GValue * refused, const GValue * kept)
{
  g_autofree gchar *refused_text = gst_value_serialize (refused);
  g_autofree gchar *kept_text = gst_value_serialize (kept);

  GST_ELEMENT_WARNING (element, RESOURCE, SETTINGS,
      ("Cannot set %s=%s while the element runs: it stays %s. Set it in state "
          "NULL or READY", pspec->name, refused_text ? refused_text : "NULL",
          kept_text ? kept_text : "NULL"), (NULL));
}

static void
set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  const GstDdpmPropertyTable *table = get_table (object);
  const GstDdpmProperty *p = &table->properties[id - 1];
  gpointer settings = G_STRUCT_MEMBER_P (object, table->settings);
  gpointer member = G_STRUCT_MEMBER_P (settings, p->offset);
  g_auto (GValue) kept = G_VALUE_INIT;
  gboolean refused;

  g_value_init (&kept, pspec->value_type);
  GST_OBJECT_LOCK (object);
  get_value (p, object, member, &kept);
  refused = is_too_late (pspec, GST_ELEMENT (object))
      && g_param_values_cmp (pspec, value, &kept) != 0;
  if (!refused)
    set_value (p, member, value);
  if (!refused && table->assigned > 0)
    G_STRUCT_MEMBER (guint64, settings, table->assigned) |=
        G_GUINT64_CONSTANT (1) << (id - 1);
  GST_OBJECT_UNLOCK (object);
  if (refused)
    warn_of_refusal (GST_ELEMENT (object), pspec, value, &kept);
}

static void
get_property (GObject * object, guint id, GValue * value, GParamSpec * pspec)
{
  const GstDdpmPropertyTable *table = get_table (object);
  const GstDdpmProperty *p = &table->properties[id - 1];

  GST_OBJECT_LOCK (object);
  get_value (p, object, G_STRUCT_MEMBER_P (object, table->settings + p->offset),
      value);
  GST_OBJECT_UNLOCK (object);
}

void
gst_ddpm_properties_install (GObjectClass * klass,
    const GstDdpmPropertyTable * table)
{
  g_autofree gpointer defaults = g_malloc0 (table->settings_size);
  guint i;

  g_assert (table->assigned == 0 || table->n_properties <= 64);
  g_type_set_qdata (G_OBJECT_CLASS_TYPE (klass), TABLE_QUARK, (gpointer) table);
  klass->set_property = set_property;
  klass->get_property = get_property;
  table->init (defaults);
  for (i = 0; i < table->n_properties; i++)
    g_object_class_install_property (klass, i + 1,
        spec_new (&table->properties[i], defaults));
  gst_ddpm_settings_clear (table, defaults);
}

/* --- settings ------------------------------------------------------------- */

static gdouble
get_number (const GstDdpmProperty * p, gconstpointer settings)
{
  gconstpointer member = G_STRUCT_MEMBER_P (settings, p->offset);

  switch (p->kind) {
    case GST_DDPM_INT:
      return *(const gint *) member;
    case GST_DDPM_UINT:
      return *(const guint *) member;
    case GST_DDPM_DOUBLE:
      return *(const gdouble *) member;
    default:
      g_return_val_if_reached (0);
  }
}

/* NaN is out of every range. */
static gboolean
check_range (const GstDdpmProperty * p, gconstpointer settings, GError ** error)
{
  const gdouble number = get_number (p, settings);

  if (number >= p->min && number <= p->max)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "The property %s must be %.10g to %.10g, not %.10g%s", p->name, p->min,
      p->max, number,
      p->kind == GST_DDPM_UINT && number == G_MAXUINT ? " (-1)" : "");
  return FALSE;
}

/* A gdouble cannot represent every guint64. */
static gboolean
check_range_of_uint64 (const GstDdpmProperty * p, gconstpointer settings,
    GError ** error)
{
  const guint64 min = p->min, max = p->max;
  const guint64 number =
      *(const guint64 *) G_STRUCT_MEMBER_P (settings, p->offset);

  if (number >= min && number <= max)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "The property %s must be %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
      ", not %" G_GUINT64_FORMAT "%s", p->name, min, max, number,
      number == G_MAXUINT64 ? " (-1)" : "");
  return FALSE;
}

/* Only numbers have ranges. */
static gboolean
check_ranges (const GstDdpmPropertyTable * table, gconstpointer settings,
    GError ** error)
{
  guint i;

  for (i = 0; i < table->n_properties; i++) {
    const GstDdpmProperty *p = &table->properties[i];

    if (p->max > p->min && !(p->kind == GST_DDPM_UINT64 ?
            check_range_of_uint64 : check_range) (p, settings, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
owns_string (const GstDdpmProperty * p)
{
  return p->kind == GST_DDPM_STRING && !(p->flags & G_PARAM_DEPRECATED);
}

gboolean
gst_ddpm_element_copy_settings (GstElement * element, gpointer settings,
    GError ** error)
{
  const GstDdpmPropertyTable *table = get_table (G_OBJECT (element));

  guint i;

  GST_OBJECT_LOCK (element);
  memcpy (settings, G_STRUCT_MEMBER_P (element, table->settings),
      table->settings_size);
  for (i = 0; i < table->n_properties; i++) {
    gchar **member = G_STRUCT_MEMBER_P (settings, table->properties[i].offset);

    if (owns_string (&table->properties[i]))
      *member = g_strdup (*member);
  }
  GST_OBJECT_UNLOCK (element);
  return check_ranges (table, settings, error);
}

void
gst_ddpm_settings_clear (const GstDdpmPropertyTable * table, gpointer settings)
{
  guint i;

  for (i = 0; i < table->n_properties; i++) {
    const GstDdpmProperty *p = &table->properties[i];

    if (owns_string (p))
      g_clear_pointer ((gchar **) G_STRUCT_MEMBER_P (settings, p->offset),
          g_free);
  }
}

/* As few digits as tell it from all other numbers, but for some that take 17 */
static gchar *
double_to_text (gdouble value)
{
  gchar text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (text, sizeof text, "%.15g", value);
  if (g_ascii_strtod (text, NULL) != value)
    g_ascii_dtostr (text, sizeof text, value);
  return g_strdup (text);
}

static gchar *
member_to_text (const GstDdpmProperty * p, gconstpointer member)
{
  const GEnumValue *v = p->enum_values;

  switch (p->kind) {
    case GST_DDPM_BOOLEAN:
      return g_strdup (*(const gboolean *) member ? "true" : "false");
    case GST_DDPM_INT:
      return g_strdup_printf ("%d", *(const gint *) member);
    case GST_DDPM_UINT:
      return g_strdup_printf ("%u", *(const guint *) member);
    case GST_DDPM_UINT64:
      return g_strdup_printf ("%" G_GUINT64_FORMAT, *(const guint64 *) member);
    case GST_DDPM_DOUBLE:
      return double_to_text (*(const gdouble *) member);
    case GST_DDPM_STRING:
      return g_strdup (*(const gchar * const *) member ?
          *(const gchar * const *) member : "");
    case GST_DDPM_ENUM:
      while (v->value != *(const gint *) member)
        v++;
      return g_strdup (v->value_nick);
    case GST_DDPM_STRUCTURE:
      break;
  }
  return NULL;
}

static const GstDdpmProperty *
find_property (const GstDdpmPropertyTable * table, const gchar * name)
{
  const GstDdpmProperty *p = table->properties;

  while (!g_str_equal (p->name, name))
    p++;
  return p;
}

gchar *
gst_ddpm_settings_get_text (const GstDdpmPropertyTable * table,
    gconstpointer settings, const gchar * name)
{
  const GstDdpmProperty *p = find_property (table, name);

  return member_to_text (p, G_STRUCT_MEMBER_P (settings, p->offset));
}

gboolean
gst_ddpm_settings_is_assigned (const GstDdpmPropertyTable * table,
    gconstpointer settings, const gchar * name)
{
  const guint i = find_property (table, name) - table->properties;

  return G_STRUCT_MEMBER (guint64, settings, table->assigned) >> i & 1;
}
