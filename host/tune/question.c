#include "host/tune/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 12, TEXT_MAX = 1024 };

/* Fields are set apart by tabs, which occur in none of them. Cuts `text`; returns how many. */
static int split(char *text, char *ret_fields[FIELDS_MAX])
{
    int count = 0;
    text[strcspn(text, "\n")] = '\0';
    while (count < FIELDS_MAX) {
        ret_fields[count++] = text;
        text = strchr(text, '\t');
        if (!text)
            break;
        *text++ = '\0';
    }
    return count;
}

static void copy_field(const char *field, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "%.*s", (int)size - 1, field);
}

_Static_assert(WG_KNOBS_MAX == 4, "a question names them all");

void wg_tune_question_write(const struct wg_tune_question *q, char *text, size_t size)
{
    snprintf(text, size, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%.4f", q->key, q->way.implementation,
             q->way.knob[0], q->way.knob[1], q->way.knob[2], q->way.knob[3], q->way.blas,
             q->yardstick, q->seconds);
}

bool wg_tune_question_read(const char *text, struct wg_tune_question *ret_question)
{
    char copy[TEXT_MAX], *field[FIELDS_MAX];
    struct wg_tune_question q = {0};
    snprintf(copy, sizeof copy, "%s", text);
    if (split(copy, field) != 5 + WG_KNOBS_MAX)
        return false;
    copy_field(field[0], q.key, sizeof q.key);
    copy_field(field[1], q.way.implementation, sizeof q.way.implementation);
    for (int k = 0; k < WG_KNOBS_MAX; k++)
        q.way.knob[k] = atoi(field[2 + k]);
    copy_field(field[2 + WG_KNOBS_MAX], q.way.blas, sizeof q.way.blas);
    copy_field(field[3 + WG_KNOBS_MAX], q.yardstick, sizeof q.yardstick);
    q.seconds = strtod(field[4 + WG_KNOBS_MAX], NULL);
    *ret_question = q;
    return true;
}

void wg_tune_answer_write(const struct wg_tune_answer *answer, char *text, size_t size)
{
    snprintf(text, size, "%d\t%.9g\t%.*s", (int)answer->verdict, answer->seconds,
             (int)strcspn(answer->text, "\n\t"), answer->text);
}

bool wg_tune_answer_read(const char *text, struct wg_tune_answer *ret_answer)
{
    char copy[TEXT_MAX], *field[FIELDS_MAX];
    struct wg_tune_answer answer = {0};
    snprintf(copy, sizeof copy, "%s", text);
    if (split(copy, field) != 3)
        return false;
    int verdict = atoi(field[0]);
    if (verdict < WG_TUNE_TIMED || verdict > WG_TUNE_FAILED)
        return false;
    answer.verdict = (enum wg_tune_verdict)verdict;
    answer.seconds = strtod(field[1], NULL);
    copy_field(field[2], answer.text, sizeof answer.text);
    *ret_answer = answer;
    return true;
}
