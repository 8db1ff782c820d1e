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

#include "gst-ddpm/files/file-tensor.h"
#include "gst-ddpm/files/input.h"
#include "kernels/ops.h"
#include "kernels/replace.h"

G_BEGIN_DECLS

#define DDPM_SAFETENSORS_MAX_HEADER 100000000   /* the official limit */
#define DDPM_SAFETENSORS_METADATA "__metadata__"

/* --- reader ---------------------------------------------------------- */

/* text: size bytes and a 0; data_size: bytes behind the header: the tensors
 * must cover each byte once; location: the file, for messages. FALSE: header is
 * unchanged */
gboolean ddpm_safetensors_header_parse (DdpmFileContent * header,
    const gchar * text, gsize size, guint64 data_size, const gchar * location,
    GError ** error);
/* Reads and checks the header, no data. *data: where offsets count from. FALSE:
 * content is unchanged */
gboolean ddpm_safetensors_read_header (const DdpmInput * input,
    DdpmFileContent * content, guint64 * data, GError ** error);

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
