/* gst-ddpm: random numbers: functions of (seed, sample, stream, element)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/backend.h"

G_BEGIN_DECLS

/**
 * DDPM_STREAM_X_T:
 *
 * The stream of x_T, the noise that sampling starts from.
 *
 * Stream t = 1..T-1 is the noise z of the reverse step that is evaluated at
 * timestep t. Streams from 2^31 up belong to the trainer and the evaluator.
 */
#define DDPM_STREAM_X_T 0u

/**
 * ddpm_noise_normal: (skip)
 * @seed: seed
 * @sample: index of the sample
 * @stream: stream, such as %DDPM_STREAM_X_T
 * @first_element: index of the first element
 * @count: number of elements
 * @out: (array length=count): the numbers to write
 *
 * Computes standard normal numbers.
 *
 * Element i is a function of (@seed, @sample, @stream, i) alone, on every
 * machine and in every batch: Philox4x32-10 (Salmon et al. 2011), then
 * Box-Muller. Element (y W + x) C + c is channel c of the pixel at (x, y) of an
 * image of width W with C channels.
 */
void ddpm_noise_normal (guint64 seed, guint64 sample, guint32 stream,
    guint64 first_element, gsize count, gfloat * out);

/**
 * ddpm_noise_keyframe_normal: (skip)
 * @seed: seed
 * @sample: index of the sample
 * @interval: samples from one keyframe to the next; 0: there are no keyframes
 * @stream: stream, such as %DDPM_STREAM_X_T
 * @first_element: index of the first element
 * @count: number of elements
 * @out: (array length=count): the numbers to write
 *
 * Computes standard normal numbers that move smoothly from one keyframe to the
 * next.
 *
 * Sample n stands at f = (n mod @interval) / @interval between the keyframes
 * K = n div @interval and K + 1, and its numbers are cos (pi f / 2) z (K) +
 * sin (pi f / 2) z (K + 1), for the numbers z of ddpm_noise_normal(): of
 * variance 1, too. They are the same bits on every machine.
 */
void ddpm_noise_keyframe_normal (guint64 seed, guint64 sample,
    guint32 interval, guint32 stream, guint64 first_element, gsize count,
    gfloat * out);

/**
 * ddpm_noise_uniform: (skip)
 * @seed: seed
 * @sample: index of the sample
 * @stream: stream, such as %DDPM_STREAM_X_T
 * @first_element: index of the first element
 * @count: number of elements
 * @out: (array length=count): the numbers to write
 *
 * Computes uniform numbers in (0, 1): multiples of 2^-24, which floats hold
 * exactly. They depend on the same four numbers as those of
 * ddpm_noise_normal().
 */
void ddpm_noise_uniform (guint64 seed, guint64 sample, guint32 stream,
    guint64 first_element, gsize count, gfloat * out);

/**
 * ddpm_noise_normal_batch: (skip)
 * @backend: the backend that computes
 * @seed: seed
 * @first_sample: index of the first sample
 * @interval: samples from one keyframe to the next; 0: there are no keyframes
 * @stream: stream, such as %DDPM_STREAM_X_T
 * @n: number of samples
 * @elements: number of elements of a sample, from element 0 on
 * @out: memory of @backend to write, [n][elements] floats
 * @error: return location for a #GError
 *
 * Computes the numbers of ddpm_noise_keyframe_normal() for a batch of samples,
 * and waits until they are there.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_NO_SPACE or %DDPM_ERROR_LIBRARY if
 *   the backend failed
 */
gboolean ddpm_noise_normal_batch (DdpmBackend * backend, guint64 seed,
    guint64 first_sample, guint32 interval, guint32 stream, guint n,
    guint elements, float *out, GError ** error);

G_END_DECLS
