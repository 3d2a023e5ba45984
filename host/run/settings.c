#include "host/run/settings.h"

#include "host/base/error.h"

#include <math.h>
#include <stdlib.h>

struct wg_train_settings wg_train_settings_default(void)
{
    return (struct wg_train_settings){
        .steps = 10000,
        .batch = 128,
        .lr_generator = 5e-5f,
        .lr_critic = 5e-5f,
        .clip = 0.01f,
        .critic_steps = 1,
        .sample_every = 200,
        .checkpoint_every = 1000,
        .seed = 1,
    };
}

static bool check_count(const char *name, int value, int least)
{
    return value >= least ||
           wg_fail(WG_ERROR_ARGUMENT, "%s is %d, expected at least %d", name, value, least);
}

static bool check_positive(const char *name, float value)
{
    return (value > 0 && isfinite(value)) ||
           wg_fail(WG_ERROR_ARGUMENT, "%s is %g, expected a number above 0", name, (double)value);
}

static bool check_rate(const char *name, float value)
{
    return check_positive(name, value) &&
           (value <= WG_LEARNING_RATE_MAX ||
            wg_fail(WG_ERROR_ARGUMENT, "%s is %g, expected at most %g", name, (double)value,
                    (double)WG_LEARNING_RATE_MAX));
}

bool wg_settings_check(const struct wg_train_settings *s)
{
    return check_count("steps", s->steps, 1) && check_count("batch", s->batch, 1) &&
           check_rate("lr_generator", s->lr_generator) && check_rate("lr_critic", s->lr_critic) &&
           check_positive("clip", s->clip) && check_count("critic_steps", s->critic_steps, 1) &&
           check_count("sample_every", s->sample_every, 1) &&
           check_count("checkpoint_every", s->checkpoint_every, 0);
}

/* 5e-5f as a double is 4.999999873689376e-05; this is 5e-05, and the same float when read. */
static double as_written(float value)
{
    char text[32];
    int digits = 6;
    do
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
    while (strtof(text, NULL) != value && ++digits <= 9);
    return strtod(text, NULL);
}

struct wg_json *wg_settings_to_json(const struct wg_train_settings *s)
{
    struct wg_json *json = wg_json_create_object();
    if (json && wg_json_set_integer(json, "steps", s->steps) &&
        wg_json_set_integer(json, "batch", s->batch) &&
        wg_json_set_real(json, "lr_generator", as_written(s->lr_generator)) &&
        wg_json_set_real(json, "lr_critic", as_written(s->lr_critic)) &&
        wg_json_set_real(json, "clip", as_written(s->clip)) &&
        wg_json_set_integer(json, "critic_steps", s->critic_steps) &&
        wg_json_set_integer(json, "sample_every", s->sample_every) &&
        wg_json_set_integer(json, "checkpoint_every", s->checkpoint_every) &&
        wg_json_set_uint64(json, "seed", s->seed))
        return json;
    wg_json_destroy(json);
    return NULL;
}

static bool get_int(const struct wg_json *json, const char *name, int *ret_value)
{
    int64_t value;
    if (!wg_json_get_integer(json, name, &value))
        return false;
    if (value < 0 || value > INT32_MAX)
        return wg_fail(WG_ERROR_DATA, "the setting '%s' is out of range", name);
    *ret_value = (int)value;
    return true;
}

static bool get_float(const struct wg_json *json, const char *name, float *ret_value)
{
    double value;
    if (!wg_json_get_real(json, name, &value))
        return false;
    *ret_value = (float)value;
    return true;
}

bool wg_settings_from_json(const struct wg_json *json, struct wg_train_settings *ret_settings)
{
    struct wg_train_settings s;
    if (!get_int(json, "steps", &s.steps) || !get_int(json, "batch", &s.batch) ||
        !get_float(json, "lr_generator", &s.lr_generator) ||
        !get_float(json, "lr_critic", &s.lr_critic) || !get_float(json, "clip", &s.clip) ||
        !get_int(json, "critic_steps", &s.critic_steps) ||
        !get_int(json, "sample_every", &s.sample_every) ||
        !get_int(json, "checkpoint_every", &s.checkpoint_every) ||
        !wg_json_get_uint64(json, "seed", &s.seed))
        return false;
    if (!wg_settings_check(&s))
        return wg_fail(WG_ERROR_DATA, "%s", wg_error_message());
    *ret_settings = s;
    return true;
}
