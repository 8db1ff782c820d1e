/* gst-ddpm: networks that are known, and cannot be played
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/refused.h"

#include <string.h>

#include "kernels/backend.h"

#define LATENT "whose images are latents of an autoencoder instead of pixels"

/**
 * Refused:
 * @mark: a part of a tensor's name, with dots where it begins or ends one of
 *   the names that dots separate
 * @beside: it counts even if a network that can be played is in the file
 */
static const struct
{
  const gchar *mark;
  gboolean beside;
  const gchar *family, *reason;
} refused[] = {
  {".first_stage_model.", TRUE, "a latent diffusion model", LATENT},
  {".cond_stage_model.", TRUE, "a latent diffusion model", LATENT},
  {".controlnet_cond_embedding.", TRUE, "a ControlNet",
      "which only steers another network"},
  {".input_hint_block.", TRUE, "a ControlNet",
      "which only steers another network"},
  {".lora_A.", TRUE, "a LoRA", "which only changes another network"},
  {".lora_down.", TRUE, "a LoRA", "which only changes another network"},
  {".lora.down.", TRUE, "a LoRA", "which only changes another network"},
  {".attn2.", TRUE, "a UNet with cross attention, as Stable Diffusion has",
      "which needs a text, or another condition, and mostly an autoencoder"},
  {".temp_convs.", TRUE, "a UNet of videos", "which needs all frames at once"},
  {".motion_modules.", TRUE, "a UNet of videos",
      "which needs all frames at once"},
  {".quant_conv.", TRUE, "an autoencoder (VAE)",
      "which makes no images from noise"},
  {".encoder.conv_in.", FALSE, "an autoencoder (VAE)",
      "which makes no images from noise"},
  {".decoder.conv_in.", FALSE, "an autoencoder (VAE)",
      "which makes no images from noise"},
  {".t_embedder.mlp.", FALSE, "a diffusion transformer (DiT)",
      "which is not a UNet"},
  {".transformer_blocks.", FALSE, "a diffusion transformer",
      "which is not a UNet"},
  {".map_layer0.", FALSE, "a network of EDM (SongUNet or DhariwalUNet)",
      "whose preconditioning, resampling filters and scaled skips "
        "gst-ddpm does not have"},
  {".all_modules.", FALSE, "a network of score_sde (NCSN++ or DDPM++)",
      "whose noise levels are continuous"},
  {".init_conv.", FALSE, "a UNet of denoising-diffusion-pytorch",
      "whose 7x7 stem, linear attention and RMS norms gst-ddpm does not have"},
  {".downs.0.0.", FALSE, "a UNet of denoising-diffusion-pytorch",
      "whose linear attention and norms gst-ddpm does not have"},
  {".patch_embed.", FALSE, "a vision transformer", "which is not a UNet"},
  {".text_model.", FALSE, "a text encoder", "which is not a UNet"},
  {".layer1.0.conv1.", FALSE, "a classifier (ResNet)",
      "which makes no images"},
  {".synthesis.", FALSE, "a GAN (StyleGAN)", "which is not a diffusion model"},
};

gboolean
ddpm_refused_check (DdpmTensorFile * file, gboolean known, GError ** error)
{
  GHashTable *tensors = ddpm_tensor_file_get_tensors (file);
  const gchar *name, *found = NULL;
  guint best = G_N_ELEMENTS (refused);
  g_autofree gchar *quoted = NULL;
  GHashTableIter iter;

  g_hash_table_iter_init (&iter, tensors);
  while (g_hash_table_iter_next (&iter, (gpointer *) & name, NULL)) {
    g_autofree gchar *dotted = g_strconcat (".", name, NULL);

    for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
      if ((known && !refused[i].beside) || !strstr (dotted, refused[i].mark))
        continue;
      if (i < best || (i == best && strcmp (name, found) < 0)) {
        best = i;
        found = name;
      }
    }
  }
  if (found == NULL)
    return TRUE;
  quoted = ddpm_file_quote (found);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected the UNet of a diffusion model of pixels, found %s, %s "
      "(tensor %s)", ddpm_tensor_file_get_location (file),
      refused[best].family, refused[best].reason, quoted);
  return FALSE;
}
