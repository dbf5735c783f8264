/* A photograph from an office to the centre, with the programs as people use them: into the outbox
 * with no link, a report behind it, both over a real broker, and put together by a listener that is
 * killed again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/digest.h"
#include "proto/base/keys.h"
#include "proto/base/mem.h"
#include "tests/lib/beside.h"
#include "tests/lib/bus.h"
#include "tests/lib/run.h"

enum { SIZE = 300000, PIECES = (SIZE + 511) / 512, KILLS_MOST = 60 };

static struct {
    struct bus *bus;
    struct ran ran;
    char dir[64], conf[2][96], photo[96], box[96], ctl[512];
    uint8_t bytes[SIZE];
    char hash[DIGEST_HEX];
} world;

static void write_conf(unsigned which, const char *name)
{
    struct keys keys;
    char key_file[160], text[1000], err[256];

    bus_enrol(world.bus, name, &keys);
    snprintf(key_file, sizeof(key_file), "%s/%s.key", world.dir, name);
    assert_int_equal(keys_save(&keys, key_file, name, err, sizeof(err)), ST_OK);
    snprintf(world.conf[which], sizeof(world.conf[which]), "%s/%u.conf", world.dir, which);
    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/%s.out\nlink.profile = 2g\n",
             name, key_file, bus_endpoint(world.bus), bus_broker_key(world.bus), world.dir, name);
    write_text_file(world.conf[which], text);
}

static int begin(void **state)
{
    uint8_t hash[DIGEST_BYTES];
    ssize_t n;
    int fd;

    (void)state;
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-photo-XXXXXX");
    if (!mkdtemp(world.dir))
        return -1;
    world.bus = bus_create();
    bus_start_broker(world.bus, NULL);
    write_conf(0, "coes.ayni.office");
    write_conf(1, "coes.centre.duty");
    for (unsigned i = 0; i < SIZE; i++)
        world.bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    digest_of(hash, world.bytes, SIZE);
    digest_hex(world.hash, hash);
    snprintf(world.photo, sizeof(world.photo), "%s/bridge.jpg", world.dir);
    snprintf(world.box, sizeof(world.box), "%s/box", world.dir);
    fd = open(world.photo, O_WRONLY | O_CREAT, 0600);
    n = write(fd, world.bytes, SIZE);
    close(fd);
    if (n != SIZE)
        return -1;
    find_beside(world.ctl, sizeof(world.ctl), "eocctl");
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    bus_destroy(world.bus);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

static void a_photograph_waits_in_pieces_and_a_report_overtakes_it(void **state)
{
    struct pgserver *pg = bus_server(world.bus);

    (void)state;
    run_program(&world.ran, "eocbus-district", "-c", world.conf[0], "-o", "lang=en", "-o",
                "place=3505203", "send-file", world.photo, NULL);
    run_expect(&world.ran, 0, world.hash);
    run_program(&world.ran, "eocbus-district", "-c", world.conf[0], "-o", "lang=en", "-o",
                "place=3505203", "send-file", world.photo, NULL);
    run_expect(&world.ran, 0, "said before");
    run_program(&world.ran, "eocbus-district", "-c", world.conf[0], "-o", "lang=en", "-o",
                "place=3505203", "send", "message", "--to-role", "duty", "--subject", "bridge",
                "--text", "the photograph follows", NULL);
    run_expect(&world.ran, 0, "kept");
    run_program(&world.ran, "eocctl", "-c", world.conf[0], "publish", "--drain", "--wait", "100",
                NULL);
    run_expect(&world.ran, 0, NULL);
    assert_int_equal(pgserver_number(pg, "SELECT count(*) FROM bus.message WHERE lane = 5"),
                     PIECES);
    assert_int_equal(pgserver_number(pg, "SELECT count(*) FROM bus.message"), PIECES + 1);
    assert_int_equal(pgserver_number(pg, "SELECT seq FROM bus.message WHERE lane = 4"), 1);
}

/* True if it ended by itself. */
static bool listen_and_be_killed(unsigned after_ms)
{
    struct timespec t = {after_ms / 1000, (long)(after_ms % 1000) * 1000000};
    int status, nothing = open("/dev/null", O_WRONLY);
    pid_t pid = fork();

    if (pid == 0) {
        dup2(nothing, 1);
        execl(world.ctl, world.ctl, "-c", world.conf[1], "-o", "link.profile=fiber", "blobs",
              "--into", world.box, "--count", "1", (char *)NULL);
        _exit(127);
    }
    close(nothing);
    nanosleep(&t, NULL);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFEXITED(status);
}

static bool is_whole(void)
{
    static uint8_t found[SIZE + 1];
    char path[200];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", world.box, world.hash);
    fd = open(path, O_RDONLY);
    if (fd < 0)
        return false;
    n = read(fd, found, sizeof(found));
    close(fd);
    return n == SIZE && memcmp(found, world.bytes, SIZE) == 0;
}

static void a_listener_that_is_killed_again_and_again_puts_it_together(void **state)
{
    unsigned kills = 0;

    (void)state;
    /* One that is killed when it has put it together and not yet said so leaves nothing to be
     * counted by the next one, which would wait for another photograph. */
    while (kills < KILLS_MOST && !listen_and_be_killed(100 + 60 * kills) && !is_whole())
        kills++;
    print_message("killed %u times\n", kills);
    assert_true(is_whole());
    run_program(&world.ran, "eocctl", "-c", world.conf[1], "-o", "link.profile=fiber", "blobs",
                "--into", world.box, "--until-idle", NULL);
    run_expect(&world.ran, 0, NULL);
    assert_string_equal(world.ran.out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_photograph_waits_in_pieces_and_a_report_overtakes_it),
        cmocka_unit_test(a_listener_that_is_killed_again_and_again_puts_it_together),
    };

    return cmocka_run_group_tests_name("blob", tests, begin, end);
}
