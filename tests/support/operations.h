/* gst-ddpm: the operations of a backend, run on made-up data
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A case says what to run; running it on a backend gives an outcome, which is
 * compared with that of another backend, run, batch or number of threads.
 */
#pragma once

#include "tests/support/tensors.h"

typedef enum
{ NO_RESIDUAL, OTHER_RESIDUAL, IN_PLACE } Residual;

typedef struct _Case Case;
struct _Case
{
  void (*run) (DdpmBackend * b, const Case * c, guint shift, Outcome * out);
  DdpmConvDesc conv;
  DdpmNormDesc norm;
  DdpmAttentionDesc attention;
  guint linear[3];              /* rows, in, out */
  Residual residual;
  gboolean add;                 /* gradients are added to what is there */
  float dropout;
  float mean;                   /* of activations before a norm */
};

void run_conv (DdpmBackend * b, const Case * c, guint shift, Outcome * out);
void run_norm (DdpmBackend * b, const Case * c, guint shift, Outcome * out);
void run_attention (DdpmBackend * b, const Case * c, guint shift,
    Outcome * out);
void assert_attention_memory_is_linear (DdpmBackend * b);
void run_linear (DdpmBackend * b, const Case * c, guint shift, Outcome * out);
void run_small_activations (DdpmBackend * b, const Case * c, guint shift,
    Outcome * out);
void run_swish (DdpmBackend * b, const Case * c, guint shift, Outcome * out);
void run_halves (DdpmBackend * b, const Case * c, guint shift, Outcome * out);
void run_embedding (DdpmBackend * b, const Case * c, guint shift,
    Outcome * out);
void run_labels (DdpmBackend * b, const Case * c, guint shift, Outcome * out);
void run_diffusion (DdpmBackend * b, const Case * c, guint shift,
    Outcome * out);
void run_losses (DdpmBackend * b, const Case * c, guint shift, Outcome * out);
void run_adam (DdpmBackend * b, const Case * c, guint shift, Outcome * out);

Outcome case_run (DdpmBackend * b, const Case * c, guint shift);
