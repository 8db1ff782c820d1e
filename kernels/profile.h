/* gst-ddpm: a backend that is another one and a stop-watch
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every operation is passed on to the backend inside, and counted and timed
 * by its kind; nothing that is computed changes. Who does not ask for one
 * pays nothing. A time ends when the operation is done: a device is waited
 * for each time. Sequences are made call by call meanwhile: they would hide
 * what they are made of.
 */
#pragma once

#include <time.h>
#include "kernels/ops.h"

G_BEGIN_DECLS

typedef enum
{
  DDPM_PROFILE_CONV_FORWARD,
  DDPM_PROFILE_CONV_BACKWARD_DATA,
  DDPM_PROFILE_CONV_BACKWARD_WEIGHTS,
  DDPM_PROFILE_CONV_SET_WEIGHTS,
  DDPM_PROFILE_NORM_FORWARD,
  DDPM_PROFILE_NORM_BACKWARD,
  DDPM_PROFILE_ATTENTION_FORWARD,
  DDPM_PROFILE_ATTENTION_BACKWARD,
  DDPM_PROFILE_LINEAR_FORWARD,
  DDPM_PROFILE_LINEAR_BACKWARD,
  DDPM_PROFILE_UPSAMPLE,
  DDPM_PROFILE_ELEMENTWISE,     /* sums, swish, embeddings */
  DDPM_PROFILE_NOISE,
  DDPM_PROFILE_DIFFUSION,       /* q_sample, loss, guidance, step */
  DDPM_PROFILE_OPTIMIZER,       /* norm of the gradient, Adam */
  DDPM_PROFILE_COPY,            /* upload, download, copy, zero */
} DdpmProfileKind;

#define DDPM_PROFILE_N_KINDS (DDPM_PROFILE_COPY + 1)

/**
 * DdpmProfileEntry:
 * @calls: of functions of the table
 * @seconds: in them
 * @flops: operations of matrix products and convolutions: one multiplication
 *   and one addition are two
 */
typedef struct
{
  guint64 calls;
  gdouble seconds;
  gdouble flops;
} DdpmProfileEntry;

/**
 * DdpmProfileConvolution:
 * @desc: what was planned
 * @passes: forward, backward by data, backward by weights
 */
typedef struct
{
  DdpmConvDesc desc;
  DdpmProfileEntry passes[3];
} DdpmProfileConvolution;

/* Keeps a reference to inner. */
DdpmBackend *ddpm_profile_backend_new (DdpmBackend * inner);
/* CLOCK_MONOTONIC unless told otherwise */
void ddpm_profile_backend_set_clock (DdpmBackend * profile, clockid_t clock);
/* FALSE: calls are passed on, and neither counted nor timed nor waited for,
 * and sequences are run as they would be without any of this */
void ddpm_profile_backend_set_active (DdpmBackend * profile, gboolean active);
/* All counts and times become 0. */
void ddpm_profile_backend_reset (DdpmBackend * profile);
/* [DDPM_PROFILE_N_KINDS], since the last reset */
const DdpmProfileEntry *ddpm_profile_backend_get_entries (DdpmBackend *
    profile);
/* The operations that one forward call of each plan there is takes: those of
 * one forward pass of a network */
gdouble ddpm_profile_backend_get_planned_flops (DdpmBackend * profile);
/* The convolutions that are planned, in the order of planning. FALSE: there
 * is no number i */
gboolean ddpm_profile_backend_get_convolution (DdpmBackend * profile, guint i,
    DdpmProfileConvolution * convolution);

/* "convolution, forward", ... */
const gchar *ddpm_profile_kind_to_string (DdpmProfileKind kind);
/* Of a forward pass; either backward pass takes the same */
gdouble ddpm_conv_desc_get_flops (const DdpmConvDesc * d);

G_END_DECLS
