/* gst-ddpm: the networks of other programs: their names for our parameters
 * (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A family is a program's way to name and shape the parameters of a UNet. Their
 * numbers are those of our parameters, at most in another order.
 */
#pragma once

#include "gst-ddpm/files/tensor-file.h"
#include "gst-ddpm/model/params.h"

G_BEGIN_DECLS

/**
 * DdpmFamilyKind:
 * @DDPM_FAMILY_OURS: the notebook's names; also of files of unknown names
 * @DDPM_FAMILY_DIFFUSERS: UNet2DModel of diffusers
 * @DDPM_FAMILY_PESSER: pesser/pytorch_diffusion and ermongroup/ddim
 * @DDPM_FAMILY_GUIDED: improved-diffusion and guided-diffusion of OpenAI
 */
typedef enum
{
  DDPM_FAMILY_OURS,
  DDPM_FAMILY_DIFFUSERS,
  DDPM_FAMILY_PESSER,
  DDPM_FAMILY_GUIDED,
  DDPM_N_FAMILIES
} DdpmFamilyKind;

/**
 * DdpmTimeTable: how an embedding table is computed that the file does not have
 * @flip: cosines precede sines
 * @shift: frequency i of n is 10000^(-i / (n - shift))
 * @tensor: or the name of a tensor that has its rows; NULL: it is computed
 */
typedef struct
{
  gboolean flip;
  gdouble shift;
  const gchar *tensor;
} DdpmTimeTable;

const gchar *ddpm_family_get_title (DdpmFamilyKind kind);
/* Sets DDPM_ERROR_FORMAT: a network of this family has what ours cannot have.
 * Returns: FALSE */
gboolean ddpm_family_refuse (DdpmFamilyKind kind, DdpmTensorFile * file,
    const gchar * found, GError ** error);
/* Names of tensors that every network of this family has; ends with NULL */
const gchar *const *ddpm_family_get_landmarks (DdpmFamilyKind kind);

/* A part of a tensor of a file, and where its numbers belong */
typedef struct
{
  const DdpmParam *param;
  gsize offset;                 /* from the begin of the parameter */
  DdpmFileTensor *part;
} DdpmFamilyPart;

/* Finds the tensors of all parameters but the embedding table.
 * DDPM_ERROR_FORMAT names a tensor that is missing, or has another shape or
 * type. Returns: (transfer full): array of DdpmFamilyPart, which refers to
 * params and file */
GArray *ddpm_family_require (DdpmFamilyKind kind, DdpmTensorFile * file,
    const DdpmConfig * config, const DdpmParams * params, GError ** error);
/* Finds this family's names of all layers of a network, and of layers that only
 * some networks have. Returns: (transfer full): our name, without ".weight" or
 * ".bias", -> theirs */
GHashTable *ddpm_family_name_layers (DdpmFamilyKind kind,
    const DdpmConfig * config);
/* Reads them to arena [params->trainable]. */
gboolean ddpm_family_read (DdpmTensorFile * file, GArray * parts,
    gfloat * arena, GError ** error);
/* Computes table [timesteps][channels] in the single precision of PyTorch. */
void ddpm_family_compute_time_table (const DdpmTimeTable * table,
    guint timesteps, guint channels, gfloat * to);

/* Infer the network of a file of this family: sets its fields in config and the
 * rules of the table. DDPM_ERROR_FORMAT names what is not one of ours. told:
 * adds what was assumed. */
gboolean ddpm_pesser_infer (DdpmTensorFile * file, DdpmConfig * config,
    DdpmTimeTable * table, GError ** error);
gboolean ddpm_guided_infer (DdpmTensorFile * file, DdpmConfig * config,
    DdpmTimeTable * table, GPtrArray * remarks, GError ** error);

/* A number of a tensor's shape; 0: there is no such tensor or dimension */
guint ddpm_family_get_size (DdpmTensorFile * file, guint dim,
    const gchar * format, ...) G_GNUC_PRINTF (3, 4);
gboolean ddpm_family_has (DdpmTensorFile * file, const gchar * format, ...)
    G_GNUC_PRINTF (2, 3);
/* Sets the channels of a level. */
void ddpm_family_set_level (DdpmConfig * config, guint level, guint channels);

G_END_DECLS
