/* gst-ddpm: files of named tensors, whatever their format (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Opening a file reads what its tensors are called, their shapes and where
 * their numbers are, but no numbers. The format is told by the content:
 * safetensors, or what torch.save () of PyTorch writes. One thread at a time
 * may use a file.
 */
#pragma once

#include "gst-ddpm/files/file-tensor.h"

G_BEGIN_DECLS

typedef struct _DdpmTensorFile DdpmTensorFile;

DdpmTensorFile *ddpm_tensor_file_open (const gchar * path, GError ** error);
/* name: what messages call it */
DdpmTensorFile *ddpm_tensor_file_open_bytes (GBytes * bytes,
    const gchar * name, GError ** error);
void ddpm_tensor_file_free (DdpmTensorFile * file);
/* The file's name, for messages; by default its path */
void ddpm_tensor_file_set_location (DdpmTensorFile * file,
    const gchar * location);
const gchar *ddpm_tensor_file_get_location (DdpmTensorFile * file);
/* A text that two open files have in common only if they are one file that has
 * not changed. Returns: (transfer full) */
gchar *ddpm_tensor_file_get_identity (DdpmTensorFile * file);
/* name -> DdpmFileTensor */
GHashTable *ddpm_tensor_file_get_tensors (DdpmTensorFile * file);
/* Replaces the tensors, by copies of some of them under other names perhaps.
 * tensors: (transfer full) */
void ddpm_tensor_file_set_tensors (DdpmTensorFile * file, GHashTable * tensors);
/* name -> value */
GHashTable *ddpm_tensor_file_get_metadata (DdpmTensorFile * file);
/* NULL: no such tensor */
const DdpmFileTensor *ddpm_tensor_file_find (DdpmTensorFile * file,
    const gchar * name);
/* DDPM_ERROR_FORMAT unless name is there with this shape, F64, F32, F16 or
 * BF16 */
const DdpmFileTensor *ddpm_tensor_file_require (DdpmTensorFile * file,
    const gchar * name, guint n_dims, const guint * shape, GError ** error);
/* DDPM_ERROR_FORMAT if require() was not called for one of the tensors. Values
 * that are no tensors do not count. what: what the file should be, such as
 * "one network" */
gboolean ddpm_tensor_file_check_all_required (DdpmTensorFile * file,
    const gchar * what, GError ** error);
/* Converts the elements of a tensor that require() returned to floats, in
 * row-major order. A number that is not finite is DDPM_ERROR_FORMAT. */
gboolean ddpm_tensor_file_read (DdpmTensorFile * file,
    const DdpmFileTensor * tensor, gfloat * out, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmTensorFile, ddpm_tensor_file_free)

G_END_DECLS
