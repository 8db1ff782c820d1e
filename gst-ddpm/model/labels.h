/* gst-ddpm: which class each sample shows, by number or by name
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"

G_BEGIN_DECLS

#define DDPM_NO_LABEL (-1)
#define DDPM_MAX_CLASS_NAME 64  /* bytes */

typedef struct _DdpmLabels DdpmLabels;

/* text: "": sample n shows class n mod classes; "none": no sample has a label;
 * else numbers, names and nones, such as "ship" or "3,horse,none", which the
 * samples take by turns. DDPM_ERROR_SETTINGS for what is no class of the
 * model, which is referenced during the call only. */
DdpmLabels *ddpm_labels_new (const DdpmModel * model, const gchar * text,
    GError ** error);
void ddpm_labels_free (DdpmLabels * labels);
/* Of the sample of this index; DDPM_NO_LABEL: none */
gint ddpm_labels_get (const DdpmLabels * labels, guint64 sample);
/* Has any sample a label? */
gboolean ddpm_labels_any (const DdpmLabels * labels);

/* "airplane,automobile" to a NULL-terminated array of exactly so many names;
 * DDPM_ERROR_SETTINGS for another number of them, and for one that is empty,
 * too long, not UTF-8 or has control characters. */
gchar **ddpm_class_names_parse (const gchar * text, guint classes,
    GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmLabels, ddpm_labels_free)

G_END_DECLS
