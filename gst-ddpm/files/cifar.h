/* gst-ddpm: CIFAR-10 and CIFAR-100, binary version
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include "kernels/error.h"

G_BEGIN_DECLS

#define DDPM_CIFAR_SIZE 32
#define DDPM_CIFAR_PIXELS 3072  /* bytes: planes R, G, B of 32 x 32 */

typedef enum
{
  DDPM_SPLIT_TRAIN,
  DDPM_SPLIT_TEST,
} DdpmSplit;

typedef struct _DdpmCifar DdpmCifar;

/* location: a folder (data_batch_1..5.bin / test_batch.bin of CIFAR-10,
 * train.bin / test.bin of CIFAR-100) or one .bin file, of which split says
 * nothing. Records of 3073 and of 3074 bytes (CIFAR-100: coarse and fine
 * label) are told apart by the size of the file. Files stay open and are read
 * one image at a time: a file that shrinks later is an error, not a SIGBUS.
 * DDPM_ERROR_NOT_FOUND, _READ, or _FORMAT for sizes that are no records'. */
DdpmCifar *ddpm_cifar_open (const gchar * location, DdpmSplit split,
    GError ** error);
void ddpm_cifar_free (DdpmCifar * cifar);
guint64 ddpm_cifar_get_n_images (DdpmCifar * cifar);
/* pixels [DDPM_CIFAR_PIXELS] and label (or NULL; the fine class) of image
 * index, below n_images, are written. Any thread may call it. */
gboolean ddpm_cifar_read (DdpmCifar * cifar, guint64 index, guint8 * pixels,
    guint * label, GError ** error);

/* "airplane,automobile,...", as the folder's batches.meta.txt (CIFAR-100:
 * fine_label_names.txt) has them; NULL: it has none that can be used */
const gchar *ddpm_cifar_get_class_names (DdpmCifar * cifar);

/* The data order of an epoch: a permutation of n that is a function of (seed,
 * epoch, n) alone (Fisher-Yates, DDPM_STREAM_SHUFFLE); order [n] */
void ddpm_cifar_shuffle (guint64 seed, guint64 epoch, guint64 n,
    guint64 * order);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmCifar, ddpm_cifar_free)

G_END_DECLS
