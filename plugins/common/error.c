/* gst-ddpm: errors of the library, posted by an element
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/error.h"
#include "gst-ddpm/ddpm.h"

/* The longest time that an error waits for a state change to end, and the time
 * that it then gives the application */
#define LISTENER_TIMEOUT G_TIME_SPAN_SECOND
#define LISTENER_MOMENT (50 * G_TIME_SPAN_MILLISECOND)

/* Other domains than DDPM_ERROR come from libraries that it uses, such as GIO. */
static void
domain_and_code (const GError * error, GQuark * domain, gint * code)
{
  *domain = GST_LIBRARY_ERROR;
  *code = GST_LIBRARY_ERROR_FAILED;
  if (error->domain != DDPM_ERROR)
    return;

  switch ((DdpmError) error->code) {
    case DDPM_ERROR_NOT_FOUND:
      *domain = GST_RESOURCE_ERROR;
      *code = GST_RESOURCE_ERROR_NOT_FOUND;
      break;
    case DDPM_ERROR_READ:
      *domain = GST_RESOURCE_ERROR;
      *code = GST_RESOURCE_ERROR_READ;
      break;
    case DDPM_ERROR_WRITE:
      *domain = GST_RESOURCE_ERROR;
      *code = GST_RESOURCE_ERROR_WRITE;
      break;
    case DDPM_ERROR_NO_SPACE:
      *domain = GST_RESOURCE_ERROR;
      *code = GST_RESOURCE_ERROR_NO_SPACE_LEFT;
      break;
    case DDPM_ERROR_SETTINGS:
      *domain = GST_RESOURCE_ERROR;
      *code = GST_RESOURCE_ERROR_SETTINGS;
      break;
    case DDPM_ERROR_FORMAT:
      *domain = GST_STREAM_ERROR;
      *code = GST_STREAM_ERROR_FORMAT;
      break;
    case DDPM_ERROR_DIVERGED:
      *domain = GST_STREAM_ERROR;
      *code = GST_STREAM_ERROR_FAILED;
      break;
    case DDPM_ERROR_UNSUPPORTED:
      *code = GST_LIBRARY_ERROR_INIT;
      break;
    case DDPM_ERROR_LIBRARY:
    case DDPM_ERROR_CANCELLED:
      break;
  }
}

/* The pipeline, or the element if it is in none. Returns: (transfer full) */
static GstElement *
get_toplevel (GstElement * element)
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

/* gst-launch-1.0 quits its main loop on an error. If the main loop does not run
 * yet, quitting has no effect, and gst-launch-1.0 hangs (1.22 and later). An error
 * of the first buffer can be that early, so it waits until the state change has
 * returned to the application, and a moment longer. */
static void
await_listener (GstElement * element)
{
  GstElement *top = get_toplevel (element);
  gint64 deadline = g_get_monotonic_time () + LISTENER_TIMEOUT;

  if (is_starting (top)) {
    while (is_starting (top) && is_in_state_change (top)
        && g_get_monotonic_time () < deadline)
      g_usleep (G_TIME_SPAN_MILLISECOND);
    g_usleep (LISTENER_MOMENT);
  }
  gst_object_unref (top);
}

static void
post (GstElement * element, GQuark domain, gint code, const gchar * text,
    gchar * debug)
{
  await_listener (element);
  gst_element_message_full (element, GST_MESSAGE_ERROR, domain, code,
      g_strdup (text), debug, __FILE__, GST_FUNCTION, __LINE__);
}

void
gst_ddpm_element_post_error (GstElement * element, GError * error)
{
  GQuark domain;
  gint code;

  /* The caller that cancelled knows. */
  if (!g_error_matches (error, DDPM_ERROR, DDPM_ERROR_CANCELLED)) {
    domain_and_code (error, &domain, &code);
    post (element, domain, code, error->message, NULL);
  }
  g_error_free (error);
}

void
gst_ddpm_element_refuse_caps (GstElement * element, const GstCaps * caps,
    GError * error)
{
  post (element, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION, error->message,
      caps ? gst_caps_to_string (caps) : NULL);
  g_error_free (error);
}
