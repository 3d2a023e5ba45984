/* Figures of a classifier's predictions, by hand. */
#include "host/eval/predictions.h"
#include "tests/run/runlib.h"

#include <math.h>

enum { COUNT = 50 };

/* p [COUNT, 10]: `sure` for one class, the rest shared by the others. */
static void predict(float *p, int image, int class, double sure)
{
    for (int c = 0; c < WG_CLASSES; c++)
        p[image * WG_CLASSES + c] = (float)(c == class ? sure : (1 - sure) / (WG_CLASSES - 1));
}

/* Probabilities are floats: each is off by 2^-24 of itself, the mean divergence by no more than
 * some ten times that. */
static const double tolerance = 1e-5;

START_TEST(the_score_is_1_where_nothing_is_clear)
{
    float p[COUNT * WG_CLASSES];
    for (int i = 0; i < COUNT; i++)
        predict(p, i, 0, 0.1);
    ck_assert_double_eq_tol(wg_classifier_score(p, COUNT), 1, tolerance);
}
END_TEST

START_TEST(the_score_is_1_where_all_is_alike)
{
    float p[COUNT * WG_CLASSES];
    for (int i = 0; i < COUNT; i++)
        predict(p, i, 7, 1);
    ck_assert_double_eq_tol(wg_classifier_score(p, COUNT), 1, tolerance);
}
END_TEST

START_TEST(the_score_counts_clear_and_equally_frequent_classes)
{
    float p[COUNT * WG_CLASSES];
    for (int classes = 1; classes <= 10; classes++) {
        int count = COUNT / classes * classes;
        for (int i = 0; i < count; i++)
            predict(p, i, i % classes, 1);
        ck_assert_double_eq_tol(wg_classifier_score(p, (size_t)count), classes, tolerance);
    }
}
END_TEST

/* Half of the images sure of class 0 by 3/4, half of class 1: the divergence is
 * log 10 terms of p against (3/4 + 1/36) / 2 for both, and 1/36 for the eight others. */
START_TEST(the_score_of_two_uncertain_classes)
{
    float p[COUNT * WG_CLASSES];
    double rest = 0.25 / 9, marginal = (0.75 + rest) / 2;
    for (int i = 0; i < COUNT; i++)
        predict(p, i, i % 2, 0.75);
    double divergence = 0.75 * log(0.75 / marginal) + rest * log(rest / marginal);
    ck_assert_double_eq_tol(wg_classifier_score(p, COUNT), exp(divergence), tolerance);
}
END_TEST

START_TEST(shares_and_accuracy_count_the_most_probable_class)
{
    float p[4 * WG_CLASSES];
    double shares[WG_CLASSES];
    const uint8_t labels[4] = {3, 3, 9, 0};
    predict(p, 0, 3, 0.2);
    predict(p, 1, 4, 0.9);
    predict(p, 2, 9, 1);
    predict(p, 3, 3, 0.5);
    wg_class_shares(p, 4, shares);
    for (int c = 0; c < WG_CLASSES; c++)
        ck_assert_double_eq(shares[c], c == 3 ? 0.5 : c == 4 || c == 9 ? 0.25 : 0);
    ck_assert_double_eq(wg_accuracy(p, labels, 4), 0.5);
}
END_TEST

START_TEST(a_mode_is_missing_below_a_tenth_of_its_share)
{
    double real[WG_CLASSES] = {0.28, 0.08, 0.08, 0.08, 0.08, 0.08, 0.08, 0.08, 0.08, 0.08};
    double shares[WG_CLASSES] = {0.0279, 0.0081, 0.0079, 0, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1};
    bool missing[WG_CLASSES];
    ck_assert_int_eq(wg_missing_modes(shares, real, missing), 3);
    for (int c = 0; c < WG_CLASSES; c++)
        ck_assert_int_eq(missing[c], c == 0 || c == 2 || c == 3);
    ck_assert_int_eq(wg_missing_modes(real, real, missing), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_score_is_1_where_nothing_is_clear,
        the_score_is_1_where_all_is_alike,
        the_score_counts_clear_and_equally_frequent_classes,
        the_score_of_two_uncertain_classes,
        shares_and_accuracy_count_the_most_probable_class,
        a_mode_is_missing_below_a_tenth_of_its_share,
    };
    return run_tests("predictions", tests, countof(tests));
}
