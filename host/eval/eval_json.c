/*
 * The result of an evaluation as JSON.
 */
#include "host/files/json.h"
#include "include/wgan_cl.h"

static struct wg_json *shares_json(const double shares[WG_EVAL_CLASSES])
{
    struct wg_json *json = wg_json_create_array();
    bool ok = json;
    for (int c = 0; ok && c < WG_EVAL_CLASSES; c++)
        ok = wg_json_append(json, wg_json_create_real(shares[c]));
    if (ok)
        return json;
    wg_json_destroy(json);
    return NULL;
}

static struct wg_json *missing_json(const bool is_missing[WG_EVAL_CLASSES])
{
    struct wg_json *json = wg_json_create_array();
    bool ok = json;
    for (int c = 0; ok && c < WG_EVAL_CLASSES; c++)
        if (is_missing[c])
            ok = wg_json_append(json, wg_json_create_integer(c));
    if (ok)
        return json;
    wg_json_destroy(json);
    return NULL;
}

static struct wg_json *figures_json(const struct wg_eval_figures *f)
{
    struct wg_json *json = wg_json_create_object();
    if (json && wg_json_set_integer(json, "images", f->images) &&
        wg_json_set_real(json, "classifier_score", f->score) &&
        wg_json_set_real(json, "frechet_distance", f->frechet) &&
        wg_json_set_real(json, "precision", f->precision) &&
        wg_json_set_real(json, "recall", f->recall) &&
        wg_json_set_real(json, "wasserstein", f->wasserstein) &&
        wg_json_set(json, "class_shares", shares_json(f->shares)) &&
        wg_json_set(json, "missing_classes", missing_json(f->is_missing)) &&
        wg_json_set_integer(json, "missing_modes", f->missing))
        return json;
    wg_json_destroy(json);
    return NULL;
}

static struct wg_json *classifier_json(const struct wg_eval_result *r)
{
    struct wg_json *json = wg_json_create_object();
    if (json && wg_json_set_real(json, "accuracy", r->accuracy) &&
        wg_json_set_integer(json, "training_images", r->training_images) &&
        wg_json_set_integer(json, "held_out_images", r->held_out_images) &&
        wg_json_set_bool(json, "cached", r->is_cached) &&
        wg_json_set_real(json, "train_seconds", r->train_seconds))
        return json;
    wg_json_destroy(json);
    return NULL;
}

char *wg_eval_json(const struct wg_eval_result *r)
{
    struct wg_json *json = wg_json_create_object();
    char *text = NULL;
    if (json && wg_json_set_string(json, "program", wg_version()) &&
        wg_json_set_string(json, "device", r->device) &&
        wg_json_set_string(json, "checkpoint", r->checkpoint) &&
        wg_json_set_integer(json, "step", r->step) && wg_json_set_string(json, "data", r->data) &&
        wg_json_set_uint64(json, "seed", r->seed) && wg_json_set_integer(json, "k", r->k) &&
        wg_json_set_integer(json, "compared", r->compared) &&
        wg_json_set(json, "classifier", classifier_json(r)) &&
        wg_json_set(json, "generated", figures_json(&r->generated)) &&
        wg_json_set(json, "held_out", figures_json(&r->held_out)))
        text = wg_json_text(json, 2);
    wg_json_destroy(json);
    return text;
}
