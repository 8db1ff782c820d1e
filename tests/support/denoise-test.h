/* gst-ddpm: what the tests of ddpmdenoise share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/params.h"
#include "tests/support/element-test.h"
#include "gst-ddpm/ddpm.h"

/* Images are small, and rows of RGB are not as long as their stride. */
#define WIDTH 6
#define HEIGHT 4

extern gchar *model_folder;

void write_model_file (const gchar * name, guint image_channels, guint T,
    const gchar * classes);
void write_model (guint image_channels, guint T);
void write_models (void);
void remove_models (void);
const gchar *denoise (guint image_channels, guint T, const gchar * properties);
const gchar *noise (guint n_buffers, guint channels, guint batch);
GstHarness *harness_denoise (guint T, const gchar * properties,
    const gchar * caps);
GstBuffer *zero_states (guint batch);
GPtrArray *take_all (GstElement * pipeline);
GPtrArray *run (const gchar * source, const gchar * element,
    const gchar * caps);
GstBuffer *nth_buffer (GPtrArray * samples, guint n);
gboolean same_bits (GstBuffer * a, GstBuffer * b);
void check_same (GPtrArray * a, guint i, GPtrArray * b, guint j);
