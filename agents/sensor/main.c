/* eocbus-sensor - the gateway above the village: readings in, observations and conclusions out. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/options.h"
#include "agents/sensor/settings.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

static const char usage[] =
    "eocbus-sensor [-c FILE] [-o NAME=VALUE] COMMAND [ARG...]\n"
    "\n"
    "  run                    take readings in (setting listen), play records (replay), conclude\n"
    "                         (detector), and send it all; stays until SIGTERM\n"
    "  send [FILE]            lines from FILE or standard input into the outbox; ends when stored\n"
    "  replay                 play the records of the settings and end when stored; what a "
    "running\n"
    "                         gateway has said of them already is not said again\n"
    "  replay FORMAT FILE [COLUMN:]DATASTREAM...\n"
    "                         play one file\n"
    "  evaluate [FORMAT FILE [COLUMN:]DATASTREAM...]\n"
    "                         run the detectors over records and say how well they warned; asks\n"
    "                         no outbox and no broker\n"
    "  torrent [FILE]         a simulated event at this station, as lines; with --say into the "
    "bus\n"
    "  status                 what the outbox holds\n"
    "  unknown                what came in and could not be read: the newest fifty\n"
    "  compact-key FILE ID    a new key for alarms by satellite, number 1 to 65535; the receiver "
    "has\n"
    "                         the same file\n"
    "  formats                the file formats\n"
    "  profiles               the detectors' profiles: numbers, defaults, sources, evidence\n"
    "\n"
    "Of send and replay:\n"
    "  --wait SECONDS         for receipts (send 30, replay 600)\n"
    "  --no-wait              end when it is in the outbox; needs no link\n"
    "  --once-key KEY         run again with the same KEY after being killed: says nothing twice\n"
    "Of replay:\n"
    "  --speed max|60x        seconds of the record in one second\n"
    "  --shift FROM=TO        the instant FROM becomes TO (ISO 8601)\n"
    "  --zone +HH:MM          of the file's clock\n"
    "\n"
    "Of evaluate:\n"
    "  --labels FILE          what happened: lines FROM,TO,NAME or DAY,NAME; mdy:FILE for days\n"
    "                         like 12/09/2010\n"
    "  --storms GAP           the rain as a table of storms, dry for more than GAP between them;\n"
    "                         GAP,MM,SPAN leaves out what is no deeper or no longer than that\n"
    "  --alarms FILE          a list of another system's alarms, without a record: what it tells\n"
    "  --detector LINE        a detector to judge by itself, as of the settings; several may be\n"
    "                         said, and line=2.0..4.5/0.5 tries all of them\n"
    "  --with FILE            the detectors of another settings file beside those of this one\n"
    "  --before SPAN          an alarm that ended so shortly before an event counts for it\n"
    "  --from TIME, --to TIME only this part of the records\n"
    "  --brief                the counts alone, without each event, false alarm and season\n"
    "  --csv                  one table for a spreadsheet\n"
    "  --svg FILE             a picture; --lang tg|ru|en, --title TEXT, --width PIXELS (400 for a\n"
    "                         telephone)\n"
    "  --zone +HH:MM          of times without an offset, and of the picture\n"
    "\n"
    "Of torrent:\n"
    "  --seed N               another event; the same N makes the same one\n"
    "  --story WORD           mudflow, flood, rain (nothing flows) or quake\n"
    "  --span SPAN            how long it is (3h); --begin TIME\n"
    "  --fail N               so many channels fail (1)\n"
    "  --labels FILE          when the flow was there, for evaluate\n"
    "  --say, --speed max|60x play it into the bus, as exercise or test\n"
    "\n"
    "A line is DATASTREAM TIME|now VALUE [FLAG...], as in: gusar.stage now 1.284\n"
    "TIME is ISO 8601 with a zone, or now-30: so many seconds before now\n"
    "On TCP each line is answered \"ok LINE\" when it is safe, or \"error LINE: what is legal\".\n"
    "\n"
    "Of every command:\n"
    "  -c FILE                settings (default /etc/eocbus/sensor.conf)\n"
    "  -o NAME=VALUE          one setting, over the file\n"
    "  --check-config         say whether the settings are sound\n"
    "  --print-config         a sample file with every setting\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 done; 1 something was refused; 2 wrong use or settings; 3 no receipt in time;\n"
    "4 this machine: file, disk, key, port.\n";

enum { ROWS_MOST = 200 };

static const struct {
    const char *name;
    bool needs_outbox;
    int (*run)(struct sensor *s);
} commands[] = {
    {"run", true, sensor_run},
    {"send", true, sensor_send},
    {"replay", true, sensor_replay},
    {"evaluate", false, sensor_evaluate},
    {"torrent", false, sensor_torrent},
    {"status", true, sensor_status},
    {"compact-key", false, sensor_compact_key},
    {"formats", false, sensor_formats},
    {"unknown", true, sensor_unknown},
    {"profiles", false, sensor_profiles},
};

static int run_command(struct sensor *s, size_t which)
{
    enum log_level level;
    char err[600];
    int code;

    if (commands[which].needs_outbox &&
        conf_check(sensor_rows, sensor_row_count, NULL, &s->set, err, sizeof(err)) != ST_OK)
        return program_fail(s->program, EXIT_USAGE, "%s", err);
    if (commands[which].needs_outbox && !*s->set.agent.outbox_path)
        return program_fail(s->program, EXIT_USAGE,
                            "outbox.path is empty: a gateway keeps what it says in a file");
    if (log_level_parse(s->set.agent.log_level, &level) != ST_OK)
        return program_fail(s->program, EXIT_USAGE,
                            "log.level = %s: legal are debug, info, warn and error",
                            s->set.agent.log_level);
    log_set_level(level);
    s->says_nothing = !commands[which].needs_outbox;
    if (sensor_begin(s, err, sizeof(err)) != ST_OK)
        code = program_fail(s->program, EXIT_USAGE, "%s", err);
    else
        code = commands[which].run(s);
    sensor_end(s);
    return code;
}

static int find_command(const struct program *p, int argc, char **argv)
{
    const char *names[ARRAY_LEN(commands)], *near;

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        names[i] = commands[i].name;
        if (argc > 1 && strcmp(argv[1], names[i]) == 0)
            return (int)i;
    }
    near = argc > 1 ? options_nearest(argv[1], names, ARRAY_LEN(names)) : NULL;
    if (argc < 2)
        (void)program_fail(
            p, EXIT_USAGE,
            "say what to do: run, send, replay, evaluate, torrent, status or formats");
    else if (near)
        (void)program_fail(p, EXIT_USAGE, "there is no command %s; %s?", argv[1], near);
    else
        (void)program_fail(p, EXIT_USAGE, "there is no command %s; see --help", argv[1]);
    return -1;
}

/* Takes --check-config out of the command line: program_start would end at the table of rows. */
static bool take_check(int *argc, char **argv)
{
    bool found = false;
    int kept = 1;

    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--check-config") == 0)
            found = true;
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    *argc = kept;
    return found;
}

/* Who only judges records needs no name, no key and no broker. */
static void take_rows(struct conf_row *rows, int argc, char **argv)
{
    bool alone = false;

    assert(sensor_row_count <= ROWS_MOST);
    memcpy(rows, sensor_rows, sensor_row_count * sizeof(*rows));
    for (int i = 1; i < argc; i++)
        for (size_t c = 0; c < ARRAY_LEN(commands); c++)
            if (!commands[c].needs_outbox && strcmp(argv[i], commands[c].name) == 0)
                alone = true;
    for (size_t i = 0; alone && i < sensor_row_count; i++)
        rows[i].flags &= ~(unsigned)CONF_REQUIRED;
}

int main(int argc, char **argv)
{
    struct conf_row rows[ROWS_MOST];
    const struct program program = {"eocbus-sensor", usage, rows, sensor_row_count,
                                    "/etc/eocbus/sensor.conf"};
    struct sensor s = {.program = &program};
    int code, which;
    bool checks;

    if (argc == 2 && strcmp(argv[1], "formats") == 0)
        return sensor_formats(&s);
    if (argc == 2 && strcmp(argv[1], "profiles") == 0)
        return sensor_profiles(&s);
    if (argc == 4 && strcmp(argv[1], "compact-key") == 0) {
        s.argc = argc - 1;
        s.argv = argv + 1;
        return sensor_compact_key(&s);
    }
    take_rows(rows, argc, argv);
    checks = take_check(&argc, argv);
    code = program_start(&program, &argc, argv, &s.set);
    if (code >= 0)
        return code;
    if (checks) {
        code = sensor_check(&s);
        conf_free(sensor_rows, sensor_row_count, &s.set);
        return code;
    }
    which = find_command(&program, argc, argv);
    if (which < 0) {
        conf_free(sensor_rows, sensor_row_count, &s.set);
        return EXIT_USAGE;
    }
    s.argc = argc - 1;
    s.argv = argv + 1;
    code = run_command(&s, (size_t)which);
    conf_free(sensor_rows, sensor_row_count, &s.set);
    return code;
}
