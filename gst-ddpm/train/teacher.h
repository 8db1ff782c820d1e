/* gst-ddpm: distillation: a student learns from another model, its teacher
 * (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "kernels/backend.h"

G_BEGIN_DECLS

/* A model that makes the training targets: its guided prediction (Meng et al.
 * 2023, section 3.1), or the prediction with which the student reaches in one
 * step of DDIM what the teacher reaches in several (Salimans & Ho 2022,
 * algorithm 2). */
typedef struct _DdpmTeacher DdpmTeacher;

/* Makes a teacher for n states at a time of a student with this config, which
 * names the guidance and the steps to distil; a student step is step_ratio
 * steps of the teacher. References model and backend. Errors:
 * DDPM_ERROR_SETTINGS if the model has other image channels, data range,
 * classes, schedule or prediction type, is distilled to other guidance or
 * steps, or if the student's schedule cannot be divided into step_ratio steps
 * each; and those of ddpm_predictor_new (). */
DdpmTeacher *ddpm_teacher_new (DdpmModel * model, const DdpmConfig * student,
    guint step_ratio, DdpmBackend * backend, guint n, guint width,
    guint height, GError ** error);
void ddpm_teacher_free (DdpmTeacher * teacher);
/* The part of these checks that compares configurations */
gboolean ddpm_teacher_check (const DdpmModel * model,
    const DdpmConfig * student, guint step_ratio, GError ** error);

/* The timestep to train at for u, uniform in 0..1: any, or in step distillation
 * one at which a student step begins */
gint ddpm_teacher_timestep (const DdpmTeacher * teacher, gfloat u);
/* Can ddpm_teacher_timestep () return t? */
gboolean ddpm_teacher_has_timestep (const DdpmTeacher * teacher, gint t);
/* As ddpm_unet_set_cancel () */
void ddpm_teacher_set_cancel (DdpmTeacher * teacher, DdpmCancelFunc func,
    gpointer data);
/* Inside run (): returns the student's target for x_t (n, elements), valid
 * until the next call. t and labels [n] are in memory of the host. Makes the
 * same calls each time; the target at a timestep that
 * ddpm_teacher_has_timestep () denies is undefined. NULL: it was cancelled */
const float *ddpm_teacher_run (DdpmTeacher * teacher, const gint * t,
    const gint * labels, const float *x_t);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmTeacher, ddpm_teacher_free)

G_END_DECLS
