/*
 * Questions and answers survive the way to the child and back.
 */
#include "host/tune/question.h"

#include "tests/testlib.h"

#include <string.h>

START_TEST(a_question_comes_back_as_it_was)
{
    struct wg_tune_question question = {
        .key = "conv2d 2x14x14x5 of 2x28x28x3, 4x4x3x5; stride 2 pad 1",
        .way = {.implementation = "tiled", .knob = {64, 0, 8, 1}, .blas = "64x64 global"},
        .yardstick = "winograd",
        .seconds = 0.25};
    struct wg_tune_question got;
    char text[1024];
    wg_tune_question_write(&question, text, sizeof text);
    ck_assert_ptr_null(strchr(text, '\n'));
    ck_assert(wg_tune_question_read(text, &got));
    ck_assert_str_eq(got.key, question.key);
    ck_assert_str_eq(got.way.implementation, "tiled");
    ck_assert_mem_eq(got.way.knob, question.way.knob, sizeof got.way.knob);
    ck_assert_str_eq(got.way.blas, "64x64 global");
    ck_assert_str_eq(got.yardstick, "winograd");
    ck_assert_double_eq(got.seconds, 0.25);

    question.way.blas[0] = question.yardstick[0] = '\0'; // may be empty
    wg_tune_question_write(&question, text, sizeof text);
    ck_assert(wg_tune_question_read(text, &got));
    ck_assert_str_eq(got.way.blas, "");
    ck_assert_str_eq(got.yardstick, "");
}
END_TEST

START_TEST(an_answer_comes_back_as_it_was)
{
    const struct wg_tune_answer answer = {
        .verdict = WG_TUNE_WRONG, .seconds = 1.25e-6, .text = "first line\nof a compiler's log"};
    struct wg_tune_answer got;
    char text[1024];
    wg_tune_answer_write(&answer, text, sizeof text);
    ck_assert(wg_tune_answer_read(text, &got));
    ck_assert_int_eq(got.verdict, WG_TUNE_WRONG);
    ck_assert_double_eq(got.seconds, 1.25e-6);
    ck_assert_str_eq(got.text, "first line");
}
END_TEST

START_TEST(other_texts_are_none)
{
    struct wg_tune_question question;
    struct wg_tune_answer answer;
    ck_assert(!wg_tune_question_read("", &question));
    ck_assert(!wg_tune_question_read("conv2d\tref\t0\t0\t0\t0\t\t", &question));
    ck_assert(!wg_tune_answer_read("", &answer));
    ck_assert(!wg_tune_answer_read("ready", &answer));
    ck_assert(!wg_tune_answer_read("7\t1\t", &answer)); // no such verdict
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("question");
    tcase_add_test(tests, a_question_comes_back_as_it_was);
    tcase_add_test(tests, an_answer_comes_back_as_it_was);
    tcase_add_test(tests, other_texts_are_none);
    Suite *suite = suite_create("question");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
