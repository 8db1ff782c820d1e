/* gst-ddpm: the safetensors format, read and written (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file has 8 bytes, the length N of the header (little-endian); N bytes of
 * JSON, an object that maps each tensor's name to {"dtype", "shape",
 * "data_offsets": [begin, end)} and "__metadata__" to an object of strings;
 * then the data, little-endian, row-major, without holes or overlap. Offsets
 * count from the end of the header.
 */
#pragma once

#include "kernels/ops.h"
#include "kernels/replace.h"

G_BEGIN_DECLS

#define DDPM_SAFETENSORS_MAX_HEADER 100000000   /* the official limit */
#define DDPM_SAFETENSORS_MAX_DIMS 8
#define DDPM_SAFETENSORS_METADATA "__metadata__"

/**
 * DdpmFileTensor:
 * @dtype: "F32", "F16", "BF16", "I64", ..., as in the file
 * @begin: offset of the data from the end of the header
 * @end: offset of the first byte behind the data
 * @required: ddpm_safetensors_require() has asked for it
 */
typedef struct
{
  gchar *name;
  const gchar *dtype;
  guint n_dims;
  guint64 shape[DDPM_SAFETENSORS_MAX_DIMS];
  guint64 begin, end;
  gboolean required;
} DdpmFileTensor;

/* --- header ---------------------------------------------------------- */

/**
 * DdpmSafetensorsHeader:
 * @tensors: name -> DdpmFileTensor; its dtype is known, and its size is that of
 *   its shape
 * @metadata: name -> value, both strings
 */
typedef struct
{
  GHashTable *tensors;
  GHashTable *metadata;
} DdpmSafetensorsHeader;

/* text: size bytes and a 0; data_size: bytes behind the header: the tensors
 * must cover each byte once; location: the file, for messages. FALSE: header is
 * unchanged */
gboolean ddpm_safetensors_header_parse (DdpmSafetensorsHeader * header,
    const gchar * text, gsize size, guint64 data_size, const gchar * location,
    GError ** error);
void ddpm_safetensors_header_clear (DdpmSafetensorsHeader * header);
/* Text from a file for a message: escaped, cut and in quotes */
gchar *ddpm_safetensors_quote (const gchar * text);
/* "[32, 3, 3, 3]" */
gchar *ddpm_safetensors_shape_to_string (guint n_dims, const guint64 * shape);

/* --- reader ---------------------------------------------------------- */

typedef struct _DdpmSafetensors DdpmSafetensors;

/* Reads and checks the header, no data. */
DdpmSafetensors *ddpm_safetensors_open (const gchar * path, GError ** error);
/* name: what messages call it */
DdpmSafetensors *ddpm_safetensors_open_bytes (GBytes * bytes,
    const gchar * name, GError ** error);
void ddpm_safetensors_free (DdpmSafetensors * file);
/* The file's name, for messages; by default its path */
void ddpm_safetensors_set_location (DdpmSafetensors * file,
    const gchar * location);
const gchar *ddpm_safetensors_get_location (DdpmSafetensors * file);
/* A text that two open files have in common only if they are one file that has
 * not changed. Returns: (transfer full) */
gchar *ddpm_safetensors_get_identity (DdpmSafetensors * file);
/* name -> DdpmFileTensor */
GHashTable *ddpm_safetensors_get_tensors (DdpmSafetensors * file);
/* name -> value */
GHashTable *ddpm_safetensors_get_metadata (DdpmSafetensors * file);
/* NULL: no such tensor */
const DdpmFileTensor *ddpm_safetensors_find (DdpmSafetensors * file,
    const gchar * name);
/* DDPM_ERROR_FORMAT unless name is there with this shape, F32, F16 or BF16 */
const DdpmFileTensor *ddpm_safetensors_require (DdpmSafetensors * file,
    const gchar * name, guint n_dims, const guint * shape, GError ** error);
/* DDPM_ERROR_FORMAT if require() was not called for one of the tensors */
gboolean ddpm_safetensors_check_all_required (DdpmSafetensors * file,
    GError ** error);
/* Converts the elements of a tensor that require() returned to floats. A number
 * that is not finite is DDPM_ERROR_FORMAT. */
gboolean ddpm_safetensors_read (DdpmSafetensors * file,
    const DdpmFileTensor * tensor, gfloat * out, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmSafetensors, ddpm_safetensors_free)

/* --- writer ---------------------------------------------------------- */

typedef struct _DdpmSafetensorsWriter DdpmSafetensorsWriter;

DdpmSafetensorsWriter *ddpm_safetensors_writer_new (void);
void ddpm_safetensors_writer_free (DdpmSafetensorsWriter * writer);
/* Bytes that are not UTF-8 are replaced. */
void ddpm_safetensors_writer_add_metadata (DdpmSafetensorsWriter * writer,
    const gchar * name, const gchar * value);
/* data must live until the writer is freed. Names must differ. */
void ddpm_safetensors_writer_add (DdpmSafetensorsWriter * writer,
    const gchar * name, DdpmType type, guint n_dims, const guint * shape,
    const gfloat * data);
/* Replaces the file whole, without a copy of the data in memory. */
gboolean ddpm_safetensors_writer_write (DdpmSafetensorsWriter * writer,
    const gchar * path, DdpmReplaceFlags flags, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmSafetensorsWriter,
    ddpm_safetensors_writer_free)

G_END_DECLS
