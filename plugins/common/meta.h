/* gst-ddpm: custom meta with the label and position of a training image, and
 * tag with the class names of a data set
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A GstCustomMeta with the fields label (int, class; -1: none), index (uint64,
 * record in the data set), epoch (uint64, from 0), position (uint64, in the
 * epoch, from 0) and epoch-size (uint64, images per epoch; 0: no epochs). It
 * has no tags, so videoconvert and queue keep it. Readers take any integer
 * type, and no field is required. */
#define GST_DDPM_SAMPLE_META "GstDdpmSampleMeta"

/* A stream tag with the class names of a data set, "cat,dog,...". Elements
 * between source and sink forward tags. */
#define GST_DDPM_TAG_CLASS_NAMES "ddpm-class-names"

/* Sends the tag before the next buffer of a source. names NULL: none */
void gst_ddpm_element_send_class_names (GstElement * source,
    const gchar * names);

typedef struct
{
  gint label;
  guint64 index, epoch, position, epoch_size;
  /* where one is read: */
  gboolean has_label;           /* -1 included */
  gboolean has_epoch;
} GstDdpmSample;

/* Registers the meta and the tag; called by plugin_init. */
void gst_ddpm_sample_meta_register (void);
void gst_ddpm_buffer_add_sample (GstBuffer * buffer,
    const GstDdpmSample * sample);
/* Both set the members that are found, and leave the others as they are. FALSE,
 * with DDPM_ERROR_FORMAT: a field is not an integer, or out of range */
gboolean gst_ddpm_sample_read_meta (GstDdpmSample * sample,
    GstBuffer * buffer, GError ** error);
/* The field label of a structure, such as caps */
gboolean gst_ddpm_sample_read_label (GstDdpmSample * sample,
    const GstStructure * structure, GError ** error);

G_END_DECLS
