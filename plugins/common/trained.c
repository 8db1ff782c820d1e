/* gst-ddpm: how a model was trained, as values of properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/trained.h"

#include "plugins/common/ticker.h"
#include "gst-ddpm/ddpm.h"

const DdpmTrained gst_ddpm_trained_auto = { -1, -1, -1, 0, -1, -1 };

const GEnumValue gst_ddpm_schedule_values[] = {
  {-1, "As the model says; otherwise linear", "auto"},
  {DDPM_SCHEDULE_LINEAR, "beta rises linearly (Ho et al. 2020)", "linear"},
  {DDPM_SCHEDULE_COSINE, "Cosine (Nichol & Dhariwal 2021, eq. 17)", "cosine"},
  {DDPM_SCHEDULE_SCALED_LINEAR, "sqrt (beta) rises linearly (Rombach et al. "
        "2022)", "scaled-linear"},
  {DDPM_SCHEDULE_SIGMOID, "beta rises as a sigmoid (Xu et al. 2022)",
      "sigmoid"},
  {0, NULL, NULL},
};

const GEnumValue gst_ddpm_data_range_values[] = {
  {-1, "As the model says; otherwise symmetric", "auto"},
  {DDPM_DATA_RANGE_SYMMETRIC, "-1 to 1", "symmetric"},
  {DDPM_DATA_RANGE_UNIT, "0 to 1", "unit"},
  {0, NULL, NULL},
};

const GEnumValue gst_ddpm_prediction_values[] = {
  {-1, "As the model says; otherwise epsilon", "auto"},
  {DDPM_PREDICTION_EPSILON, "The noise (Ho et al. 2020)", "epsilon"},
  {DDPM_PREDICTION_V, "v = sqrt (alpha_bar) eps - sqrt (1 - alpha_bar) x_0 "
        "(Salimans & Ho 2022)", "v-prediction"},
  {DDPM_PREDICTION_SAMPLE, "The image x_0", "sample"},
  {0, NULL, NULL},
};

DdpmModel *
gst_ddpm_element_load_model (GstElement * element, const gchar * name,
    const DdpmTrained * trained, GError ** error)
{
  g_autoptr (GstDdpmTicker) ticker = gst_ddpm_ticker_new (element, "loading",
      name && *name ? name : "the default model");

  return ddpm_checkpoint_load_shared_as (name, trained, error);
}
