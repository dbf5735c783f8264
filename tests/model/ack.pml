/* ack.pml - acknowledged means: on every later primary. A spin model of receipts, retries and failover.
 *
 * What happens when all goes well: the sender offers a message to a broker (up), the broker puts it in
 * a batch, PostgreSQL takes the lock of the head row, decides what is new, writes the commit, waits for
 * the standby, answers; the broker sends the receipt (down); the sender settles the row.
 *
 * What can go wrong, at any moment: a frame is lost, comes twice or out of order; the sender offers to
 * the other broker; the broker gives up waiting while its backend lives on with the head's lock; a
 * commit's wait is cut, so that its rows are visible and not replicated; a broker is killed; the primary
 * restarts; the standby is promoted with what it has, and the old primary comes back as its standby.
 *
 * Which code is mirrored here:
 *   sender     agents/link/outbox.h (a row leaves `waiting` only on a receipt), uplink.c settle()
 *   ingress    broker/ingress/publish.c submit(); Busy is a loss here: the row is offered again
 *   broker     broker/store/store.c fill_batch(), pump(), on_committed() (receipts after the answer),
 *              on_lost() (the batch stays as it is and goes out again); pg.c pg_drop() on a deadline,
 *              end_query() (a warning is "lost")
 *   backend    sql/migrations/0002_append.sql: UPDATE bus.log_head takes the lock (LOCKED), lane_run
 *              says what was seen (todo), pg_logical_emit_message makes a batch of repeats wait too
 *              (WAIT until the standby has everything before our own commit record)
 *   failover   RELIABILITY surprises 1 and 2: PostgreSQL releases the lock, and shows the rows, when
 *              the wait ends, however it ends
 *
 * Checked: an acknowledged message is in the log of the primary, now and after each promotion; no log
 * holds a message twice; with faults that end, every message is settled (LTL, with -DLIVE).
 *
 * Without -DLIVE the links are the worst there can be: any message may come to any broker at any moment,
 * as often as it likes, whatever became of it before. With it, frames are sent, lost, doubled and sent
 * again, and faults end.
 *
 * Left out: lanes and order (lane.pml), numbers and listeners (follow.pml), refused messages, message
 * content and conflicts, Busy's time, partitions of tables. A frame carries one message. A promotion may
 * keep a part of a transaction: more than PostgreSQL can do wrong. The old primary is down after a
 * promotion: one that lives on unseen has no standby, so its commits never end. The standby is
 * synchronous and strict: without one nothing here holds, and the broker says so (standby=none).
 *
 * Planted bugs, by -D: NO_BARRIER, EARLY_ACK, NO_DEDUP, CHECK_BEFORE_LOCK, TRUST_WARNING, NO_STANDBY,
 * and for progress SILENT_REPEAT.
 */
#ifndef N
#define N 2 /* messages */
#endif
#ifndef FAILOVERS
#define FAILOVERS 2
#endif
#ifndef FAULTS
#define FAULTS 2 /* with -DLIVE: after so many faults of any kind there are no more */
#endif
#define ALL  ((1 << N) - 1)
#define B    2       /* brokers */
#define L    (N + 1) /* rows that a log may hold: one more than it should */
#define BIT(m) (1 << (m))

#ifdef LIVE
byte faults = FAULTS;
#define FAULT_LEFT (faults > 0)
#define FAULT_USED faults--
#else
#define FAULT_LEFT true
#define FAULT_USED skip
#endif

/* the database: node 0 and node 1, one of them primary */
byte row[2 * L]; /* message + 1 */
byte rows[2];
bit primary;
bool has_standby = true;
byte failovers = FAILOVERS;
#define STANDBY (1 - primary)

/* backends: 2b is the one that broker b talks to, 2b+1 one that it has given up */
#define FREE     0
#define RUN      1 /* has the batch */
#define LOCKED   2 /* has the head's lock, and knows what is new */
#define WAIT     3 /* commit record written; waits for the standby up to `upto` */
#define ANSWERED 4 /* the answer is in the socket */
#define DECIDED  5 /* only with CHECK_BEFORE_LOCK: knows what is new, and has no lock */
byte state[2 * B];
byte given[2 * B]; /* messages of the batch */
byte todo[2 * B];  /* those not seen before */
byte upto[2 * B];
byte lock; /* backend + 1 */

/* brokers: the batch under way or in doubt */
byte batch[B];

#ifdef LIVE
/* between sender and brokers: what is on the link or waits in a queue, in no order */
byte up[B], down[B];
byte settled; /* the outbox knows */
#endif

byte acked; /* a receipt was given */

byte i, j, seen; /* of one step; zero outside */

inline look(node) /* which messages stand in the log of a node */
{
    seen = 0;
    i = 0;
    do
    :: i < rows[node] -> seen = seen | BIT(row[node * L + i] - 1); i++
    :: else -> break
    od;
    i = 0
}

inline must_hold_acked()
{
    look(primary);
    assert((acked & ~seen) == 0); /* acknowledged, and lost */
    seen = 0
}

inline insert(messages)
{
    j = 0;
    look(primary);
    do
    :: j < N && (messages & BIT(j)) ->
        assert((seen & BIT(j)) == 0); /* stored twice */
        row[primary * L + rows[primary]] = j + 1;
        rows[primary] = rows[primary] + 1;
        j++
    :: j < N && !(messages & BIT(j)) -> j++
    :: j >= N -> break
    od;
    j = 0;
    seen = 0
}

inline forget(k)
{
    if
    :: lock == k + 1 -> lock = 0
    :: else
    fi;
    state[k] = FREE; given[k] = 0; todo[k] = 0; upto[k] = 0
}

inline give_receipts(b, messages)
{
    acked = acked | (messages);
    must_hold_acked();
#ifdef LIVE
#ifdef SILENT_REPEAT
    down[b] = down[b] | todo[2 * b]
#else
    down[b] = down[b] | (messages)
#endif
#endif
}

/* The connection of broker b falls; what it had asked for may still run: its backend is an orphan. */
inline hang_up(b)
{
    if
    :: state[2 * b] == ANSWERED || state[2 * b] == FREE -> forget(2 * b)
    :: else ->
        state[2 * b + 1] = state[2 * b];
        given[2 * b + 1] = given[2 * b];
        todo[2 * b + 1] = todo[2 * b];
        upto[2 * b + 1] = upto[2 * b];
        if
        :: lock == 2 * b + 1 -> lock = 2 * b + 2
        :: else
        fi;
        forget(2 * b)
    fi
}

/* Every connection to the primary falls, and nothing of it runs on. What was written stays. */
inline end_backends()
{
    forget(0); forget(1); forget(2); forget(3)
}

#ifdef LIVE
/* --- the sender --------------------------------------------------------------------------------- */

#define OFFER(m, b)                                                                                  \
    atomic { !(settled & BIT(m)) && !(up[b] & BIT(m)) &&                                             \
             !((batch[b] | down[b]) & BIT(m)) -> up[b] = up[b] | BIT(m) }
/* once more, though it is on its way: the session is a new one */
#define OFFER_AGAIN(m, b)                                                                            \
    atomic { FAULT_LEFT && !(settled & BIT(m)) && !(up[b] & BIT(m)) &&                               \
             ((batch[b] | down[b]) & BIT(m)) -> FAULT_USED; up[b] = up[b] | BIT(m) }
#define SETTLE(m, b)                                                                                 \
    atomic { down[b] & BIT(m) -> down[b] = down[b] & ~BIT(m); settled = settled | BIT(m) }
#define SENDER(m, b) OFFER(m, b) :: OFFER_AGAIN(m, b) :: SETTLE(m, b)

active proctype sender()
{
end:
    do
    :: SENDER(0, 0)
    :: SENDER(0, 1)
#if N > 1
    :: SENDER(1, 0)
    :: SENDER(1, 1)
#endif
#if N > 2
    :: SENDER(2, 0)
    :: SENDER(2, 1)
#endif
    od
}

/* --- the links: a frame may be lost, and a frame that arrived may arrive again ---------------------- */

#define LOSE(m, b)                                                                                   \
    atomic { FAULT_LEFT && (up[b] & BIT(m)) -> FAULT_USED; up[b] = up[b] & ~BIT(m) }                 \
    :: atomic { FAULT_LEFT && (down[b] & BIT(m)) -> FAULT_USED; down[b] = down[b] & ~BIT(m) }

active proctype links()
{
end:
    do
    :: LOSE(0, 0)
    :: LOSE(0, 1)
#if N > 1
    :: LOSE(1, 0)
    :: LOSE(1, 1)
#endif
#if N > 2
    :: LOSE(2, 0)
    :: LOSE(2, 1)
#endif
    od
}

#endif /* LIVE */

/* --- the brokers -------------------------------------------------------------------------------- */

#ifdef EARLY_ACK
#define SUBMITTED(b) give_receipts(b, batch[b])
#else
#define SUBMITTED(b) skip
#endif

proctype broker(byte b)
{
end:
    do
#ifdef LIVE
    :: atomic { batch[b] == 0 && up[b] != 0 -> batch[b] = up[b]; up[b] = 0; SUBMITTED(b) }
#else
    :: atomic { batch[b] == 0 ->
           select(j : 1 .. ALL);
           batch[b] = j;
           j = 0;
           SUBMITTED(b) }
#endif
    /* On a new connection too: what is in doubt goes out again. */
    :: atomic { state[2 * b] == FREE && batch[b] != 0 -> given[2 * b] = batch[b]; state[2 * b] = RUN }
    :: atomic { state[2 * b] == ANSWERED ->
           give_receipts(b, given[2 * b]);
           batch[b] = 0;
           forget(2 * b) }
    od
}

/* --- PostgreSQL --------------------------------------------------------------------------------- */

inline decide(k)
{
    look(primary);
    todo[k] = given[k] & ~seen;
#ifdef NO_DEDUP
    todo[k] = given[k];
#endif
    seen = 0
}

proctype backend(byte k)
{
end:
    do
#ifdef CHECK_BEFORE_LOCK
    :: atomic { state[k] == RUN -> decide(k); state[k] = DECIDED }
    :: atomic { state[k] == DECIDED && lock == 0 -> lock = k + 1; state[k] = LOCKED }
#else
    :: atomic { state[k] == RUN && lock == 0 -> lock = k + 1; decide(k); state[k] = LOCKED }
#endif
    :: atomic { state[k] == LOCKED ->
           insert(todo[k]);
           upto[k] = rows[primary];
           state[k] = WAIT;
#ifdef NO_BARRIER
           /* nothing written, nothing to wait for: INSERT ... ON CONFLICT DO NOTHING */
           if
           :: todo[k] == 0 -> state[k] = ANSWERED; lock = 0
           :: else
           fi
#endif
           }
#ifdef NO_STANDBY
    :: atomic { state[k] == WAIT -> state[k] = ANSWERED; lock = 0 }
#else
    :: atomic { state[k] == WAIT && rows[STANDBY] >= upto[k] && has_standby -> state[k] = ANSWERED; lock = 0 }
#endif
    :: atomic { state[k] == ANSWERED && (k % 2) -> forget(k) } /* nobody listens */
    od
}

active proctype standby()
{
end:
    do
    :: atomic { has_standby && rows[STANDBY] < rows[primary] ->
           row[STANDBY * L + rows[STANDBY]] = row[primary * L + rows[STANDBY]];
           rows[STANDBY] = rows[STANDBY] + 1 }
    /* The old primary comes back as the standby, rewound to where the logs part. */
    :: atomic { !has_standby ->
           i = 0;
           do
           :: i < rows[STANDBY] && i < rows[primary] && row[STANDBY * L + i] == row[primary * L + i] -> i++
           :: else -> break
           od;
           j = i;
           do
           :: j < rows[STANDBY] -> row[STANDBY * L + j] = 0; j++
           :: else -> break
           od;
           rows[STANDBY] = i;
           i = 0; j = 0;
           has_standby = true }
    od
}

/* --- what goes wrong ---------------------------------------------------------------------------- */

#ifdef TRUST_WARNING
/* The server says INSERT 0 1 and a warning; the broker believes the first. */
#define TOLD(k) state[k] = ANSWERED; lock = 0
#else
#define TOLD(k) forget(k)
#endif

/* The broker's deadline; a link to the database that breaks. One orphan at a time for each broker. */
#define CUT_CONNECTION(b)                                                                            \
    atomic { FAULT_LEFT && ((state[2 * b + 1] == FREE && state[2 * b] != FREE) ||                     \
                           state[2 * b] == ANSWERED) ->                                              \
             FAULT_USED; hang_up(b) }
/* The wait of a commit is cut (cancelled, backend ended): visible, not replicated. */
#define CUT_WAIT(k)                                                                                  \
    atomic { FAULT_LEFT && state[k] == WAIT && (k % 2) == 0 -> FAULT_USED; TOLD(k) }                 \
    :: atomic { FAULT_LEFT && state[k] == WAIT && (k % 2) == 1 -> FAULT_USED; forget(k) }
/* A backend ends before it has written its commit. */
#define END_BACKEND(k)                                                                               \
    atomic { FAULT_LEFT && (state[k] == RUN || state[k] == LOCKED) ->                                \
             FAULT_USED; forget(k) }
#define KILL_BROKER(b)                                                                               \
    atomic { FAULT_LEFT && batch[b] != 0 && (state[2 * b + 1] == FREE ||                \
                                                          state[2 * b] == FREE ||                    \
                                                          state[2 * b] == ANSWERED) ->               \
             FAULT_USED; hang_up(b); batch[b] = 0 }

active proctype trouble()
{
end:
    do
    :: CUT_CONNECTION(0)
    :: CUT_CONNECTION(1)
    :: CUT_WAIT(0)
    :: CUT_WAIT(1)
    :: CUT_WAIT(2)
    :: CUT_WAIT(3)
    :: END_BACKEND(0)
    :: END_BACKEND(1)
    :: END_BACKEND(2)
    :: END_BACKEND(3)
    :: KILL_BROKER(0)
    :: KILL_BROKER(1)
    :: atomic { FAULT_LEFT && (state[0] | state[1] | state[2] | state[3]) != FREE -> FAULT_USED; end_backends() } /* restart */
    :: atomic { FAULT_LEFT && has_standby && failovers > 0 ->
           FAULT_USED;
           failovers--;
           end_backends();
           primary = STANDBY;
           has_standby = false;
           must_hold_acked() }
    od
}

init
{
    atomic {
        run broker(0); run broker(1);
        run backend(0); run backend(1); run backend(2); run backend(3)
    }
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

ltl all_are_settled { <>(settled == ALL) }
#endif
