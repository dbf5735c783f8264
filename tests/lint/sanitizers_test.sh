#!/bin/bash
# A sanitizer's report must fail the test, whichever process made it, and tests/tsan.supp must hide
# nothing of ours: faults are planted, and a program without fault is left alone.
set -u
cd "$(dirname "$0")/../.." || exit
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

cat >"$dir/planted.c" <<'END'
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

static int counter, *volatile lost;

static void *count(void *arg)
{
    counter++;
    return arg;
}

static void on_freed(void *data, void *hint)
{
    (void)data;
    (void)hint;
    counter++; /* on libzmq's thread */
}

/* A message over TCP, read byte by byte on the other side; with_callback: sent without a copy. */
static void send_one(int with_callback)
{
    static char text[100000];
    void *ctx = zmq_ctx_new(), *a = zmq_socket(ctx, ZMQ_PAIR), *b = zmq_socket(ctx, ZMQ_PAIR);
    char at[256];
    size_t n = sizeof(at), sum = 0;
    zmq_msg_t m;

    zmq_bind(a, "tcp://127.0.0.1:*");
    zmq_getsockopt(a, ZMQ_LAST_ENDPOINT, at, &n);
    zmq_connect(b, at);
    if (with_callback)
        zmq_msg_init_data(&m, text, sizeof(text), on_freed, NULL);
    else
        zmq_msg_init_size(&m, sizeof(text));
    memset(zmq_msg_data(&m), 1, sizeof(text));
    zmq_msg_send(&m, b, 0);
    zmq_msg_init(&m);
    zmq_msg_recv(&m, a, 0);
    for (size_t i = 0; i < zmq_msg_size(&m); i++)
        sum += ((char *)zmq_msg_data(&m))[i];
    zmq_msg_close(&m);
    counter++;
    zmq_close(a);
    zmq_close(b);
    zmq_ctx_term(ctx);
    if (sum != sizeof(text))
        abort();
}

static void plant(const char *what)
{
    pthread_t t;

    if (strcmp(what, "threads") == 0) {
        pthread_create(&t, NULL, count, NULL);
        counter++;
        pthread_join(t, NULL);
    } else if (strcmp(what, "overflow") == 0) {
        lost = malloc(4);
        printf("%d\n", lost[1]);
    } else if (strcmp(what, "sum") == 0) {
        counter = 2147483647;
        counter += lost == NULL;
    } else if (strcmp(what, "leak") == 0) {
        lost = malloc(4);
        lost = NULL;
    } else if (strcmp(what, "nothing") != 0) {
        send_one(strcmp(what, "callback") == 0);
    }
}

/* The parent looks at nothing; "killed": as soon as it has made its mark, the child is killed. */
int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : getenv("HOW");
    int child;

    if (!how || !(child = fork())) {
        plant(getenv("PLANT"));
        if (how && strcmp(how, "killed") == 0)
            kill(getpid(), SIGKILL);
        return 0;
    }
    waitpid(child, NULL, 0);
    return 0;
}
END

build() { gcc -g -O1 "-fsanitize=$1" -fno-sanitize-recover=undefined -o "$dir/$2" "$dir/planted.c" -lzmq -lpthread; }
build thread threads || exit 1
build address,undefined memory || exit 1

# is MUST PROGRAM PLANT [HOW]: MUST is ok or FAIL; HOW "child" or "killed": in a child.
is() {
    local said
    said=$(PLANT=$3 HOW=${4:-} && export PLANT && { [ -n "${4:-}" ] && export HOW || unset HOW; } &&
        unset TEST_SUMS ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS &&
        tests/run.sh planted "$dir/$2" 2>&1)
    if [ "$(echo "$said" | awk 'NR == 1 { print $1 }')" != "$1" ]; then
        echo "$2 $3 ${4:-}: it must be $1"
        echo "$said"
        failed=1
    fi
}

is ok threads nothing
is ok threads message
is FAIL threads threads
is FAIL threads threads child
is FAIL threads threads killed
is FAIL threads callback
is ok memory message child
is ok memory nothing killed
is FAIL memory leak
is FAIL memory leak child
is FAIL memory overflow child
is FAIL memory sum child
[ $failed = 0 ] && echo "sanitizers: twelve programs, each as it should be"
exit $failed
