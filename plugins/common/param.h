/* gst-ddpm: properties that are numbers with a range
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* As those of GObject, but a number that is out of range is kept. GObject drops
 * it with a warning, and the element would run with another one than it was
 * told: here it does not start. What is below zero is out of range only where
 * the maximum is no more than G_MAXINT or G_MAXINT64: as text, GStreamer makes
 * the largest numbers of it. */
GParamSpec *gst_ddpm_param_spec_int (const gchar * name, const gchar * nick,
    const gchar * blurb, gint minimum, gint maximum, gint value,
    GParamFlags flags);
GParamSpec *gst_ddpm_param_spec_uint (const gchar * name, const gchar * nick,
    const gchar * blurb, guint minimum, guint maximum, guint value,
    GParamFlags flags);
GParamSpec *gst_ddpm_param_spec_uint64 (const gchar * name, const gchar * nick,
    const gchar * blurb, guint64 minimum, guint64 maximum, guint64 value,
    GParamFlags flags);
GParamSpec *gst_ddpm_param_spec_double (const gchar * name, const gchar * nick,
    const gchar * blurb, gdouble minimum, gdouble maximum, gdouble value,
    GParamFlags flags);

/* Are all such properties of an object in range? DDPM_ERROR_SETTINGS names the
 * first that is not. */
gboolean gst_ddpm_object_check_ranges (GObject * object, GError ** error);

G_END_DECLS
