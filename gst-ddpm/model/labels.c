/* gst-ddpm: the class of each sample, by number or by name
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/boxed.h"
#include "gst-ddpm/model/model.h"

#include <string.h>

#define NONE "none"
#define MAX_SHOWN 40            /* bytes of a label in a message */

/* Sample n has the label list[n mod n_list]; without a list, n mod classes */
struct _DdpmLabels
{
  guint classes;
  gint *list;
  guint n_list;
};

/* --- names ----------------------------------------------------------------- */

static gboolean
is_name (const gchar * text)
{
  const gchar *c;

  if (*text == '\0' || strlen (text) > DDPM_MAX_CLASS_NAME
      || !g_utf8_validate (text, -1, NULL))
    return FALSE;
  for (c = text; *c != '\0'; c = g_utf8_next_char (c))
    if (g_unichar_iscntrl (g_utf8_get_char (c)))
      return FALSE;
  return TRUE;
}

gchar **
ddpm_class_names_parse (const gchar * text, guint classes, GError ** error)
{
  g_auto (GStrv) names = g_strsplit (text, ",", DDPM_MAX_CLASSES + 1);
  guint n = g_strv_length (names), i;

  if (n != classes)
    goto wrong_number;
  for (i = 0; i < n; i++)
    if (!is_name (g_strstrip (names[i])))
      goto no_name;
  return g_steal_pointer (&names);

wrong_number:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "expected the names of %u classes, found %s%u", classes,
      n > DDPM_MAX_CLASSES ? "more than " : "", MIN (n, DDPM_MAX_CLASSES));
  return NULL;
no_name:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "expected 1 to %d bytes of UTF-8 without control characters as the name of "
      "class %u, found another text", DDPM_MAX_CLASS_NAME, i);
  return NULL;
}

/* --- labels ---------------------------------------------------------------- */

static gboolean
find_label (const DdpmModel * model, const gchar * text, gint * label)
{
  guint64 number;

  if (strcmp (text, NONE) == 0) {
    *label = DDPM_NO_LABEL;
    return TRUE;
  }
  for (guint i = 0; model->class_names && i < model->config.classes; i++) {
    if (strcmp (model->class_names[i], text) == 0) {
      *label = i;
      return TRUE;
    }
  }
  if (model->config.classes == 0 || !g_ascii_string_to_unsigned (text, 10, 0,
          model->config.classes - 1, &number, NULL))
    return FALSE;
  *label = number;
  return TRUE;
}

/* What find_label () accepts, for a message */
static gchar *
describe_classes (const DdpmModel * model)
{
  g_autofree gchar *names = NULL;

  if (model->config.classes == 0)
    return g_strdup ("has no classes: expected an empty text or \"" NONE "\"");
  if (model->class_names == NULL)
    return g_strdup_printf ("has the classes 0 to %u, and \"" NONE "\"",
        model->config.classes - 1);
  names = g_strjoinv (", ", model->class_names);
  return g_strdup_printf ("has the classes 0 to %u, by name %s, and \"" NONE
      "\"", model->config.classes - 1, names);
}

static gboolean
parse_list (DdpmLabels * labels, const DdpmModel * model, const gchar * text,
    GError ** error)
{
  g_auto (GStrv) items = g_strsplit (text, ",", -1);
  g_autofree gchar *classes = NULL, *shown = NULL;
  guint i;

  labels->n_list = g_strv_length (items);
  labels->list = g_new (gint, labels->n_list);
  for (i = 0; i < labels->n_list; i++)
    if (!find_label (model, g_strstrip (items[i]), &labels->list[i]))
      goto no_class;
  return TRUE;

no_class:
  shown = g_utf8_make_valid (items[i], MIN (strlen (items[i]), MAX_SHOWN));
  classes = describe_classes (model);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "there is no label \"%s\": %s %s", shown,
      model->location ? model->location : "the model", classes);
  return FALSE;
}

DdpmLabels *
ddpm_labels_new (const DdpmModel * model, const gchar * text, GError ** error)
{
  g_autoptr (DdpmLabels) labels = g_atomic_rc_box_new0 (DdpmLabels);

  labels->classes = model->config.classes;
  if (text != NULL && *text != '\0' && !parse_list (labels, model, text, error))
    return NULL;
  return g_steal_pointer (&labels);
}

static void
clear_labels (gpointer data)
{
  DdpmLabels *labels = data;

  g_free (labels->list);
}

DDPM_DEFINE_BOXED (DdpmLabels, ddpm_labels, clear_labels);

gint
ddpm_labels_get (const DdpmLabels * labels, guint64 sample)
{
  if (labels->list != NULL)
    return labels->list[sample % labels->n_list];
  return labels->classes > 0 ? (gint) (sample % labels->classes)
      : DDPM_NO_LABEL;
}

gboolean
ddpm_labels_any (const DdpmLabels * labels)
{
  if (labels->list == NULL)
    return labels->classes > 0;
  for (guint i = 0; i < labels->n_list; i++)
    if (labels->list[i] != DDPM_NO_LABEL)
      return TRUE;
  return FALSE;
}
