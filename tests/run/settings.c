/* Settings: their ranges, and as JSON. */
#include "host/run/settings.h"

#include "tests/run/runlib.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct wg_train_settings odd = {
    .steps = 2147483647,
    .batch = 7,
    .lr_generator = 1.0f / 3.0f,
    .lr_critic = 5e-5f,
    .clip = 0x1.fffffep-10f, // needs nine digits
    .critic_steps = 5,
    .sample_every = 1,
    .checkpoint_every = 0,
    .seed = UINT64_MAX,
};

static char *text_of(const struct wg_train_settings *settings)
{
    struct wg_json *json = wg_settings_to_json(settings);
    ck_assert_ptr_nonnull(json);
    char *text = wg_json_text(json, 0);
    ck_assert_ptr_nonnull(text);
    wg_json_destroy(json);
    return text;
}

static bool parse(const char *text, struct wg_train_settings *ret_settings)
{
    struct wg_json *json;
    ck_assert(wg_json_parse(text, strlen(text), &json));
    bool ok = wg_settings_from_json(json, ret_settings);
    wg_json_destroy(json);
    return ok;
}

/* `text` with its first `from` replaced by `to`, to be freed. */
static char *replace(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    ck_assert_msg(at != NULL, "no '%s' in %s", from, text);
    size_t size = strlen(text) + strlen(to) + 1;
    char *changed = malloc(size);
    ck_assert_ptr_nonnull(changed);
    snprintf(changed, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return changed;
}

START_TEST(defaults_are_those_of_the_interface)
{
    const struct wg_train_settings s = wg_train_settings_default();
    ck_assert_int_eq(s.steps, 10000);
    ck_assert_int_eq(s.batch, 128);
    ck_assert_float_eq(s.lr_generator, 5e-5f);
    ck_assert_float_eq(s.lr_critic, 5e-5f);
    ck_assert_float_eq(s.clip, 0.01f);
    ck_assert_int_eq(s.critic_steps, 1);
    ck_assert_int_eq(s.sample_every, 200);
    ck_assert_int_eq(s.checkpoint_every, 1000);
    ck_assert_uint_eq(s.seed, 1);
    ck_assert(wg_settings_check(&s));
}
END_TEST

START_TEST(all_settings_come_back)
{
    struct wg_train_settings s;
    char *text = text_of(&odd);
    ck_assert(parse(text, &s));
    free(text);
    ck_assert_int_eq(s.steps, odd.steps);
    ck_assert_int_eq(s.batch, odd.batch);
    ck_assert_float_eq(s.lr_generator, odd.lr_generator);
    ck_assert_float_eq(s.lr_critic, odd.lr_critic);
    ck_assert_float_eq(s.clip, odd.clip);
    ck_assert_int_eq(s.critic_steps, odd.critic_steps);
    ck_assert_int_eq(s.sample_every, odd.sample_every);
    ck_assert_int_eq(s.checkpoint_every, odd.checkpoint_every);
    ck_assert(s.seed == odd.seed);
}
END_TEST

START_TEST(numbers_look_as_people_write_them)
{
    const struct wg_train_settings s = wg_train_settings_default();
    char *text = text_of(&s);
    ck_assert_ptr_nonnull(strstr(text, "\"clip\": 0.01,"));
    ck_assert_ptr_nonnull(strstr(text, "\"lr_critic\": 5e-5,"));
    free(text);
}
END_TEST

START_TEST(a_setting_that_is_missing_is_named)
{
    static const char *const names[] = {"steps", "batch",        "lr_generator", "lr_critic",
                                        "clip",  "critic_steps", "sample_every", "checkpoint_every",
                                        "seed"};
    for (size_t i = 0; i < countof(names); i++) {
        struct wg_train_settings s = {.steps = -1};
        char quoted[64], renamed[64], *text = text_of(&odd);
        snprintf(quoted, sizeof quoted, "\"%s\"", names[i]);
        snprintf(renamed, sizeof renamed, "\"other_%s\"", names[i]);
        char *without = replace(text, quoted, renamed);
        ck_assert(!parse(without, &s));
        check_error(WG_ERROR_DATA, names[i]);
        ck_assert_int_eq(s.steps, -1);
        free(without);
        free(text);
    }
}
END_TEST

START_TEST(json_out_of_range_is_refused)
{
    static const struct {
        const char *from, *to, *name;
    } cases[] = {
        {"\"batch\": 7", "\"batch\": 0", "batch"},
        {"\"batch\": 7", "\"batch\": -7", "batch"},
        {"\"batch\": 7", "\"batch\": 4294967297", "batch"},
        {"\"batch\": 7", "\"batch\": 7.5", "batch"},
        {"\"batch\": 7", "\"batch\": \"7\"", "batch"},
        {"\"batch\": 7", "\"batch\": null", "batch"},
        {"\"lr_critic\": 5e-5", "\"lr_critic\": 0", "lr_critic"},
        {"\"lr_critic\": 5e-5", "\"lr_critic\": 1e300", "lr_critic"},
        {"\"lr_critic\": 5e-5", "\"lr_critic\": null", "lr_critic"},
        {"\"critic_steps\": 5", "\"critic_steps\": 0", "critic_steps"},
    };
    char *text = text_of(&odd);
    for (size_t i = 0; i < countof(cases); i++) {
        struct wg_train_settings s;
        char *changed = replace(text, cases[i].from, cases[i].to);
        ck_assert_msg(!parse(changed, &s), "%s was taken", cases[i].to);
        check_error(WG_ERROR_DATA, cases[i].name);
        free(changed);
    }
    free(text);
}
END_TEST

static void check_wrong(struct wg_train_settings s, const char *name)
{
    ck_assert_msg(!wg_settings_check(&s), "a wrong %s was taken", name);
    check_error(WG_ERROR_ARGUMENT, name);
}

START_TEST(settings_out_of_range_are_refused)
{
    struct wg_train_settings s = wg_train_settings_default();
    const float wrong[] = {0.0f, -1.0f, NAN, INFINITY};
#define WITH(field, value) ((s = wg_train_settings_default()), (s.field = (value)), s)
    check_wrong(WITH(steps, 0), "steps is 0, expected at least 1");
    check_wrong(WITH(batch, -3), "batch is -3");
    check_wrong(WITH(critic_steps, 0), "critic_steps");
    check_wrong(WITH(sample_every, 0), "sample_every");
    check_wrong(WITH(checkpoint_every, -1), "checkpoint_every");
    for (size_t i = 0; i < countof(wrong); i++) {
        check_wrong(WITH(lr_generator, wrong[i]), "lr_generator");
        check_wrong(WITH(lr_critic, wrong[i]), "lr_critic");
        check_wrong(WITH(clip, wrong[i]), "clip");
    }
#undef WITH
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        defaults_are_those_of_the_interface, all_settings_come_back,
        numbers_look_as_people_write_them,   a_setting_that_is_missing_is_named,
        json_out_of_range_is_refused,        settings_out_of_range_are_refused,
    };
    return run_tests("settings", tests, countof(tests));
}
