/* loop_parts - what loop.c, loop_handles.c and loop_work.c share; nobody else includes it. */
#ifndef EOCBUS_BASE_LOOP_PARTS_H
#define EOCBUS_BASE_LOOP_PARTS_H

#include <stdbool.h>
#include <uv.h>

#include "proto/base/list.h"
#include "proto/base/loop.h"

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t turn_end; /* bounds the wait of loop_turn */
    struct list hooks;
    unsigned works; /* under way */
    bool is_in_hooks, is_running;
};

enum status loop_status_of_uv(int error);
/* As a handle's close callback: the block begins with the handle. */
void loop_free_closed(uv_handle_t *handle);

#endif
