/* gst-ddpm: models and training states on disk, as safetensors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "kernels/backend.h"

G_BEGIN_DECLS

/**
 * ddpm_checkpoint_load:
 * @path: (nullable) (type filename): a file, or the name of a built-in model;
 *   %NULL or "" means the first one (write "./NAME" for a file of such a name)
 * @error: return location for a #GError
 *
 * Loads a checkpoint: ours, or a PyTorch state_dict that save_file() of
 * safetensors wrote, in F32, F16 or BF16. Architecture and schedule come from
 * __metadata__, or else from names and shapes.
 *
 * Built-in models are files in the folder that the environment variable
 * GST_DDPM_MODEL_DIR names, or else in the library's build or data folder.
 *
 * Returns: (transfer full): the model; %NULL and an error that names the file,
 *   what was expected and what was found. Weights that are not finite are an
 *   error.
 */
DdpmModel *ddpm_checkpoint_load (const gchar * path, GError ** error);

/**
 * ddpm_checkpoint_load_shared:
 * @path: (nullable) (type filename): as of ddpm_checkpoint_load()
 * @error: return location for a #GError
 *
 * Loads a checkpoint, or finds the model that this process has already loaded
 * from the same file (device, inode, size and time of the last change) and that
 * is still referenced. If another thread is loading it, waits for it. Any
 * thread may call this function. The model's location is the path that it was
 * loaded from first.
 *
 * Returns: (transfer full): a model that must not be changed; %NULL and an
 *   error as from ddpm_checkpoint_load()
 */
DdpmModel *ddpm_checkpoint_load_shared (const gchar * path, GError ** error);

/**
 * ddpm_checkpoint_load_shared_as:
 * @path: (nullable) (type filename): as of ddpm_checkpoint_load()
 * @trained: (nullable): how the model was trained; %NULL: as the file says
 * @error: return location for a #GError
 *
 * Loads a checkpoint as ddpm_checkpoint_load_shared() does, but @trained
 * overrides what the file says. A model is shared with those who say the same.
 *
 * Returns: (transfer full): a model that must not be changed; %NULL and an
 *   error as from ddpm_checkpoint_load(), or %DDPM_ERROR_SETTINGS for what the
 *   model cannot have been trained with
 */
DdpmModel *ddpm_checkpoint_load_shared_as (const gchar * path,
    const DdpmTrained * trained, GError ** error);

/**
 * ddpm_checkpoint_load_bytes:
 * @bytes: content of a checkpoint; it is not kept
 * @name: what messages call it
 * @error: return location for a #GError
 *
 * Loads a checkpoint that is in memory.
 *
 * Returns: (transfer full): the model; %NULL and an error as from
 *   ddpm_checkpoint_load()
 */
DdpmModel *ddpm_checkpoint_load_bytes (GBytes * bytes, const gchar * name,
    GError ** error);

/**
 * ddpm_checkpoint_get_builtin_names:
 *
 * Lists the built-in models.
 *
 * Returns: (transfer none) (array zero-terminated=1): the names of the built-in
 *   models, the default first
 */
const gchar *const *ddpm_checkpoint_get_builtin_names (void);

/**
 * ddpm_checkpoint_save:
 * @model: a model
 * @type: type of the weights in the file
 * @path: (type filename): file to write
 * @error: return location for a #GError
 *
 * Writes the weights under their plain names, and __metadata__. The file is
 * replaced whole (temporary file beside it, fsync, rename): whatever ends the
 * process, @path is the old file or the new one.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_WRITE or %DDPM_ERROR_NO_SPACE; the
 *   old file is then unchanged
 */
gboolean ddpm_checkpoint_save (const DdpmModel * model, DdpmType type,
    const gchar * path, GError ** error);

/**
 * ddpm_checkpoint_save_state_dict:
 * @model: a model
 * @type: type of the weights in the file
 * @path: (type filename): file to write
 * @error: return location for a #GError
 *
 * Writes what ddpm_checkpoint_save() writes, but no __metadata__ of ours: the
 * file is the state_dict of the notebook's UNet and says nothing else.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_WRITE or %DDPM_ERROR_NO_SPACE; the
 *   old file is then unchanged
 */
gboolean ddpm_checkpoint_save_state_dict (const DdpmModel * model,
    DdpmType type, const gchar * path, GError ** error);

/**
 * ddpm_checkpoint_save_diffusers:
 * @model: a model
 * @type: type of the weights in the folder
 * @folder: (type filename): folder to make
 * @replace: if the folder is there already and not empty, rename it to
 *   "<folder>.old". %FALSE: that is an error
 * @error: return location for a #GError
 *
 * Writes a folder that DDPMPipeline.from_pretrained() of diffusers opens:
 * model_index.json, unet/ and scheduler/. It is made under another name and
 * renamed when it is complete.
 * ddpm_checkpoint_list_diffusers_limits() lists what that pipeline cannot do
 * with the model.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for a network that
 *   UNet2DModel of diffusers cannot be, %DDPM_ERROR_WRITE or
 *   %DDPM_ERROR_NO_SPACE; nothing has changed then
 */
gboolean ddpm_checkpoint_save_diffusers (const DdpmModel * model,
    DdpmType type, const gchar * folder, gboolean replace, GError ** error);

/**
 * ddpm_checkpoint_list_diffusers_limits:
 * @model: a model
 *
 * Lists what DDPMPipeline of diffusers cannot do with a model that
 * ddpm_checkpoint_save_diffusers() has written.
 *
 * Returns: (transfer full) (array zero-terminated=1): sentences for people;
 *   none where the pipeline samples from the model as we do
 */
gchar **ddpm_checkpoint_list_diffusers_limits (const DdpmModel * model);

/**
 * ddpm_checkpoint_can_save:
 * @path: (type filename): a file
 * @error: return location for a #GError
 *
 * Finds out whether a checkpoint could be written. Changes nothing on disk.
 *
 * Returns: whether ddpm_checkpoint_save() could write @path now; if not,
 *   %DDPM_ERROR_WRITE or %DDPM_ERROR_NO_SPACE says why
 */
gboolean ddpm_checkpoint_can_save (const gchar * path, GError ** error);

/**
 * ddpm_checkpoint_keep_old:
 * @path: (type filename): a checkpoint that will be replaced
 * @base: (nullable) (type filename): the path from which
 *   ddpm_train_state_path() makes that of the training state; %NULL: no state
 *   is kept
 * @error: return location for a #GError
 *
 * Gives the files of another run, as far as they exist, second names, which
 * they keep when they are replaced: "ckpt.bin.old" and "ckpt.bin.old.state".
 * Files of these names are replaced.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_WRITE
 */
gboolean ddpm_checkpoint_keep_old (const gchar * path,
    const gchar * base, GError ** error);

/**
 * ddpm_checkpoint_can_keep_old:
 * @path: (type filename): a checkpoint that will be replaced
 * @base: (nullable) (type filename): the path from which
 *   ddpm_train_state_path() makes that of the training state; %NULL: no state
 *   is kept
 * @error: return location for a #GError
 *
 * Finds out whether the files of another run could be kept. Changes nothing on
 * disk.
 *
 * Returns: whether ddpm_checkpoint_keep_old() could succeed now; if not,
 *   %DDPM_ERROR_WRITE says why
 */
gboolean ddpm_checkpoint_can_keep_old (const gchar * path,
    const gchar * base, GError ** error);

/**
 * DdpmCheckpointLock: (skip)
 *
 * A run's right to write a checkpoint.
 */
typedef struct _DdpmReplace DdpmCheckpointLock;

/**
 * ddpm_checkpoint_lock: (skip)
 * @path: (type filename): a checkpoint that a run will write
 * @error: return location for a #GError
 *
 * Reserves a checkpoint for a run, in this process and all others of the
 * machine. The lock ends with ddpm_checkpoint_unlock() or with the process. On
 * file systems without locks, nothing is reserved.
 *
 * Returns: (transfer full): a lock; %NULL and %DDPM_ERROR_WRITE if another run
 *   has it, or if the folder cannot be written
 */
DdpmCheckpointLock *ddpm_checkpoint_lock (const gchar * path, GError ** error);

/**
 * ddpm_checkpoint_unlock: (skip)
 * @lock: (transfer full): a lock
 *
 * Ends a lock.
 */
void ddpm_checkpoint_unlock (DdpmCheckpointLock * lock);

/**
 * DdpmTrainState:
 * @config: configuration of the network
 * @width: width of the images in pixels
 * @height: height of the images in pixels
 * @weights: the weights that are trained
 * @ema: (nullable): their moving average
 * @adam_m: Adam's first moments
 * @adam_v: Adam's second moments
 * @time_table: (nullable): the embedding of each timestep, [T][channels], which
 *   is not trained; %NULL: the notebook's
 * @step: optimizer steps done
 * @samples: images trained on, which is the index of the next sample
 * @epoch: epochs done, as the element counts them
 * @seed: seed
 * @loss_smoothed: smoothed loss
 * @class_names: (nullable) (array zero-terminated=1): the name of each class
 * @settings: (nullable) (element-type utf8 utf8): further settings of the run,
 *   name to value
 *
 * All that a training run needs to be resumed. The other arrays have as many
 * floats as ddpm_config_count_parameters() returns. They belong to the state if
 * it was loaded, and to the caller if it is saved.
 */
typedef struct
{
  DdpmConfig config;
  guint width, height;
  gfloat *weights, *ema, *adam_m, *adam_v, *time_table;
  guint64 step;
  guint64 samples;
  guint64 epoch;
  guint64 seed;
  gdouble loss_smoothed;
  gchar **class_names;
  GHashTable *settings;
} DdpmTrainState;

GType ddpm_train_state_get_type (void);

/**
 * ddpm_train_state_path:
 * @checkpoint_path: (type filename): path of a checkpoint, such as "ckpt.bin"
 *
 * Gets the path of the training state that belongs to a checkpoint.
 *
 * Returns: (transfer full) (type filename): path of its training state:
 *   "ckpt.bin.state"
 */
gchar *ddpm_train_state_path (const gchar * checkpoint_path);

/**
 * ddpm_train_state_can_save:
 * @path: (type filename): a file
 * @error: return location for a #GError
 *
 * Finds out whether a training state could be written. Changes nothing on disk.
 *
 * Returns: whether ddpm_train_state_save() could write @path now; if not,
 *   %DDPM_ERROR_WRITE or %DDPM_ERROR_NO_SPACE says why
 */
gboolean ddpm_train_state_can_save (const gchar * path, GError ** error);

/**
 * ddpm_train_state_save:
 * @state: a state
 * @path: (type filename): file to write
 * @error: return location for a #GError
 *
 * Writes a training state. Replaces the file whole, as ddpm_checkpoint_save()
 * does, but follows no symbolic link: a link at @path is itself replaced, since
 * the name is derived and another user may have laid it.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_WRITE or %DDPM_ERROR_NO_SPACE; the
 *   old file is then unchanged
 */
gboolean ddpm_train_state_save (const DdpmTrainState * state,
    const gchar * path, GError ** error);

/**
 * ddpm_train_state_load: (constructor)
 * @path: (type filename): a file
 * @error: return location for a #GError
 *
 * Loads a training state.
 *
 * Returns: (transfer full): the state; %NULL and %DDPM_ERROR_NOT_FOUND, _READ,
 *   _FORMAT or _NO_SPACE on failure
 */
DdpmTrainState *ddpm_train_state_load (const gchar * path, GError ** error);

/**
 * ddpm_train_state_free: (skip)
 * @state: (nullable) (transfer full): a state from ddpm_train_state_load()
 *
 * Frees a training state.
 */
void ddpm_train_state_free (DdpmTrainState * state);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmTrainState, ddpm_train_state_free)

G_END_DECLS
