/* gst-ddpm: library errors and settings on the GStreamer side
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/error.h"
#include "kernels/backend.h"

/* How long an error waits at most for a state change to end, and for the
 * application after that */
#define LISTENER_TIMEOUT G_TIME_SPAN_SECOND
#define LISTENER_MOMENT (50 * G_TIME_SPAN_MILLISECOND)

/* Errors that are not the library's own come from libraries below it. */
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

/* The pipeline, or the element where it is in none. Returns: (transfer full) */
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

/* gst-launch-1.0 ends its main loop on an error, and if that has not begun to
 * run, this has no effect, and it hangs (1.22, and later ones). The first
 * buffer may be as fast as that. Its error waits until the state change has
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

  /* Whoever cancelled knows that it did. */
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

/**
 * GstDdpmBackend:
 * @auto: the fastest one that is here
 * @reference: plain C in float, one thread
 * @cpu: own kernels, and oneDNN in bf16
 * @cuda: cuDNN and own kernels
 *
 * The machine that computes. One that is named and cannot be had is an error.
 *
 * Since: 0.1
 */
GType
gst_ddpm_backend_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {DDPM_BACKEND_AUTO, "The fastest one that is here", "auto"},
    {DDPM_BACKEND_REFERENCE, "Plain C in float, one thread: the oracle",
        "reference"},
    {DDPM_BACKEND_CPU, "Own kernels, and oneDNN in bf16", "cpu"},
    {DDPM_BACKEND_CUDA, "cuDNN and own kernels", "cuda"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type)) {
    GType t = g_enum_register_static ("GstDdpmBackend", values);

    gst_type_mark_as_plugin_api (t, 0);
    g_once_init_leave (&type, t);
  }
  return type;
}

/**
 * GstDdpmPrecision:
 * @auto: bf16 where the machine has it, else f32
 * @f32: 32-bit floats
 * @bf16: 16-bit activations; master weights, statistics and losses in f32
 *
 * The numbers that a backend computes with. One that is named and cannot be
 * had is an error.
 *
 * Since: 0.1
 */
GType
gst_ddpm_precision_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {DDPM_PRECISION_AUTO, "bf16 where the machine has it, else f32", "auto"},
    {DDPM_PRECISION_F32, "32-bit floats", "f32"},
    {DDPM_PRECISION_BF16, "16-bit activations, 32-bit master weights",
        "bf16"},
    {DDPM_PRECISION_BF16_EMULATED, "32-bit floats, rounded as bf16 would be",
        "bf16-emulated"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type)) {
    GType t = g_enum_register_static ("GstDdpmPrecision", values);

    gst_type_mark_as_plugin_api (t, 0);
    g_once_init_leave (&type, t);
  }
  return type;
}
