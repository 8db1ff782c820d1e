/* gst-ddpm: the tensors of a file that torch.save () of PyTorch wrote (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Since PyTorch 1.6 it is a zip archive: NAME/data.pkl is the pickle of what
 * was saved, NAME/data/KEY the numbers of a storage, which tensors share or
 * view in part. Values in dicts and lists get the names that lead to them,
 * joined by dots: "ema_model.head.weight", "states.1.betas".
 */
#pragma once

#include "gst-ddpm/files/file-tensor.h"
#include "gst-ddpm/files/zip.h"

G_BEGIN_DECLS

/* Does the file begin as a zip archive? */
gboolean ddpm_torch_file_is_one (const DdpmInput * input);
/* Reads names and shapes, no numbers. The storage of a tensor is an entry of
 * the zip. location: the file, for messages. FALSE: content is unchanged */
gboolean ddpm_torch_file_read (DdpmZip * zip, const gchar * location,
    DdpmFileContent * content, GError ** error);

G_END_DECLS
