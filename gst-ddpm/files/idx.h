/* gst-ddpm: MNIST's files (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/files/input.h"

G_BEGIN_DECLS

/* Width and height of an image in pixels, which are bytes */
#define DDPM_IDX_SIZE 28
#define DDPM_IDX_PIXELS (DDPM_IDX_SIZE * DDPM_IDX_SIZE)

/* The images of one file and the labels of the other, as MNIST and
 * Fashion-MNIST have them (http://yann.lecun.com/exdb/mnist/); gzip-compressed
 * or not */
typedef struct
{
  DdpmInput images, labels;
  guint64 n_images;
  guint n_classes;              /* the greatest label, plus 1 */
} DdpmIdx;

/* The file of images in a folder, by its split; NULL: there is none */
gchar *ddpm_idx_find (const gchar * folder, gboolean test);
/* Whether a file has the name of a file of images */
gboolean ddpm_idx_is_name (const gchar * path);
/* path: of the images; the labels lie beside. FALSE: DDPM_ERROR_NOT_FOUND,
 * DDPM_ERROR_READ or DDPM_ERROR_FORMAT. Clear it in any case. */
gboolean ddpm_idx_open (DdpmIdx * idx, const gchar * path, GError ** error);
/* pixels: [DDPM_IDX_PIXELS]. Any thread may read. */
gboolean ddpm_idx_read (const DdpmIdx * idx, guint64 index, guint8 * pixels,
    guint8 * label, GError ** error);
void ddpm_idx_clear (DdpmIdx * idx);

G_END_DECLS
