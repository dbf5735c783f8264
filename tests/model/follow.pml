/* follow.pml - every listener hears the log in the order of its numbers, without a gap. A spin model of
 * numbering, following, live delivery, replay, and the epoch of the log.
 *
 * What happens when all goes well: a broker appends a row; the lock of the head row gives it the next
 * number; the broker hands it on at once. The other broker gets a hint, or polls, reads what it misses
 * and hands that on. A listener is live, or behind and reads pages; its place is (log epoch, number).
 *
 * What can go wrong: transactions end in any order; hints are lost; another broker's row comes between;
 * a page is on its way while things change; the listener falls behind, or moves to the other broker; a
 * commit's wait is cut, so that its row is visible, read, delivered, and not on the standby, which is
 * then promoted and gives its number to another row. The promotion raises the epoch; the brokers and the
 * listener learn of it one after the other.
 *
 * Which code is mirrored here:
 *   numbers    sql/migrations/0002_append.sql UPDATE bus.log_head SET seq = seq + n
 *   follow     broker/store/follow.c follow_seen(), follow_own(), on_page() (a page may end before rows
 *              that are not visible yet, and `handed` moves to its end), begin() with is_stale
 *   poll       broker/store/store.c on_poll(), on_notified()
 *   listener   broker/egress/egress.c egress_routed_one(), egress_routed(), egress_store_here() (all are
 *              sent away when the epoch changes); listener.c listener_place()
 *   place      agents/link/downlink.c forget_old_epoch(); inbox.c inbox_is_new()
 *
 * Checked: the listener takes each number as the successor of its place; when it has the epoch of the
 * log, what it took under 1..place is what the log holds there. With -DLIVE: when nothing more is written
 * and faults end, it has the whole log.
 *
 * Left out: credit and windows (falling behind at any moment stands for them), patterns (all rows
 * match), FLASH and expired rows, several listeners (they do not meet), pages smaller than what is asked
 * for, moved-away partitions. A listener's page is read and taken in one step.
 *
 * Planted bugs, by -D: PLAIN_SEQUENCE (a number is drawn, then committed, without the head's lock),
 * NO_EPOCH (a promotion that lost visible rows does not raise it), STALE_PAGE, BLIND_HAND (what was
 * committed is handed on although the number before it was not), and for progress NO_POLL.
 */
#ifndef ROWS
#define ROWS 4 /* rows ever written, and the most that a log holds */
#endif
#ifdef PLAIN_SEQUENCE
#define PROMOTIONS 0 /* seen without */
#endif
#ifndef PROMOTIONS
#define PROMOTIONS 1
#endif
#ifndef FAULTS
#define FAULTS 2 /* moves, falls, cut waits, lost hints; each */
#endif
#define B 2
#define AT(b, n) ((b) * (ROWS + 1) + (n))

/* the log: what number n holds (0 = not visible), of the epoch; the standby holds 1..safe */
byte row[ROWS + 1];
byte head; /* last visible number */
byte safe, epoch = 1, made, drawn;
byte promotions = PROMOTIONS;
byte moves = FAULTS, falls = FAULTS, cuts = FAULTS, losses = FAULTS;

/* a broker's own append: number and content of its transaction; written: waits for the standby */
byte lock; /* broker + 1 */
byte number[B], content[B];
bool is_written[B];

/* following */
byte known[B] = 1; /* epoch */
byte handed[B], heard[B];
bool hint[B], is_reading[B], is_stale[B], is_down[B];
byte page[B * (ROWS + 1)]; /* rows as they were when the page was read */
byte page_upto[B];

/* the listener: at one broker, live or behind there; and what it has */
bool is_placed, is_live;
bit where;
byte cursor;                    /* the broker's: sent up to here */
byte its_epoch = 1, place;      /* the listener's own */
byte took[ROWS + 1];

byte i; /* of one step */

/* --- the listener ------------------------------------------------------------------------------- */

inline take(n, what)
{
    if
    :: n > place ->
        assert(n == place + 1); /* a number was skipped */
        place = n;
        took[n] = what
    :: else
    fi
}

inline compare()
{
    i = 1;
    do
    :: i <= place -> assert(took[i] == row[i]); i++ /* it has something else than the log */
    :: else -> break
    od;
    i = 0
}

/* egress_routed_one, egress_routed: the broker hands on a number */
inline hand(b, n, what)
{
    handed[b] = n;
    if
    :: is_placed && where == b && is_live -> cursor = n; take(n, what)
    :: else
    fi
}

inline send_away(b)
{
    if
    :: where == b -> is_placed = false; is_live = false; cursor = 0
    :: else
    fi
}

proctype listener()
{
end:
    do
    /* Subscribe, at this broker or another. */
    :: atomic { !is_placed && !is_down[where] ->
           if
           :: its_epoch != known[where] -> its_epoch = known[where]; place = 0;
               i = 1;
               do
               :: i <= ROWS -> took[i] = 0; i++
               :: else -> break
               od;
               i = 0
           :: else
           fi;
           if
           :: place <= handed[where] ->
               is_placed = true;
               cursor = place;
               is_live = (place == handed[where])
           :: else /* the broker has not come so far: "range", and try again */
           fi }
    :: atomic { moves > 0 -> moves--; is_placed = false; is_live = false; cursor = 0; where = 1 - where }
    :: atomic { falls > 0 && is_live -> falls--; is_live = false }
    /* Behind: a page up to where the broker is. */
    :: atomic { is_placed && !is_live && cursor < handed[where] ->
           i = cursor + 1;
           do
           :: i <= handed[where] ->
               if
               :: row[i] -> take(i, row[i])
               :: else
               fi;
               i++
           :: else -> break
           od;
           cursor = handed[where];
           i = 0;
           is_live = true }
    :: atomic { is_placed && !is_live && cursor == handed[where] -> is_live = true }
#ifndef LIVE
    :: atomic { its_epoch == epoch && place > 0 && known[where] == epoch -> compare() }
#endif
    od
}

/* --- the brokers -------------------------------------------------------------------------------- */

inline begin(b)
{
    known[b] = epoch;
    handed[b] = head;
    heard[b] = head;
#ifndef STALE_PAGE
    is_stale[b] = is_reading[b];
#endif
    send_away(b)
}

inline seen(b)
{
    if
    :: known[b] != epoch -> begin(b)
    :: else
    fi;
    if
    :: head > heard[b] -> heard[b] = head
    :: else
    fi
}

inline drop_page(b)
{
    i = 1;
    do
    :: i <= ROWS -> page[AT(b, i)] = 0; i++
    :: else -> break
    od;
    i = 0;
    page_upto[b] = 0; is_reading[b] = false; is_stale[b] = false
}

/* What others see when a transaction ends, replicated or cut. */
inline appear(b)
{
    row[number[b]] = content[b];
    if
    :: number[b] > head -> head = number[b]
    :: else
    fi;
    if
    :: losses > 0 -> losses--
    :: true -> hint[1 - b] = true
    fi
}

inline end_append(b)
{
    if
    :: lock == b + 1 -> lock = 0
    :: else
    fi;
    number[b] = 0; content[b] = 0; is_written[b] = false
}

#ifdef PLAIN_SEQUENCE
#define GETS_THERE(b) skip
#else
/* Its own row, and before it those whose wait was cut. */
#define GETS_THERE(b) safe = number[b]
#endif

proctype broker(bit b)
{
end:
    do
    :: atomic { is_down[b] -> is_down[b] = false; seen(b) } /* a new connection asks for the place */
    /* append */
#ifdef PLAIN_SEQUENCE
    :: atomic { !is_down[b] && number[b] == 0 && made < ROWS && drawn < ROWS ->
           made++; drawn++; number[b] = drawn; content[b] = made }
#else
    :: atomic { !is_down[b] && number[b] == 0 && made < ROWS && head < ROWS && lock == 0 ->
           lock = b + 1; made++; number[b] = head + 1; content[b] = made }
#endif
    :: atomic { number[b] && !is_written[b] -> is_written[b] = true }
    :: atomic { is_written[b] -> /* once the standby has it: the answer comes */
           GETS_THERE(b);
           appear(b);
           if
           :: number[b] > heard[b] -> heard[b] = number[b]
           :: else
           fi;
#ifdef BLIND_HAND
           if
           :: number[b] > handed[b] -> hand(b, number[b], content[b])
           :: else
           fi;
#else
           if
           :: !is_reading[b] && handed[b] == number[b] - 1 && known[b] == epoch -> hand(b, number[b], content[b])
           :: else
           fi;
#endif
           end_append(b) }
    :: atomic { cuts > 0 && is_written[b] -> cuts--; appear(b); end_append(b); is_down[b] = true }
    /* hints and polls */
    :: atomic { hint[b] && !is_down[b] -> hint[b] = false; seen(b) }
#ifndef NO_POLL
    :: atomic { !is_down[b] && (head > heard[b] || known[b] != epoch) -> seen(b) }
#endif
    /* reading: the answer holds what was visible then, and is looked at later */
    :: atomic { !is_reading[b] && !is_down[b] && handed[b] < heard[b] ->
           is_reading[b] = true;
           page_upto[b] = heard[b];
           i = handed[b] + 1;
           do
           :: i <= heard[b] -> page[AT(b, i)] = row[i]; i++
           :: else -> break
           od;
           i = 0 }
    :: atomic { is_reading[b] ->
           i = 1;
           do
           :: i <= page_upto[b] ->
               if
               :: page[AT(b, i)] && !is_stale[b] && i > handed[b] -> hand(b, i, page[AT(b, i)])
               :: else
               fi;
               i++
           :: else -> break
           od;
           if
           :: !is_stale[b] && page_upto[b] > handed[b] -> handed[b] = page_upto[b]
           :: else
           fi;
           i = 0;
           drop_page(b) }
    od
}

/* --- the standby -------------------------------------------------------------------------------- */

active proctype standby()
{
end:
    do
    :: atomic { safe < head && row[safe + 1] -> safe++ }
    :: atomic { promotions > 0 ->
           promotions--;
           if /* what was written and not yet shown may be on the standby */
           :: lock && is_written[lock - 1] && number[lock - 1] == safe + 1 ->
               safe++;
               row[safe] = content[lock - 1]
           :: true
           fi;
           end_append(0); end_append(1);
           is_down[0] = true; is_down[1] = true;
           hint[0] = false; hint[1] = false;
           i = safe + 1;
           do
           :: i <= ROWS -> row[i] = 0; i++
           :: else -> break
           od;
           i = 0;
           head = safe;
#ifndef NO_EPOCH
           epoch++;
#endif
           drawn = head }
    od
}

init
{
    atomic { run broker(0); run broker(1); run listener() }
}

#ifdef LIVE
/* Time goes on when nothing else does, so that a standstill counts as a run too. */
active proctype time()
{
    bit tick;

end:
    do
    :: tick = 1 - tick
    od
}

ltl has_the_log { <>[](its_epoch == epoch && place == head) }
#endif
