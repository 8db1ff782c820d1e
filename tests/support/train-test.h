/* gst-ddpm: what the tests of ddpmtrainsink share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tests/support/element-test.h"
#include "gst-ddpm/files/checkpoint.h"

/* A network that learns a batch of four in a twentieth of a second */
#define NET " channels=32 channel-mult=1 attention-levels=0 res-blocks=1" \
    " timesteps=10 batch-size=4 warmup-steps=0 backend=reference" \
    " progress-interval=0 "
#define IMAGES "video/x-raw,width=4,height=4,framerate=30/1,format=RGB"
/* Frames that differ. Its ball writes beside such small frames. */
#define VIDEO "videotestsrc name=src pattern=zone-plate kx2=20 ky2=20 kt=1 ! " \
    IMAGES
#define IMAGE_SIZE (4 * 4 * 3)

/* Steps of a third of a second, of 32 parts */
#define LONG_STEPS "batch-size=32 micro-batch=1 max-steps=2 "

gchar *in_folder (const gchar * name);
gboolean exists (const gchar * name);
gchar *contents (const gchar * name, gsize * size);
void write_text (const gchar * name, const gchar * text);
gboolean files_equal (const gchar * a, const gchar * b);
gboolean runs_equal (const gchar * a, const gchar * b);
DdpmModel *load_model (const gchar * name);
DdpmTrainState *load_state (const gchar * name);
void check_saved (const gchar * name, guint64 step, guint64 samples);
GstElement *launch_training (const gchar * name, const gchar * properties);
void train (const gchar * name, const gchar * properties);
GstHarness *harness_training (const gchar * name, const gchar * caps,
    const gchar * properties);
guint8 pixel (guint n, guint i);
GstBuffer *image (guint n);
GstBuffer *image_of_epoch (guint64 epoch, guint64 position, guint64 size);
void push_ok (GstHarness * h, GstBuffer * buffer);
void push_images (GstHarness * h, guint first, guint last);
void push_epochs (GstHarness * h, guint n, guint size);
void check_contents (const gchar * name, const gchar * expected);
void hide_folder (void);
void show_folder (void);
void play_into_step (GstElement * pipeline, guint n);
