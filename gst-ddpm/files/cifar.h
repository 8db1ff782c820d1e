/* gst-ddpm: CIFAR-10 and CIFAR-100, binary version, and MNIST
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/backend.h"

G_BEGIN_DECLS

/**
 * DDPM_CIFAR_SIZE:
 *
 * Width and height of an image of CIFAR in pixels.
 */
#define DDPM_CIFAR_SIZE 32

/**
 * DDPM_CIFAR_PIXELS:
 *
 * Bytes of the largest image: the planes R, G and B of 32 x 32.
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
 *   of CIFAR-10, train.bin and test.bin of CIFAR-100, train-images-idx3-ubyte
 *   and so on of MNIST or Fashion-MNIST, also gzip-compressed), one .bin file,
 *   or one idx3 file beside that of its labels
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
 * ddpm_cifar_use_coarse_labels:
 * @cifar: a data set
 * @error: return location for a #GError
 *
 * Takes the 20 coarse labels of CIFAR-100, and their names, in the place of the
 * 100 fine ones.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS where there are none
 */
gboolean ddpm_cifar_use_coarse_labels (DdpmCifar * cifar, GError ** error);

/**
 * ddpm_cifar_get_size:
 * @cifar: a data set
 *
 * Gets the size of its images.
 *
 * Returns: width and height in pixels: 32, or 28 for MNIST
 */
guint ddpm_cifar_get_size (DdpmCifar * cifar);

/**
 * ddpm_cifar_get_channels:
 * @cifar: a data set
 *
 * Gets the number of planes of its images.
 *
 * Returns: 3: R, G and B; or 1: grey
 */
guint ddpm_cifar_get_channels (DdpmCifar * cifar);

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
 * @pixels: bytes to write, [channels][size][size], at most
 *   %DDPM_CIFAR_PIXELS
 * @label: (nullable): its label to write; CIFAR-100: the fine one, unless
 *   ddpm_cifar_use_coarse_labels() was called
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
 * (CIFAR-100: `fine_label_names.txt` or `coarse_label_names.txt`). Those of
 * MNIST are numbers.
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
