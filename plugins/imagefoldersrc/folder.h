/* gst-ddpm: the list of the pictures in a folder and in those below it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The files are listed by the ends of their names, without being opened. A name
 * takes its bytes and nine more. */
typedef struct _GstDdpmFolder GstDdpmFolder;

/**
 * gst_ddpm_folder_list:
 * @location: a folder
 * @error: return location for a #GError
 *
 * Lists the pictures in the folder and in all folders below it. Folders in
 * @location are classes, as in torchvision's ImageFolder: in the order of their
 * names, and all pictures below one belong to it. Within a class, folders are
 * in the order of their paths, and pictures in that of their names. Pictures
 * directly in @location come first, and belong to no class. If all are
 * there, no folder is a class.
 *
 * Names that begin with a dot are hidden, and not listed. Links are followed,
 * but a class has no folder twice, so that circles end.
 *
 * Returns: (transfer full): the list, of at least one picture; %NULL and
 *   DDPM_ERROR_NOT_FOUND or _READ
 */
GstDdpmFolder *gst_ddpm_folder_list (const gchar * location, GError ** error);
void gst_ddpm_folder_free (GstDdpmFolder * folder);

guint64 gst_ddpm_folder_get_n_pictures (const GstDdpmFolder * folder);
/* Returns: (transfer full) (type filename) */
gchar *gst_ddpm_folder_get_path (const GstDdpmFolder * folder, guint64 index);
/* The class of a picture, or DDPM_NO_LABEL */
gint gst_ddpm_folder_get_label (const GstDdpmFolder * folder, guint64 index);

/* "cat,dog,...", with other characters in the place of those that a list of
 * names cannot have. NULL: there are no classes */
const gchar *gst_ddpm_folder_get_class_names (const GstDdpmFolder * folder);
/* What the user should know of the classes; NULL: nothing */
const gchar *gst_ddpm_folder_get_notes (const GstDdpmFolder * folder);
/* Which folders could not be read; NULL: all were */
const gchar *gst_ddpm_folder_get_problems (const GstDdpmFolder * folder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstDdpmFolder, gst_ddpm_folder_free)

G_END_DECLS
