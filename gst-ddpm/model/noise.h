/* gst-ddpm: random numbers: functions of (seed, sample, stream, element)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/backend.h"

G_BEGIN_DECLS

/* Stream 0 is x_T; stream t = 1..T-1 is the noise z of the reverse step that is
 * evaluated at timestep t. The trainer's streams begin at DDPM_STREAM_TRAINER,
 * the evaluator's at DDPM_STREAM_EVALUATOR. */
#define DDPM_STREAM_X_T 0u
#define DDPM_STREAM_TRAINER 0x80000000u
/* the uniform of element 0 gives the timestep */
#define DDPM_STREAM_TIMESTEP (DDPM_STREAM_TRAINER + 0u)
/* the noise eps */
#define DDPM_STREAM_EPS (DDPM_STREAM_TRAINER + 1u)
/* the uniform of element 0 is below 0.5: the image is flipped */
#define DDPM_STREAM_FLIP (DDPM_STREAM_TRAINER + 2u)
/* initial weights; sample: index of the parameter in its table */
#define DDPM_STREAM_INIT (DDPM_STREAM_TRAINER + 3u)
/* order of the training data; sample: epoch */
#define DDPM_STREAM_SHUFFLE (DDPM_STREAM_TRAINER + 4u)
/* the uniform of element 0 is below label_dropout: the label is dropped */
#define DDPM_STREAM_LABEL (DDPM_STREAM_TRAINER + 5u)
/* plus the number of the dropout layer, in order of execution */
#define DDPM_STREAM_DROPOUT (DDPM_STREAM_TRAINER + 0x1000u)
/* sample: index of the image in its data set */
#define DDPM_STREAM_EVALUATOR 0xc0000000u
/* plus t: the noise eps of x_t */
#define DDPM_STREAM_EVALUATOR_EPS (DDPM_STREAM_EVALUATOR + 0u)
/* the uniform of element k gives timestep k of the image */
#define DDPM_STREAM_EVALUATOR_TIMESTEP (DDPM_STREAM_EVALUATOR + 0x1000000u)

/**
 * ddpm_noise_normal:
 * @seed: seed
 * @sample: index of the sample
 * @stream: stream, see above
 * @first_element: index of the first element
 * @count: number of elements
 * @out: (out caller-allocates) (array length=count): normal numbers
 *
 * Element i is a function of (@seed, @sample, @stream, i) alone, on every
 * machine and in every batch: Philox4x32-10, then Box-Muller.
 */
void ddpm_noise_normal (guint64 seed, guint64 sample, guint32 stream,
    guint64 first_element, gsize count, gfloat * out);

/**
 * ddpm_noise_uniform:
 * @seed: seed
 * @sample: index of the sample
 * @stream: stream, see above
 * @first_element: index of the first element
 * @count: number of elements
 * @out: (out caller-allocates) (array length=count): uniform numbers in (0, 1),
 *   multiples of 2^-24, which float holds exactly
 */
void ddpm_noise_uniform (guint64 seed, guint64 sample, guint32 stream,
    guint64 first_element, gsize count, gfloat * out);

/**
 * ddpm_noise_normal_batch:
 * @backend: the backend that computes
 * @seed: seed
 * @first_sample: index of the first sample
 * @stream: stream of each sample
 * @n: samples
 * @elements: normals of a sample, from element 0 on
 * @out: (n, elements) memory of the backend, complete after the call
 * @error: what failed
 *
 * Returns: FALSE if the backend failed
 */
gboolean ddpm_noise_normal_batch (DdpmBackend * backend, guint64 seed,
    guint64 first_sample, guint32 stream, guint n, guint elements, float *out,
    GError ** error);

G_END_DECLS
