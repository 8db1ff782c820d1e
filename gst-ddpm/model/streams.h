/* gst-ddpm: the streams of random numbers (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stream 0 is x_T. Stream t = 1..T-1 is the noise z of the reverse step that is
 * evaluated at timestep t, and t + DDPM_STREAM_AGAIN r where that step is made
 * for the r-th time again. The trainer's streams begin at DDPM_STREAM_TRAINER,
 * the evaluator's at DDPM_STREAM_EVALUATOR.
 */
#pragma once

/* plus s: the known part of an image in the state s; plus DDPM_STREAM_AGAIN r:
 * at the r-th return to that state */
#define DDPM_STREAM_KNOWN 0x40000000u
#define DDPM_STREAM_AGAIN 0x10000u
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
