/* gst-ddpm: the settings of ddpmdiffuse, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdiffuse/settings.h"
#include "plugins/common/trained.h"
#include "plugins/ddpmdiffuse/private.h"
#include "gst-ddpm/ddpm.h"

static const GEnumValue noise_values[] = {
  {GST_DDPM_DIFFUSE_NOISE_FIXED, "All frames are sample 0 and have its noise, "
        "so that what does not move does not flicker", "fixed"},
  {GST_DDPM_DIFFUSE_NOISE_PER_FRAME, "Frame n is sample n and has its noise",
      "per-frame"},
  {GST_DDPM_DIFFUSE_NOISE_KEYFRAMES, "Frame n is sample n, and the noise flows "
        "from keyframe to keyframe", "keyframes"},
  {0, NULL, NULL},
};

#define AT(member) G_STRUCT_OFFSET (GstDdpmDiffuseSettings, member)

/* *INDENT-OFF* */
static const GstDdpmProperty properties[] = {
  {"model", "Model",
      "Model that will denoise the states: a checkpoint, file of PyTorch "
      "(safetensors, .pt), folder of diffusers, or name of a built-in model "
      "(empty: the first built-in model)", GST_DDPM_STRING, AT (model)},
  /**
   * GstDdpmDiffuse:data-range:
   *
   * This and the following properties tell what the file of a model does not
   * say, or says wrong, and should be set as those of ddpmdenoise are.
   *
   * Since: 0.2
   */
  GST_DDPM_TRAINED_PROPERTIES (GstDdpmDiffuseSettings),
  /**
   * GstDdpmDiffuse:timestep:
   *
   * The state x_s has sqrt (alpha_bar) of the frame and sqrt (1 - alpha_bar) of
   * noise, with the alpha_bar of timestep s - 1 counted from 0: timestep=400
   * makes what add_noise () of diffusers makes at t = 399. A new value holds from
   * the next frame on.
   *
   * Since: 0.2
   */
  {"timestep", "Timestep",
      "State to make: 0 is the frame, the number of the model's timesteps is "
      "pure noise (-1: two fifths of them, or all of them where alpha says "
      "which part is known)",
      GST_DDPM_INT, AT (timestep), -1, DDPM_MAX_TIMESTEPS,
      .flags = GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE},
  {"seed", "Seed",
      "Seed of the noise, and of the noise that ddpmdenoise adds in its steps",
      GST_DDPM_UINT64, AT (seed), 0, GST_DDPM_MAX_SEED},
  {"noise", "Noise", "Which noise the frames have", GST_DDPM_ENUM, AT (noise),
      .enum_name = "GstDdpmDiffuseNoise", .enum_values = noise_values},
  {"keyframe-interval", "Keyframe interval",
      "Number of frames from one keyframe to the next, with noise=keyframes",
      GST_DDPM_UINT, AT (keyframe_interval), 1, G_MAXINT},
};
/* *INDENT-ON* */

static void
settings_init (gpointer settings)
{
  GstDdpmDiffuseSettings *s = settings;

  memset (s, 0, sizeof (*s));
  s->model = g_strdup ("");
  s->trained = gst_ddpm_trained_auto;
  s->timestep = -1;
  s->keyframe_interval = 30;
}

const GstDdpmPropertyTable gst_ddpm_diffuse_properties = {
  properties, G_N_ELEMENTS (properties),
  G_STRUCT_OFFSET (GstDdpmDiffuse, settings), sizeof (GstDdpmDiffuseSettings),
  settings_init
};
