/* gst-ddpm: the safetensors format, read and written (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 8 bytes, little-endian: length N of the header; N bytes of JSON, an object
 * of name -> {"dtype", "shape", "data_offsets": [begin, end)}, offsets counted
 * from behind the header, and "__metadata__", strings to strings; then the
 * data, little-endian, row-major, without holes or overlap.
 */
#pragma once

#include "kernels/ops.h"

G_BEGIN_DECLS

#define DDPM_SAFETENSORS_MAX_HEADER 100000000   /* as the official reader */
#define DDPM_SAFETENSORS_MAX_DIMS 8
#define DDPM_SAFETENSORS_METADATA "__metadata__"

/**
 * DdpmFileTensor:
 * @dtype: as the file calls it: "F32", "F16", "BF16", "I64", ...
 * @begin: first byte of the data, counted from behind the header
 * @end: first byte behind it
 * @required: ddpm_safetensors_require() asked for it
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
 * @tensors: name -> DdpmFileTensor, each with a known dtype and a size that is
 *   that of its shape
 * @metadata: name -> value, both strings
 */
typedef struct
{
  GHashTable *tensors;
  GHashTable *metadata;
} DdpmSafetensorsHeader;

/* text: size bytes, 0-terminated behind them; data_size: bytes behind the
 * header, which the tensors must cover, each byte once. Messages name
 * location. FALSE: header is as it was. */
gboolean ddpm_safetensors_header_parse (DdpmSafetensorsHeader * header,
    const gchar * text, gsize size, guint64 data_size, const gchar * location,
    GError ** error);
void ddpm_safetensors_header_clear (DdpmSafetensorsHeader * header);
/* Text of a file, fit for a message: escaped and cut */
gchar *ddpm_safetensors_quote (const gchar * text);
/* "[32, 3, 3, 3]" */
gchar *ddpm_safetensors_shape_to_string (guint n_dims, const guint64 * shape);

/* --- reader ---------------------------------------------------------- */

typedef struct _DdpmSafetensors DdpmSafetensors;

/* Reads and checks the header; no data yet. */
DdpmSafetensors *ddpm_safetensors_open (const gchar * path, GError ** error);
/* name: for messages */
DdpmSafetensors *ddpm_safetensors_open_bytes (GBytes * bytes,
    const gchar * name, GError ** error);
void ddpm_safetensors_free (DdpmSafetensors * file);
/* The file's name, for messages */
const gchar *ddpm_safetensors_get_location (DdpmSafetensors * file);
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
/* DDPM_ERROR_FORMAT if there is a tensor that nobody required */
gboolean ddpm_safetensors_check_all_required (DdpmSafetensors * file,
    GError ** error);
/* Elements of a tensor that require() returned, as floats, to out. A number
 * that is not finite is DDPM_ERROR_FORMAT. */
gboolean ddpm_safetensors_read (DdpmSafetensors * file,
    const DdpmFileTensor * tensor, gfloat * out, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmSafetensors, ddpm_safetensors_free)

/* --- writer ---------------------------------------------------------- */

typedef struct _DdpmSafetensorsWriter DdpmSafetensorsWriter;

DdpmSafetensorsWriter *ddpm_safetensors_writer_new (void);
void ddpm_safetensors_writer_free (DdpmSafetensorsWriter * writer);
/* What is not UTF-8 is made so. */
void ddpm_safetensors_writer_add_metadata (DdpmSafetensorsWriter * writer,
    const gchar * name, const gchar * value);
/* data: borrowed until the writer is freed. Names must differ. */
void ddpm_safetensors_writer_add (DdpmSafetensorsWriter * writer,
    const gchar * name, DdpmType type, guint n_dims, const guint * shape,
    const gfloat * data);
/* Replaces the file whole; memory for a copy of the data is not taken. */
gboolean ddpm_safetensors_writer_write (DdpmSafetensorsWriter * writer,
    const gchar * path, GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmSafetensorsWriter,
    ddpm_safetensors_writer_free)

G_END_DECLS
