/* gst-ddpm: what a data set knows of an image, as a custom meta; and of all of
 * them, as a tag
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* GstCustomMeta with the fields label (int, class; -1: none), index (uint64,
 * record in the data set), epoch (uint64, from 0), position (uint64, in the
 * epoch, from 0), epoch-size (uint64, images of an epoch; 0: there are no
 * epochs). No tags: it passes videoconvert and queue. */
#define GST_DDPM_SAMPLE_META "GstDdpmSampleMeta"

/* The names of a data set's classes, "cat,dog,...", as a tag of its stream: so
 * they too pass whatever is between a source and a sink. */
#define GST_DDPM_TAG_CLASS_NAMES "ddpm-class-names"

typedef struct
{
  gint label;
  guint64 index, epoch, position, epoch_size;
} GstDdpmSample;

/* Meta and tag; idempotent, from plugin_init */
void gst_ddpm_sample_meta_register (void);
void gst_ddpm_buffer_add_sample (GstBuffer * buffer,
    const GstDdpmSample * sample);
gboolean gst_ddpm_buffer_get_sample (GstBuffer * buffer,
    GstDdpmSample * sample);

G_END_DECLS
