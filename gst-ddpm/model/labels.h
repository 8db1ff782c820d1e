/* gst-ddpm: the class of each sample, by number or by name
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"

G_BEGIN_DECLS

#define DDPM_NO_LABEL (-1)
#define DDPM_MAX_CLASS_NAME 64  /* bytes */

/**
 * DdpmLabels:
 *
 * Assigns a class to each sample.
 */
typedef struct _DdpmLabels DdpmLabels;

/**
 * ddpm_labels_new:
 * @model: a model; it is not kept
 * @text: (nullable): "" or %NULL: sample n shows class n mod classes; "none": no
 *   sample has a label; else numbers, names and "none" that the samples use in
 *   turn, such as "ship" or "3,horse,none"
 * @error: return location for a #GError
 *
 * Returns: (transfer full): labels; %NULL and %DDPM_ERROR_SETTINGS where @text
 *   names a class that the model does not have
 */
DdpmLabels *ddpm_labels_new (const DdpmModel * model, const gchar * text,
    GError ** error);
void ddpm_labels_free (DdpmLabels * labels);

/**
 * ddpm_labels_get:
 * @labels: labels
 * @sample: index of a sample
 *
 * Returns: the class of the sample; %DDPM_NO_LABEL: none
 */
gint ddpm_labels_get (const DdpmLabels * labels, guint64 sample);

/**
 * ddpm_labels_any:
 * @labels: labels
 *
 * Returns: whether any sample has a class
 */
gboolean ddpm_labels_any (const DdpmLabels * labels);

/**
 * ddpm_class_names_parse:
 * @text: names separated by commas, such as "airplane,automobile"
 * @classes: number of names to expect
 * @error: return location for a #GError
 *
 * A name has 1 to %DDPM_MAX_CLASS_NAME bytes of UTF-8 and no control
 * characters.
 *
 * Returns: (transfer full) (array zero-terminated=1): the names; %NULL and
 *   %DDPM_ERROR_SETTINGS for another number of names, or a wrong one
 */
gchar **ddpm_class_names_parse (const gchar * text, guint classes,
    GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmLabels, ddpm_labels_free)

G_END_DECLS
