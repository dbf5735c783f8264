/* commands - what eocctl can do, and its help: one row each. */
#include <string.h>

#include "agents/ctl/ctl.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

const struct ctl_command ctl_commands[] = {
    {"keygen", "make a key pair on this device",
     "eocctl keygen [--seal] FILE [--name NAME]\n\n"
     "Makes a key pair, writes it to FILE (mode 0600) and prints the public key, alone, on "
     "standard\n"
     "output. Never overwrites a file. The secret key never leaves the device: send the public\n"
     "key to whoever enrols you (eocctl enrol request).\n\n"
     "  --name NAME       whose key it is, for the comment in the file\n"
     "  --seal            a seal key instead: it opens sealed identities, and no door\n",
     0, ctl_keygen},
    {"escrow", "a seal key that several officers have together",
     "eocctl escrow make --shares N --needed M PATH\n"
     "eocctl escrow recover FILE SHARE SHARE ...\n\n"
     "`make` makes a seal key that nobody has: it is split into N shares (PATH.1, PATH.2 ..., "
     "mode\n"
     "0600), of which any M together are the key and M - 1 say nothing. Its public half is "
     "printed:\n"
     "put it into registry.readers as escrow. Give each officer one share, on a medium of its "
     "own.\n"
     "`recover` puts M shares together into a seal key file, with which a registry opens what was\n"
     "sealed.\n\n"
     "  --shares N        how many officers, up to 32\n"
     "  --needed M        how many of them have to come together, at least 2\n",
     0, ctl_escrow},
    {"migrate", "bring the database to this program's schema",
     "eocctl migrate [--to N]\n\n"
     "Runs the migrations that the database has not seen, in order, each in its own transaction.\n"
     "Two runs at once wait for each other. A migration that was changed after it ran is an "
     "error:\n"
     "migrations only go forward.\n\n"
     "  --to N            stop after migration N\n",
     CTL_DATABASE, ctl_migrate},
    {"enrol", "let somebody in, or change a key: two officers sign",
     "eocctl enrol request [NAME] [--key-file FILE] [--out FILE]\n"
     "eocctl enrol sign FILE --officer-key FILE --agency A --role R... --until TIME|730d\n"
     "                  [--place PCODE]... [--serial N] [--out FILE] [--yes]\n"
     "eocctl enrol sign FILE --officer-key FILE [--out FILE] [--yes]\n"
     "eocctl enrol show FILE\n"
     "eocctl enrol submit FILE\n\n"
     "On the device, `request` makes its key file if there is none and writes a request with the\n"
     "public halves. An officer makes a record of it and signs, another one signs the record; "
     "both\n"
     "see in words what they sign, and compare the fingerprint with the device. `submit` gives "
     "the\n"
     "record to the database. A device that changes its key makes a new key file, and the next\n"
     "record of the same name; both keys are good until the first one ends.\n\n"
     "  --officer-key FILE  key file of the officer; one of those in trust.officers\n"
     "  --agency A          who answers for it: coes, rcst, hydromet\n"
     "  --role R            what it may; repeatable\n"
     "  --place PCODE       what it stands for; repeatable; none = the whole country\n"
     "  --until TIME|730d   until when the key is good\n"
     "  --serial N          of the record; default: what the database says is next, without one 1\n"
     "  --out FILE          where to; default standard output\n"
     "  --yes               without asking\n",
     0, ctl_enrol},
    {"order", "an order to a siren or sensor, that others approve",
     "eocctl order siren SITE evacuate|attention|all_clear|silence|self_test --place PCODE\n"
     "                  [--reason TEXT] [--seconds N] [--minutes N] [--exercise] [--out FILE]\n"
     "eocctl order draft --file MESSAGE.json [--minutes N] [--out FILE]\n"
     "eocctl order show FILE\n"
     "eocctl order approve FILE [--out FILE] [--yes]\n"
     "eocctl order say FILE [--wait S]\n\n"
     "No machine obeys one person. Whoever orders draws the order up as a file; each of the "
     "others\n"
     "reads it and approves it with the own key; then the first one says it. Nothing in the file "
     "can\n"
     "be changed after that, and it is obeyed once. How many it takes and who may: eocctl rights\n"
     "list, verb `approve`, and the machine's own list. `draft` takes any siren_command,\n"
     "sensor_control or sensor_configuration as JSON.\n\n"
     "  --place PCODE   where the machine is; repeatable\n"
     "  --reason TEXT   why, for those who approve it\n"
     "  --seconds N     how long it sounds; default 180\n"
     "  --minutes N     how long the order lives, to be approved and carried out; default 10\n"
     "  --exercise      status EXERCISE: a siren can only be told self_test\n"
     "  --out FILE      where to; default standard output, of approve the file itself\n"
     "  --wait S        for the answer of the bus; default 30\n"
     "  --yes           approve without asking\n",
     0, ctl_order},
    {"agreement", "what one agency gives another, signed by both",
     "eocctl agreement show FILE\n"
     "eocctl agreement sign FILE [--out FILE] [--yes]\n"
     "eocctl agreement say FILE [--wait S]\n\n"
     "The file is a sharing_agreement as JSON. An official of each party, who may say agreements\n"
     "(role officer), signs it with the own key; then each party says it. From then on brokers "
     "let\n"
     "the taker hear what it names. Whoever changes a word of it signs and says it anew, with a\n"
     "higher version. `eocctl audit agreements` tells of which ones the signatures hold.\n\n"
     "  --out FILE      where to; default the file itself\n"
     "  --wait S        for the answer of the bus; default 30\n"
     "  --yes           sign without asking\n",
     0, ctl_agreement},
    {"principal", "add, list or revoke who may use the bus",
     "eocctl principal add NAME --agency A --role R [--place PCODE] --key Z85|--key-file FILE\n"
     "                     [--not-after TIME]\n"
     "eocctl principal list [--expiring 30d] [--json]\n"
     "eocctl principal revoke NAME [--key Z85] [--reason R] [--officer-key FILE]\n\n"
     "A principal is a name (agency.unit.node) that a public key stands for. `add` enrols on\n"
     "nobody's signature: brokers that have officers pinned admit only whom two of them signed "
     "for\n"
     "(`eocctl enrol`). Adding the same principal with the same key again changes nothing. A\n"
     "revoked principal is silent from its next message on, and its name is never given again.\n\n"
     "  --expiring 30d    only keys that end within so many days, the first ones first\n"
     "  --reason R        lost, compromised, replaced, left or mistake\n"
     "  --officer-key FILE  who revokes; needed where trust.officers is set\n"
     "  --agency A        who answers for it: coes, rcst, hydromet\n"
     "  --role R          sensor, district, registry, dispatcher, operator\n"
     "  --place PCODE     where it stands\n"
     "  --key Z85         public key, 40 characters, as keygen printed it; of `revoke`: that key\n"
     "                    only\n"
     "  --key-file FILE   a key file; only its public half is read\n"
     "  --not-after TIME  2027-05-01T00:00:00Z\n",
     CTL_DATABASE, ctl_principal},
    {"publish", "say something, as proto3 JSON",
     "eocctl publish [--file F|-] [--unchecked] [--wait SECONDS] [--once-key KEY]\n"
     "eocctl publish --drain [--wait SECONDS]\n\n"
     "Reads Envelopes as JSON, one, or one per line, puts them into the outbox of the configured\n"
     "principal and waits for the receipts. Prints for each `stored NUMBER` or `refused CODE PATH\n"
     "SENTENCE`. Exit status 0: all stored; 1: some refused; 3: not in time - they stay in the\n"
     "outbox, and the next run sends them first.\n\n"
     "  --file F          where from; - is standard input (default)\n"
     "  --unchecked       without the gate of this side, to see what the broker says\n"
     "  --wait SECONDS    for the receipts (default 30); 0 = only put into the outbox\n"
     "  --drain           no input: wait until the outbox is empty\n"
     "  --once-key KEY    repeatable: what an earlier run with this key put is not put again\n",
     CTL_SPEAK, ctl_publish},
    {"tail", "watch what is stored, from any number or from now",
     "eocctl tail [--from N | --since TIME] [--until TIME|N] [--last-values]\n"
     "            [--place PCODE]... [--type T]... [--lane L]... [--pattern P]...\n"
     "            [--json] [--count N] [--brief] [--until-idle] [--wait SECONDS]\n"
     "            [--inbox FILE] [--name NAME] [--record FILE]\n\n"
     "One line a message: time, number, precedence, status if it is not ACTUAL, type, place,\n"
     "sender, and what it says. A pattern has five levels, status.family.type.region.district:\n"
     "\"actual.report.**\", \"*.*.*.3505000.*\".\n\n"
     "  --json            one object per line\n"
     "  --from N          begin with number N (0 or 1 = everything); default: from now\n"
     "  --since TIME      begin with what a broker received then, or some seconds earlier:\n"
     "                    2026-03-01T06:30:00Z, or how long ago: 90m, 2h, 7d\n"
     "  --until TIME|N    end with what was received then (also in time to come), or with number "
     "N\n"
     "  --last-values     first the newest observations of each stream\n"
     "  --place PCODE     only of this region or district; repeatable, as are the next three\n"
     "  --type T          only messages of this type: flash_report, sensor_detection\n"
     "  --lane L          only FLASH, IMMEDIATE, PRIORITY, ROUTINE or BULK\n"
     "  --pattern P       only what matches, instead of places and types (default **)\n"
     "  --count N         stop after N messages\n"
     "  --inbox FILE      remember the place there, and go on from it; kept at the centre too\n"
     "  --name NAME       under this durable name (eocctl listeners); alone, the centre keeps it\n"
     "  --record FILE     append one line per message there; goes on behind its last whole line\n"
     "  --brief           count bulk messages (observations) instead of printing each\n"
     "  --until-idle      stop when everything stored so far was seen\n"
     "  --wait SECONDS    end with status 3 after so long without a broker (with --count and\n"
     "                    --until and --until-idle 30, else 0 = never)\n\n"
     "What Ayni reported in the last two hours:\n"
     "  eocctl tail --since 2h --until-idle --place 3505203\n"
     "Detections and flash reports of a night:\n"
     "  eocctl tail --since 2026-05-11T18:00:00Z --until 2026-05-12T01:00:00Z \\\n"
     "              --type sensor_detection --type flash_report\n"
     "What every gauge shows now, and what it shows next:\n"
     "  eocctl tail --last-values --type observation_batch\n",
     CTL_LISTEN, ctl_tail},
    {"counts", "how many households, said so that none can be found",
     "eocctl counts --from TIME --to TIME [--place PCODE] [--least N] [--dry-run]\n"
     "              [--wait SECONDS]\n\n"
     "Counts the households of each district: affected, assessed, assisted, offered a plot,\n"
     "accepted, declined and why. Says them as a message household_counts, signed by this\n"
     "principal, for ministries and partners who are to know no household. A number below 5 is\n"
     "not told, nor what would give one away. Messages marked EXERCISE or TEST are not\n"
     "counted.\n\n"
     "  --from, --to      what happened in between: 2026-03-01T00:00:00Z; take whole months:\n"
     "                    periods that overlap would tell more than each of them\n"
     "  --place PCODE     only of this region or district\n"
     "  --least N         tell no number below N (default and least 5)\n"
     "  --dry-run         print them, say nothing\n"
     "  --wait SECONDS    for the receipt (default 30; 0 = into the outbox, and back)\n",
     CTL_SPEAK | CTL_DATABASE, ctl_counts},
    {"blobs", "put files together from their pieces",
     "eocctl blobs --into DIR [--pattern P]... [--from N] [--most-bytes N] [--count N]\n"
     "             [--until-idle] [--wait SECONDS]\n\n"
     "Listens for pieces of photographs and scans and puts them together in DIR, each under the\n"
     "hash it has and messages name it by; HASH.about says what its sender calls it. Prints a "
     "line\n"
     "for each that is whole. Its place is kept in DIR: killed and started again, it goes on.\n"
     "What does not fit its hash is kept as .wrong and never taken for the file.\n\n"
     "  --into DIR        made if it is not there\n"
     "  --pattern P       only pieces that match; may stand several times\n"
     "                    (default \"*.transfer.blob_chunk.**\")\n"
     "  --from N          begin with number N, the first time (default: everything)\n"
     "  --most-bytes N    files that are not whole yet may have together (default 4294967296)\n"
     "  --count N         stop after N whole files\n"
     "  --until-idle      stop when everything stored so far was seen\n"
     "  --wait SECONDS    end with status 3 after so long without a broker (with --count and\n"
     "                    --until-idle 30, else 0 = never)\n",
     CTL_LISTEN, ctl_blobs},
    {"edxl", "resource messages from and to other systems, as EDXL-RM 1.0",
     "eocctl edxl import FILE... [--status S] [--lane L] [--label L] [--to NAME]... [--place "
     "P]...\n"
     "                   [--wait SECONDS] [--print]\n"
     "eocctl edxl export --message ID | --thread ID | --file JSON [--out DIR] [--anyway]\n\n"
     "import: reads EDXL-RM documents (XML, UTF-8, no DOCTYPE, at most 1 MiB), puts them into the "
     "outbox\n"
     "of the configured principal and waits for the receipts. What has no field of ours is kept "
     "with "
     "the\n"
     "message and named on standard error. The same files again say nothing again. export: writes "
     "the\n"
     "document of a message of the sixteen, with what was kept; what EDXL-RM has no place for is "
     "named.\n\n"
     "  --status S        ACTUAL (default), EXERCISE or TEST: EDXL-RM alone cannot say it\n"
     "  --lane L          IMMEDIATE, PRIORITY, ROUTINE (default) or BULK\n"
     "  --label L         PUBLIC, INTERNAL (default) or RESTRICTED\n"
     "  --to NAME         principal, agency or role@place; repeatable\n"
     "  --place P         P-code that the message is about; repeatable\n"
     "  --wait SECONDS    for the receipts (default 30); 0 = only put into the outbox\n"
     "  --print           as JSON on standard output instead: nothing is said\n"
     "  --message ID      by UUID or number of the log\n"
     "  --thread ID       all messages of the thread that begins with this UUID\n"
     "  --file JSON       from a file instead of the log; - is standard input\n"
     "  --out DIR         one file a message, named by its UUID; default standard output\n"
     "  --anyway          also what is not ACTUAL: the document does not say so\n",
     0, ctl_edxl},
    {"replay", "an incident of the log, played as an exercise",
     "eocctl replay --incident ID --to NAME... [--speed N] [--wait SECONDS] [--dry-run]\n\n"
     "Says again what belongs to an incident, and to those merged into it and part of it, in the\n"
     "order of the log: as EXERCISE, under new ids, each with the number of what it plays. "
     "Nothing\n"
     "real moves. Orders to machines, sealed names, files and what the bus answered are left out.\n"
     "Give the principal who plays it rights of its own for the time of the exercise.\n\n"
     "  --incident ID     UUID; eoc.incident_now lists them\n"
     "  --to NAME         who hears it: principal, agency or role@place; repeatable\n"
     "  --speed N         how many times faster than it was (default 10)\n"
     "  --wait SECONDS    for each receipt (default 30)\n"
     "  --dry-run         say only how much it is and how long it takes\n",
     CTL_SPEAK | CTL_DATABASE, ctl_replay},
    {"show", "one message, whole",
     "eocctl show N [--json]\n\n"
     "Prints message number N as the log keeps it: what the broker knows of it, then what it "
     "says.\n",
     CTL_DATABASE, ctl_show},
    {"receipts", "what became of a message for each recipient",
     "eocctl receipts UUID|N [--json]\n\n"
     "For every recipient of a message: how far it got, when, by whom, and why; below, receipts "
     "that\n"
     "changed nothing, with the reason. Messages are named by UUID or by number.\n\n"
     "A line: number, recipient, how far, when, by whom, code, words. STORED: nobody has it yet.\n"
     "ACCEPTED, REJECTED, EXPIRED and UNDELIVERABLE are ends.\n",
     CTL_DATABASE, ctl_receipts},
    {"roster", "who is on duty",
     "eocctl roster show\n"
     "eocctl roster set --role R --place P --from TIME --to TIME --shift SHIFT... [--wait "
     "SECONDS]\n\n"
     "Messages to R@P go to whoever is on duty when they are stored. A new roster replaces the\n"
     "one before it from its own beginning on; holes in it have nobody on duty.\n"
     "show: recipient, turn, who, in whose place, for which types, from, until.\n\n"
     "  --role R          dispatcher, duty, logistics\n"
     "  --place P         P-code, or one word\n"
     "  --from, --to      span it covers: 2027-05-01T08:00+05:00\n"
     "  --shift SHIFT     PRINCIPAL,FROM,TO[,ORDER[,DELEGATED_BY]]; ORDER 1 is called first\n"
     "  --wait SECONDS    for the receipt (default 30); 0 = only put into the outbox\n",
     0, ctl_roster},
    {"listeners", "who listens under a durable name, and how far behind",
     "eocctl listeners [--json] [--principal NAME]\n\n"
     "One line a lane: principal, name, lane, place (log epoch/number), how many numbers behind, "
     "since\n"
     "when the first of them waits, which broker serves it now, patterns. Furthest behind first.\n",
     CTL_DATABASE, ctl_listeners},
    {"rights", "roles, and the rules that say who may say and hear what",
     "eocctl rights list [--role R] [--json]\n"
     "eocctl rights roles\n"
     "eocctl rights add ROLE allow|deny VERB [--type T]... [--place P]... [--label L]\n"
     "                  [--note TEXT] --reason TEXT\n"
     "eocctl rights remove NUMBER --reason TEXT\n"
     "eocctl rights role NAME [--note TEXT] --reason TEXT\n\n"
     "Allowed is what some rule of a principal's roles allows and none denies. list: number, "
     "role,\n"
     "effect, verb, places, label, who gives (by a sharing agreement), types. Changes are in "
     "force\n"
     "on every broker within seconds, for sessions that stand too, and are recorded with the "
     "reason.\n\n"
     "  VERB              say, hear, flash (say it as FLASH), carry (what others signed),\n"
     "                    open (read identities), enrol, operate\n"
     "  --type T          flash_report, report.* or * (default); repeatable\n"
     "  --place P         any (default), own (the principal's places and below), to_me (what is\n"
     "                    for it), or P-codes and below; P-codes are repeatable\n"
     "  --label L         allow: the most confidential label (default RESTRICTED); deny: the "
     "least\n"
     "  --reason TEXT     why, for an inquiry\n",
     CTL_DATABASE, ctl_rights},
    {"why", "why a principal may say or hear something, or not",
     "eocctl why PRINCIPAL NUMBER\n"
     "eocctl why PRINCIPAL VERB TYPE [--place P]... [--label L] [--from SENDER] [--to NAME]\n\n"
     "One paragraph: may it, and the rules that say so. NUMBER is a message of the log: may the\n"
     "principal hear it (or, of its own, may it say it).\n\n"
     "  VERB              say, hear, flash, carry, open, enrol, operate\n"
     "  --place P         P-code of the message; repeatable\n"
     "  --label L         PUBLIC, INTERNAL (default), RESTRICTED, HOUSEHOLD_PERSONAL\n"
     "  --from SENDER     who says it, for sharing agreements\n"
     "  --to NAME         whom it is for\n",
     CTL_DATABASE, ctl_why},
    {"quarantine", "what was refused, and why",
     "eocctl quarantine list [--json] [--sender NAME] [--last N]\n"
     "eocctl quarantine show ID\n\n"
     "Refused messages are kept with their bytes, who sent them and the reason.\n\n"
     "  --sender NAME     of one sender only\n"
     "  --last N          the newest N (default 20)\n",
     CTL_DATABASE, ctl_quarantine},
    {"board", "what needs a decision; what is wanted, promised, on scene and due back",
     "eocctl board [PLACE] [--every SECONDS] [--lang tg|ru|en] [--past] [--most N] [--json]\n\n"
     "First the queue of the dispatchers' page, the same things in the same order and with the same\n"
     "counts: alarms that nobody has taken, words to whoever looks (the setting \"name\"), alerts\n"
     "and orders that wait for another person, reports of no incident, requests, what is late,\n"
     "silent districts. Then what somebody has in hand.\n\n"
     "Then what was asked for or offered and is not over yet: how much is wanted, open (promised\n"
     "by nobody), promised, under way, on scene and due back, what of it is late, where each\n"
     "supplier stands. An item with a stock number is never promised twice at a time.\n\n"
     "  PLACE             P-code, or how it begins: 3505203, 35\n"
     "  --every SECONDS   says all of it again when something is different, for a terminal over a\n"
     "                    thin link; ctrl-C ends it\n"
     "  --lang L          else as LANG says, else English\n"
     "  --past            also what exercises of other days have left\n"
     "  --most N          so many of a list (default 50), at most 2,000\n"
     "  --json            a line each, with the list that it stands in, and as many as there are\n"
     "                    (of the queue 300)\n",
     CTL_DATABASE, ctl_board},
    {"rules", "which moves are legal, of incidents, requests, households, plots",
     "eocctl rules [CYCLE] [--json]\n\n"
     "One line for each legal move: life cycle, from, event, to, fact or promise, the message "
     "that\n"
     "says it, conditions, who usually says it, why. What is not here is refused, or contested if\n"
     "it has happened already. The rows stand in bus.transition and change by migrations.\n",
     CTL_DATABASE, ctl_rules},
    {"undecided", "messages that are held or contested",
     "eocctl undecided [CYCLE] [--json]\n\n"
     "One line each: number, HELD or CONTESTED, life cycle, type, sender, places, since, code, "
     "id,\n"
     "what would settle it, why. A message `decision` with that id settles one, APPLIED or\n"
     "DISMISSED; say it to the sender (eocctl publish).\n",
     CTL_DATABASE, ctl_undecided},
    {"ask", "questions about what is going on: requests, households, rations ...",
     "eocctl ask\n"
     "eocctl ask QUESTION [WORD] [--json]\n\n"
     "Without a question: all of them, each with what it takes. PLACE is a P-code or a name in "
     "any\n"
     "letters (a region stands for all in it), INCIDENT an id, or a place: its newest one. "
     "Questions\n"
     "are read with the rights of the login in the setting \"database\".\n\n"
     "Who has nothing to eat in a week:\n"
     "  eocctl ask rations 7\n"
     "What became of the families of the last torrent in Ayni:\n"
     "  eocctl ask households Ayni\n",
     0, ctl_ask},
    {"gazetteer", "places: import tables, find names, settle what contradicts",
     "eocctl gazetteer import [FILE|DIR]... [--check]\n"
     "eocctl gazetteer find NAME|PCODE [--json]\n"
     "eocctl gazetteer show PCODE [--json]\n"
     "eocctl gazetteer conflicts [--all] [--json]\n"
     "eocctl gazetteer settle ID --because TEXT [--alias-of PCODE]\n"
     "eocctl gazetteer export\n\n"
     "import: tables of places become the gazetteer, in one transaction; without a file those "
     "that\n"
     "came with this program. Known are: lists of P-codes (OCHA), polygons with codes and names "
     "in\n"
     "three languages (PRISM; CSV or GeoJSON), names without codes (open-admin-data, Who's On\n"
     "First), populations (PRISM), and our own: a CSV with pcode, level (1 country .. 5 village),\n"
     "parent, name_tg, name_ru, name_en, and if wanted aliases (split by ;), valid_from, valid_to\n"
     "(YYYY-MM-DD) and replaced_by (codes split by blanks), whose word counts before the others'.\n"
     "Every conflict is printed and kept until the data are mended or a person settles it. The "
     "same\n"
     "tables again change nothing; a row that is replaced stays as history. find: in any letters,\n"
     "best first. show: everything that was ever known of a code. export: our own table.\n\n"
     "  --check           tell what would be, change nothing\n"
     "  --all             settled conflicts too\n"
     "  --because TEXT    why, for who asks later\n"
     "  --alias-of PCODE  the unknown name is one of this place\n",
     CTL_DATABASE, ctl_gazetteer},
    {"log", "how far the log is, and a new epoch when it lost something",
     "eocctl log status\n"
     "eocctl log raise-epoch --because TEXT [--above N]\n\n"
     "status: log epoch, last number, timeline, whether commits wait for a standby, and every "
     "epoch\n"
     "that was begun, when and why. raise-epoch: after a restore or a failover that lost commits;\n"
     "agents offer again what they kept of seven days, listeners read everything again.\n\n"
     "  --because TEXT    kept with the new epoch\n"
     "  --above N         higher than N, an epoch that was in use and that this log does not "
     "know\n",
     CTL_DATABASE, ctl_log},
    {"audit", "does the record hold, and a part of it for others to check",
     "eocctl audit verify [--from N] [--heads FILE] [--signatures] [--deep]\n"
     "eocctl audit export DIR [--from N] [--to N]\n"
     "eocctl audit heads [--last N] [--check FILE]\n"
     "eocctl audit agreements\n"
     "eocctl audit note WORD TEXT\n\n"
     "verify: holds every message of the log against the chain and names the first number that is\n"
     "wrong. Exit status 0: the record holds; 1: it does not. export: messages, chain, signed "
     "heads\n"
     "and a script in Python into a new folder. heads: where brokers said that the chain stands, "
     "one\n"
     "a line; keep them away from the database. agreements: did both parties sign what the "
     "database\ncalls an agreement between them? Exit status 1: one of them did not. note: an "
     "event of its\nown, for a backup or a drill.\n\nA head counts if its broker signed it: by the "
     "keys of the database or, where "
     "trust.officers is\nset, by those that the officers vouched for. Lines without a signature "
     "count as they are.\n\n"
     "  --from N          begin with the commit that holds number N\n"
     "  --to N            end with the commit that holds number N\n"
     "  --heads FILE      heads that somebody kept: finds also a log that was cut or made anew\n"
     "  --check FILE      do these heads, such as an office kept, fit the chain? Names the first\n"
     "                    that does not; looks at the chain alone, so it takes a moment\n"
     "  --signatures      of senders too (some 50 us each)\n"
     "  --deep            documents (what people ask in SQL) against the messages they were made "
     "of\n"
     "  --last N          only the newest N (default 1000)\n",
     CTL_DATABASE, ctl_audit},
    {"status", "is everything well, and if not, what to do",
     "eocctl status [--json] [--agents]\n\n"
     "Asks the broker on this machine (control.socket) and the database. Exit status 0: healthy;\n"
     "3: something is wrong, and the text says what to do next. Agents that fell silent, whose "
     "clock is\n"
     "wrong or who say more than their quota are named.\n\n"
     "  --agents          one line for each agent that this broker knows\n",
     0, ctl_status},
    {"metrics", "the broker's numbers, for Prometheus",
     "eocctl metrics\n\n"
     "Prints what the broker on this machine (control.socket) counts, in the text format of\n"
     "Prometheus. Rules for alerts are in /usr/share/eocbus/alerts.\n",
     0, ctl_metrics},
    {"demo", "run a whole bus here, with an August night in Ayni",
     "eocctl demo --dir DIR [--bin DIR] [--data DIR] [--once]\n\n"
     "Sets up a private PostgreSQL and bus in DIR (owned by you, an ordinary user), starts "
     "broker,\n"
     "agents and a listener, restarts what dies, and plays the plan of the scenario. ctrl-C stops\n"
     "everything it started. A second run in the same DIR continues.\n\n"
     "  --dir DIR         run directory; its path may have at most 80 characters\n"
     "  --bin DIR         where the programs are (default: where eocctl is)\n"
     "  --data DIR        the scenario: plan.txt and its files\n"
     "  --once            play it to the end as fast as the bus allows, compare, and end with one\n"
     "                    line; exit status 0 only if nothing was lost or doubled\n",
     0, ctl_demo},
    {"help", "this list, or help for one command", "eocctl help [COMMAND]\n", 0, ctl_help},
};

const size_t ctl_command_count = ARRAY_LEN(ctl_commands);

const struct ctl_command *ctl_find(const char *name)
{
    for (size_t i = 0; i < ctl_command_count; i++)
        if (strcmp(ctl_commands[i].name, name) == 0)
            return &ctl_commands[i];
    return NULL;
}
