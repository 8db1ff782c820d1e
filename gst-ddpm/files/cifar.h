/* gst-ddpm: CIFAR-10 and CIFAR-100, binary version
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/backend.h"

G_BEGIN_DECLS

/**
 * DDPM_CIFAR_SIZE:
 *
 * Width and height of an image in pixels.
 */
#define DDPM_CIFAR_SIZE 32

/**
 * DDPM_CIFAR_PIXELS:
 *
 * Bytes of an image: the planes R, G and B of 32 x 32.
 */
#define DDPM_CIFAR_PIXELS 3072

/**
 * DdpmSplit:
 * @DDPM_SPLIT_TRAIN: the training images
 * @DDPM_SPLIT_TEST: the test images
 *
 * A part of a data set.
 */
typedef enum
{
  DDPM_SPLIT_TRAIN,
  DDPM_SPLIT_TEST,
} DdpmSplit;

/**
 * DdpmCifar:
 *
 * An open data set. Its files stay open, and images are read one at a time: a
 * file that shrinks meanwhile is an error, not a SIGBUS.
 */
typedef struct _DdpmCifar DdpmCifar;

GType ddpm_cifar_get_type (void);

/**
 * ddpm_cifar_open: (constructor)
 * @location: (type filename): a folder (data_batch_1..5.bin and test_batch.bin
 *   of CIFAR-10, or train.bin and test.bin of CIFAR-100), or one .bin file
 * @split: which files of a folder to open; ignored for a single file
 * @error: return location for a #GError
 *
 * Opens a data set. The size of a single file tells records of 3073 bytes from
 * those of 3074 (CIFAR-100: a coarse label and a fine one).
 *
 * Returns: (transfer full): the data set; %NULL and %DDPM_ERROR_NOT_FOUND,
 *   _READ, or _FORMAT where a size is no multiple of a record's
 */
DdpmCifar *ddpm_cifar_open (const gchar * location, DdpmSplit split,
    GError ** error);

/**
 * ddpm_cifar_free: (skip)
 * @cifar: (nullable) (transfer full): a data set
 *
 * Closes a data set.
 */
void ddpm_cifar_free (DdpmCifar * cifar);

/**
 * ddpm_cifar_get_n_images:
 * @cifar: a data set
 *
 * Counts the images.
 *
 * Returns: number of images
 */
guint64 ddpm_cifar_get_n_images (DdpmCifar * cifar);

/**
 * ddpm_cifar_read: (skip)
 * @cifar: a data set
 * @index: index of an image, below ddpm_cifar_get_n_images()
 * @pixels: [%DDPM_CIFAR_PIXELS] bytes to write
 * @label: (nullable): its label to write; CIFAR-100: the fine label
 * @error: return location for a #GError
 *
 * Reads an image. Any thread may call it.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_READ or %DDPM_ERROR_FORMAT
 */
gboolean ddpm_cifar_read (DdpmCifar * cifar, guint64 index, guint8 * pixels,
    guint * label, GError ** error);

/**
 * ddpm_cifar_get_class_names:
 * @cifar: a data set
 *
 * Gets the names of the classes, from the folder's `batches.meta.txt`
 * (CIFAR-100: `fine_label_names.txt`).
 *
 * Returns: (nullable): names such as "airplane,automobile,..."; %NULL: the
 *   folder has no usable names
 */
const gchar *ddpm_cifar_get_class_names (DdpmCifar * cifar);

/**
 * ddpm_cifar_get_notes:
 * @cifar: a data set
 *
 * Tells what is wrong with a folder that can be used nevertheless: its last
 * files are missing, or its file of class names is of no use.
 *
 * Returns: (nullable): a sentence for people; %NULL: nothing is wrong
 */
const gchar *ddpm_cifar_get_notes (DdpmCifar * cifar);

/**
 * ddpm_cifar_shuffle: (skip)
 * @seed: seed
 * @epoch: epoch
 * @n: number of images
 * @order: (array length=n): the order to write: a permutation of 0 .. @n - 1
 *
 * Computes the order of the images in an epoch, a function of (@seed, @epoch,
 * @n) alone (Fisher-Yates).
 */
void ddpm_cifar_shuffle (guint64 seed, guint64 epoch, guint64 n,
    guint64 * order);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmCifar, ddpm_cifar_free)

G_END_DECLS
