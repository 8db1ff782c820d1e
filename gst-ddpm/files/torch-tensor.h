/* gst-ddpm: a tensor in the pickle of PyTorch's files (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/files/file-tensor.h"
#include "gst-ddpm/files/pickle.h"
#include "gst-ddpm/files/zip.h"

G_BEGIN_DECLS

/* prefix: the folder of the archive that has the pickle, with its slash */
typedef struct
{
  DdpmZip *zip;
  const gchar *prefix;
} DdpmTorchArchive;

/* Sets what a value says of a tensor, but for its name; its storage is an entry
 * of the zip. FALSE: it is no tensor that this reader knows, or *problem is set
 * to what is wrong with it */
gboolean ddpm_torch_tensor_get (const DdpmTorchArchive * archive,
    const DdpmPickleValue * value, DdpmFileTensor * tensor,
    const gchar ** problem);

G_END_DECLS
