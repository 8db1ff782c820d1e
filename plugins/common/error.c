/* gst-ddpm: what the library reports, posted by an element
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/error.h"
#include "gst-ddpm/ddpm.h"

/* An error of a streaming thread waits until set_state () has returned, and then
 * for the main loop to run. gst-launch-1.0 (1.22 and later) quits its main loop
 * in the thread that posts the error, which has no effect on a loop that does not
 * run yet: the program would print the error and hang. */
#define SET_STATE_TIMEOUT G_TIME_SPAN_SECOND
#define MAIN_LOOP_TIME (50 * G_TIME_SPAN_MILLISECOND)

/* Other errors are GST_LIBRARY_ERROR_FAILED. */
static const struct
{
  DdpmError error;
    GQuark (*domain) (void);
  gint code;
} gst_errors[] = {
  {DDPM_ERROR_NOT_FOUND, gst_resource_error_quark,
      GST_RESOURCE_ERROR_NOT_FOUND},
  {DDPM_ERROR_READ, gst_resource_error_quark, GST_RESOURCE_ERROR_READ},
  {DDPM_ERROR_WRITE, gst_resource_error_quark, GST_RESOURCE_ERROR_WRITE},
  {DDPM_ERROR_NO_SPACE, gst_resource_error_quark,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT},
  {DDPM_ERROR_SETTINGS, gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS},
  {DDPM_ERROR_FORMAT, gst_stream_error_quark, GST_STREAM_ERROR_FORMAT},
  {DDPM_ERROR_DIVERGED, gst_stream_error_quark, GST_STREAM_ERROR_FAILED},
  {DDPM_ERROR_UNSUPPORTED, gst_library_error_quark, GST_LIBRARY_ERROR_INIT},
};

/* gst-launch-1.0 prints the debug text of an info message, not its text. */
void
gst_ddpm_element_post_info (GstElement * element, const gchar * text)
{
  if (text)
    GST_ELEMENT_INFO (element, STREAM, FORMAT, ("%s", text), ("%s", text));
}

GstElement *
gst_ddpm_element_get_toplevel (GstElement * element)
{
  GstObject *top = gst_object_ref (GST_OBJECT (element)), *parent;

  while ((parent = gst_object_get_parent (top))) {
    gst_object_unref (top);
    top = parent;
  }
  return GST_ELEMENT (top);
}

static gboolean
is_starting (GstElement * element)
{
  gboolean starting;

  GST_OBJECT_LOCK (element);
  starting = GST_STATE (element) < GST_STATE_PLAYING
      && GST_STATE_TARGET (element) >= GST_STATE_PAUSED;
  GST_OBJECT_UNLOCK (element);
  return starting;
}

static gboolean
is_in_state_change (GstElement * element)
{
  if (!GST_STATE_TRYLOCK (element))
    return TRUE;
  GST_STATE_UNLOCK (element);
  return FALSE;
}

static void
wait_for_set_state (GstElement * element)
{
  GstElement *top = gst_ddpm_element_get_toplevel (element);
  gint64 deadline = g_get_monotonic_time () + SET_STATE_TIMEOUT;

  if (is_starting (top)) {
    while (is_starting (top) && is_in_state_change (top)
        && g_get_monotonic_time () < deadline)
      g_usleep (G_TIME_SPAN_MILLISECOND);
    g_usleep (MAIN_LOOP_TIME);
  }
  gst_object_unref (top);
}

static void
post_message (GstElement * element, GQuark domain, gint code, GError * error,
    gchar * debug)
{
  gst_element_message_full (element, GST_MESSAGE_ERROR, domain, code,
      g_strdup (error->message), debug, __FILE__, GST_FUNCTION, __LINE__);
  g_error_free (error);
}

void
gst_ddpm_element_post_start_error (GstElement * element, GError * error)
{
  GQuark domain = GST_LIBRARY_ERROR;
  gint code = GST_LIBRARY_ERROR_FAILED;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (gst_errors); i++) {
    if (g_error_matches (error, DDPM_ERROR, gst_errors[i].error)) {
      domain = gst_errors[i].domain ();
      code = gst_errors[i].code;
    }
  }
  post_message (element, domain, code, error, NULL);
}

void
gst_ddpm_element_post_error (GstElement * element, GError * error)
{
  wait_for_set_state (element);
  gst_ddpm_element_post_start_error (element, error);
}

void
gst_ddpm_element_refuse_caps (GstElement * element, const GstCaps * caps,
    GError * error)
{
  wait_for_set_state (element);
  if (g_error_matches (error, DDPM_ERROR, DDPM_ERROR_SETTINGS))
    post_message (element, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION, error,
        caps ? gst_caps_to_string (caps) : NULL);
  else
    gst_ddpm_element_post_start_error (element, error);
}

void
gst_ddpm_element_refuse_caps_once (GstElement * element, GstCaps ** refused,
    GstCaps * caps, GError * error)
{
  if (*refused && gst_caps_is_equal (*refused, caps))
    g_error_free (error);
  else
    gst_ddpm_element_refuse_caps (element, caps, error);
  gst_caps_replace (refused, caps);
}
