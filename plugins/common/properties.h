/* gst-ddpm: the properties of an element, as one table
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum
{
  GST_DDPM_BOOLEAN,             /* gboolean */
  GST_DDPM_INT,                 /* gint */
  GST_DDPM_UINT,                /* guint */
  GST_DDPM_UINT64,              /* guint64 */
  GST_DDPM_DOUBLE,              /* gdouble */
  GST_DDPM_STRING,              /* gchar *, owned */
  GST_DDPM_ENUM,                /* an enum, or gint */
  GST_DDPM_STRUCTURE,           /* read only, made by .read */
} GstDdpmPropertyKind;

/* The largest seed: GStreamer parses negative numbers as larger ones. */
#define GST_DDPM_MAX_SEED (G_MAXUINT64 - G_MAXUINT32)

/**
 * GstDdpmProperty:
 * @name: name
 * @nick: a title
 * @blurb: one sentence
 * @kind: type of the value
 * @offset: of the value in the settings of the element
 * @min: the smallest number allowed
 * @max: the largest one. A uint64 without a range has 0 for both
 * @enum_name: name of the enum type; several elements may share one
 * @enum_values: its values, which end with zeros
 * @read: makes a structure of the element, whose object lock is held
 * @flags: such as GST_PARAM_CONTROLLABLE. GST_PARAM_MUTABLE_PAUSED or
 *   GST_PARAM_MUTABLE_PLAYING: a new value takes effect up to this state.
 *   Neither: up to READY. In higher states, setting another value is refused,
 *   with a warning on the bus
 *
 * A property. To rename one, keep its old name as a second property of the same
 * @offset after it, with G_PARAM_DEPRECATED in @flags.
 */
typedef struct
{
  const gchar *name, *nick, *blurb;
  GstDdpmPropertyKind kind;
  gsize offset;
  gdouble min, max;
  const gchar *enum_name;
  const GEnumValue *enum_values;
  GstStructure *(*read) (GObject * element);
  GParamFlags flags;
} GstDdpmProperty;

/**
 * GstDdpmPropertyTable:
 * @properties: all properties of an element
 * @n_properties: their number
 * @settings: offset of the element's settings, the struct of their values, in
 *   its instance. The object lock protects them
 * @settings_size: bytes of the settings
 * @init: fills settings with the default values
 * @assigned: offset in the settings of a guint64 whose bit i tells that
 *   property i was set, perhaps to its default; 0: there is none
 */
typedef struct
{
  const GstDdpmProperty *properties;
  guint n_properties;
  gsize settings, settings_size;
  void (*init) (gpointer settings);
  gsize assigned;
} GstDdpmPropertyTable;

/* Installs the properties, with functions that set and get them, in class_init.
 * table must stay valid. */
void gst_ddpm_properties_install (GObjectClass * klass,
    const GstDdpmPropertyTable * table);

/* Copies the settings of an element with such properties, under its object
 * lock. The caller must clear settings in any case. FALSE, with
 * DDPM_ERROR_SETTINGS: a number is out of the range of its property. */
gboolean gst_ddpm_element_copy_settings (GstElement * element,
    gpointer settings, GError ** error);

/* Whether the property of this name was set, in settings of a table with
 * @assigned */
gboolean gst_ddpm_settings_is_assigned (const GstDdpmPropertyTable * table,
    gconstpointer settings, const gchar * name);
/* Frees the strings. */
void gst_ddpm_settings_clear (const GstDdpmPropertyTable * table,
    gpointer settings);
/* The value of the property of this name as text: numbers as in C, enums by
 * nick, "" for NULL */
gchar *gst_ddpm_settings_get_text (const GstDdpmPropertyTable * table,
    gconstpointer settings, const gchar * name);

G_END_DECLS
