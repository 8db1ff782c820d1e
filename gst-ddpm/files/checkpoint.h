/* gst-ddpm: models and training states on disk, as safetensors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "kernels/ops.h"

G_BEGIN_DECLS

/* Reads a checkpoint of ours or a PyTorch state_dict saved with save_file ():
 * F32, F16 or BF16. Architecture and schedule come from __metadata__ where
 * it has them, else from names and shapes. path may be the name of a built-in
 * model; NULL or "" is that of the first (a file of such a name is "./NAME").
 * Built-in models are files in the folder that the environment variable
 * GST_DDPM_MODEL_DIR names; else in the library's data folder, or its build.
 * Errors name the file, what was expected and what was found; weights that are
 * not finite are an error. */
DdpmModel *ddpm_checkpoint_load (const gchar * path, GError ** error);
/* NULL-terminated; static */
const gchar *const *ddpm_checkpoint_get_builtin_names (void);
/* The same from memory; bytes are referenced only during the call. */
DdpmModel *ddpm_checkpoint_load_bytes (GBytes * bytes, const gchar * name,
    GError ** error);
/* Writes model->weights under the plain names, in @type, with __metadata__;
 * the file is replaced whole (temporary name beside it, fsync, rename). */
gboolean ddpm_checkpoint_save (const DdpmModel * model, DdpmType type,
    const gchar * path, GError ** error);
/* Whether a file could be written to path now; none is, and what is there
 * stays. DDPM_ERROR_WRITE or DDPM_ERROR_NO_SPACE says why not. */
gboolean ddpm_checkpoint_can_save (const gchar * path, GError ** error);

/**
 * DdpmTrainState:
 *
 * All that resuming needs. Arrays have params->trainable floats; they are
 * borrowed when saving and owned when loaded.
 */
typedef struct
{
  DdpmConfig config;
  guint width, height;
  gfloat *weights, *ema, *adam_m, *adam_v;      /* ema NULL: none is kept */
  guint64 step;                 /* optimizer steps done */
  guint64 samples;              /* images learnt from; the next sample index */
  guint64 epoch;                /* epochs done, as counted by the element */
  guint64 seed;
  gdouble loss_smoothed;
  gchar **class_names;          /* [config.classes], or NULL: not known */
  GHashTable *settings;         /* further name -> value (recipe), or NULL */
} DdpmTrainState;

/* "ckpt.bin" -> "ckpt.bin.state" */
gchar *ddpm_train_state_path (const gchar * checkpoint_path);
/* Replaced whole, as a checkpoint is. DDPM_ERROR_WRITE, _NO_SPACE */
gboolean ddpm_train_state_save (const DdpmTrainState * state,
    const gchar * path, GError ** error);
/* Returns: (transfer full): DDPM_ERROR_NOT_FOUND, _READ, _FORMAT, _NO_SPACE */
DdpmTrainState *ddpm_train_state_load (const gchar * path, GError ** error);
void ddpm_train_state_free (DdpmTrainState * state);    /* what load returned */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmTrainState, ddpm_train_state_free)

G_END_DECLS
