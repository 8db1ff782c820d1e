/* gst-ddpm: every random number, a function of (seed, sample, stream, element)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Streams. 0: x_T. t = 1..T-1: z of the reverse step evaluated at timestep t.
 * From DDPM_STREAM_TRAINER up: the trainer's, and then the evaluator's. */
#define DDPM_STREAM_X_T 0u
#define DDPM_STREAM_TRAINER 0x80000000u
/* t, from the uniform of element 0 */
#define DDPM_STREAM_TIMESTEP (DDPM_STREAM_TRAINER + 0u)
/* normals */
#define DDPM_STREAM_EPS (DDPM_STREAM_TRAINER + 1u)
/* the uniform of element 0 < 0.5: flip */
#define DDPM_STREAM_FLIP (DDPM_STREAM_TRAINER + 2u)
/* uniforms; sample = index of the parameter in the table */
#define DDPM_STREAM_INIT (DDPM_STREAM_TRAINER + 3u)
/* data order; sample = epoch */
#define DDPM_STREAM_SHUFFLE (DDPM_STREAM_TRAINER + 4u)
/* the uniform of element 0 < label_dropout: the image has no label */
#define DDPM_STREAM_LABEL (DDPM_STREAM_TRAINER + 5u)
/* + number of the dropout layer, in order of execution */
#define DDPM_STREAM_DROPOUT (DDPM_STREAM_TRAINER + 0x1000u)
/* The evaluator's; sample = number of the image in its data set */
#define DDPM_STREAM_EVALUATOR 0xc0000000u
/* + t: normals, the eps of x_t */
#define DDPM_STREAM_EVALUATOR_EPS (DDPM_STREAM_EVALUATOR + 0u)
/* element k: uniform, timestep k of the image */
#define DDPM_STREAM_EVALUATOR_TIMESTEP (DDPM_STREAM_EVALUATOR + 0x1000000u)

/* out[i] = normal of element first_element + i */
void ddpm_noise_normal (guint64 seed, guint64 sample, guint32 stream,
    guint64 first_element, gsize count, gfloat * out);
/* uniforms in (0, 1), multiples of 2^-24 that float holds exactly */
void ddpm_noise_uniform (guint64 seed, guint64 sample, guint32 stream,
    guint64 first_element, gsize count, gfloat * out);

G_END_DECLS
