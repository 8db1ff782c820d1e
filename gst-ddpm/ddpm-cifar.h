/* gst-ddpm: CIFAR-10 and CIFAR-100, binary version
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include "../kernels/ddpm-error.h"

G_BEGIN_DECLS

#define DDPM_CIFAR_SIZE 32
#define DDPM_CIFAR_PIXELS 3072  /* bytes: planes R, G, B of 32 x 32 */

typedef enum
{
  DDPM_SPLIT_TRAIN,
  DDPM_SPLIT_TEST,
} DdpmSplit;

typedef struct _DdpmCifar DdpmCifar;

/* location: a folder (data_batch_*.bin / test_batch.bin of CIFAR-10, train.bin
 * / test.bin of CIFAR-100) or one .bin file, whose records are of 3073 or 3074
 * bytes (CIFAR-100: coarse and fine label), told apart by its size. Files are
 * mapped, not read. */
DdpmCifar *ddpm_cifar_open (const gchar * location, DdpmSplit split, GError ** error);
void ddpm_cifar_free (DdpmCifar * cifar);
guint64 ddpm_cifar_get_n_images (DdpmCifar * cifar);
/* DDPM_CIFAR_PIXELS bytes, valid while cifar is; label: the (fine) class */
const guint8 *ddpm_cifar_get_image (DdpmCifar * cifar, guint64 index, guint * label);

/* The data order of an epoch: a permutation of n that is a function of (seed,
 * epoch, n) alone (Fisher-Yates, DDPM_STREAM_SHUFFLE); order [n] */
void ddpm_cifar_shuffle (guint64 seed, guint64 epoch, guint64 n, guint64 * order);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmCifar, ddpm_cifar_free)

G_END_DECLS
