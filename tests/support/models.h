/* gst-ddpm: a small model for tests of files: no field has its default
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/params.h"
#include "gst-ddpm/model/model.h"

void test_model_config (DdpmConfig * config);
DdpmModel *test_unusual_model_new (void);
void test_model_write (const gchar * path, guint channels, guint image_channels,
    guint size, guint classes);
void test_assert_same_weights (const DdpmModel * a, const DdpmModel * b);
