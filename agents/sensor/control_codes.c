/* control_codes - see control_codes.h. */
#include "agents/sensor/control_codes.h"

#include <string.h>

#include "proto/wire/order.h"

#include "proto/base/banned.h"

static const struct {
    const char *code, *path, *word;
} words[] = {
    {CODE_TIME, "sent_time_us", "clock_unknown"}, {CODE_EXPIRY, "not_after_us", "expired"},
    {CODE_SIGNATURE, "signature", "signature"},   {CODE_SIGNATURE, "approvals", "approver_key"},
    {CODE_APPROVAL, "status", "test_status"},     {CODE_APPROVAL, "target", "no_right"},
    {CODE_APPROVAL, "sender", "unknown_sender"},  {CODE_APPROVAL, "message_id", "said_before"},
    {CODE_APPROVAL, "", "no_officers"},
};

static const char *word_of_approvals(const Eocbus__V1__Envelope *m)
{
    Eocbus__V1__Approval **rows = NULL;

    switch (order_approvals(m, &rows)) {
    case 0:
        return "no_approver";
    case 1:
        return "one_approver";
    default:
        return "approvers";
    }
}

const char *control_code(const Eocbus__V1__Envelope *m, const struct refusal *why)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i].code, why->code) == 0 && strcmp(words[i].path, why->path) == 0)
            return words[i].word;
    return strcmp(why->code, CODE_APPROVAL) == 0 ? word_of_approvals(m) : "refused";
}

const char *control_unreal(const Eocbus__V1__Envelope *m)
{
    if (m->status == EOCBUS__V1__STATUS__STATUS_ACTUAL ||
        m->siren_command->action == EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SELF_TEST)
        return NULL;
    return m->siren_command->action == EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SILENCE
               ? "silence_status"
               : "test_status";
}

bool control_is_over(const struct refusal *why)
{
    return strcmp(why->code, CODE_EXPIRY) == 0;
}
