/* gst-ddpm: errors of the library, posted by an element
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/error.h"
#include "gst-ddpm/ddpm.h"

/* How long an error of the stream waits for a state change to end, and then for
 * the application's main loop to run */
#define SET_STATE_TIMEOUT G_TIME_SPAN_SECOND
#define MAIN_LOOP_MOMENT (50 * G_TIME_SPAN_MILLISECOND)

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

/* gst-launch-1.0 hears of an error only once its main loop runs, after
 * set_state () has returned (1.22, and later ones), and would else hang. An
 * error of the first buffer can be sooner than that: it waits. */
static void
wait_for_set_state (GstElement * element)
{
  GstElement *top = get_toplevel (element);
  gint64 deadline = g_get_monotonic_time () + SET_STATE_TIMEOUT;

  if (is_starting (top)) {
    while (is_starting (top) && is_in_state_change (top)
        && g_get_monotonic_time () < deadline)
      g_usleep (G_TIME_SPAN_MILLISECOND);
    g_usleep (MAIN_LOOP_MOMENT);
  }
  gst_object_unref (top);
}

static void
post (GstElement * element, GQuark domain, gint code, GError * error,
    gchar * debug)
{
  gst_element_message_full (element, GST_MESSAGE_ERROR, domain, code,
      g_strdup (error->message), debug, __FILE__, GST_FUNCTION, __LINE__);
  g_error_free (error);
}

void
gst_ddpm_element_post_start_error (GstElement * element, GError * error)
{
  GQuark domain;
  gint code;

  domain_and_code (error, &domain, &code);
  post (element, domain, code, error, NULL);
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
  post (element, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION, error,
      caps ? gst_caps_to_string (caps) : NULL);
}
