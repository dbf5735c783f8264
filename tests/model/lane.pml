/* lane.pml - the order of a lane in the log. A spin model of sessions, windows, Busy and resending.
 *
 * What happens when all goes well: the sender says hello, is welcomed, sends the waiting rows of a lane
 * in their order, a few ahead of the receipts; the broker queues them in that order, commits some of
 * the queue at a time, and sends receipts.
 *
 * What can go wrong: the queue is full or the store away (Busy; the sender offers again after a while,
 * but what it sent meanwhile is on its way already); the connection falls and comes back underneath,
 * with what was on it lost, and only one end knows; the sender moves to the other broker while the
 * first still holds messages in its queue, or in the old connection; a commit's fate is unknown and the
 * batch goes out again; its backend may still run meanwhile, or write it later; the standby is promoted
 * without what it had not got.
 *
 * Which code is mirrored here:
 *   sender     agents/link/uplink.c uplink_pump(), waits_for_answers(), settle(), uplink_on_busy(); outbox_offer.c (the
 *              lowest waiting row that is not in flight); connection.c on_welcome(), fault "hello"
 *   session    broker/ingress/ingress.c on_frame(): without a session "say hello first"
 *   gate       broker/ingress/session.c lane_gate_lets(), lane_gate_close(); publish.c take_accepted()
 *   store      broker/store/store.c store_submit() (ST_FULL), fill_batch() (in order; the place of a
 *              message is in a batch once), on_lost() (the batch stays in front)
 *   append     sql/migrations/0002_append.sql: what is there is repeated, the rest is numbered in order
 *
 * Checked: whenever a message enters the log, all before it in its lane are there. Since a log holds a
 * message once (ack.pml), its lane is in order and without a gap, in every history. With -DLIVE: when
 * faults end, every message is settled.
 *
 * Left out: other lanes (a lane's order does not depend on them; `again` passes none), frames with
 * several messages, refused messages, more than one sender. With -DTHIN a message that waits may be dropped:
 * then those behind it are let through when they come a second time, and no later. The
 * receipt waits until its rows and all before them are on the standby, as proved in ack.pml. The gate
 * opens by itself after LANE_GATE_US = 90 s, for senders that say no more; -DGATE_TIME lets it do so at any
 * moment, and then the order can break: it rests on no message being 10 s longer on the link than the
 * one before it. -DRESTORE loses acknowledged rows under a running broker: that breaks the order too,
 * which is why brokers are stopped while a backup is restored (deploy/runbook.md).
 *
 * Planted bugs, by -D: NO_GATE, GATE_FORGETS (with a sender that does not wait: it opens as soon as the first
 * one has come again, while the sender, who has not yet heard that the second was turned away, sends the third), NO_WAIT (the sender offers
 * what was turned away while others behind it are on their way: then a second round is none), NO_SESSION,
 * FORGET_BATCH, BATCH_BEHIND (what is in doubt goes behind the queue), NO_BARRIER, and for progress
 * SKIP_BUSY, NO_SECOND_ROUND (a gate waits for what was dropped).
 */
#ifndef N
#define N 3 /* messages, 1..N */
#endif
#ifndef WINDOW
#define WINDOW 3 /* in flight at most */
#endif
#ifndef FAULTS
#define FAULTS 3 /* of all kinds together, Busy without a full queue too */
#endif
#define B      2 /* brokers */
#define K      2 /* connections: that of the session, and one that was left */
#define QUEUE  2 /* messages that a store's queue holds */
#define ALL    (((1 << N) - 1) << 1)
#define BIT(m) (1 << (m))

byte faults = FAULTS;
#define FAULT_LEFT (faults > 0)
#define FAULT_USED faults--

/* the sender's outbox and session */
mtype = { OUT, GREETING, IN_SESSION, HELLO, PUBLISH, WELCOME, SAY_HELLO, RECEIPT, BUSY }
mtype session = OUT;
byte settled, flight; /* messages */
byte away;            /* lowest that was turned away and not offered since; 0 = none */
bit mine;             /* connection of the session */

/* connections: each to one broker. The one that is not `mine` was left: what is on it may still be
 * read, and nobody reads the answers. */
bit at[K];
chan up[K] = [WINDOW + 1] of { mtype, byte };
chan down[K] = [WINDOW + 2] of { mtype, byte };
byte knows[K]; /* number of the session that the broker has for it; 0 = a stranger */
byte sessions; /* numbers given */
byte gate[K];  /* of the session: first message that was not taken; 0 = open */
byte last[K];  /* and the last one that was turned away behind it */
byte again[K]; /* turned away last since the gate was set: the first that does not pass it begins a second round */

/* stores. An item is a message, and whose it is: message + 8 * session */
#define FREE 0
#define RUN  1 /* with PostgreSQL */
#define WAIT 2 /* written; waits for the standby */
chan queue[B] = [QUEUE] of { byte };
byte one[B], two[B]; /* the items of the batch; 0 = none */
byte state[B], upto[B];
byte ghost_one[B], ghost_two[B]; /* a batch that was given up, and may yet be written */

/* The log holds 1..log without what was thinned and nothing else, or an assertion has failed; the standby
 * holds it up to safe. */
byte log, safe;
byte gone; /* thinned by the sender before it was stored */
#define BEFORE(m) ((BIT(m) - 1) & ~1)

/* --- PostgreSQL --------------------------------------------------------------------------------- */

inline append(item)
{
    if
    :: item % 8 > log ->
        /* else a message of the lane before it is not in the log */
        assert((BEFORE(item % 8) & ~(BEFORE(log + 1) | gone)) == 0);
        log = item % 8
    :: else
    fi
}

active proctype standby()
{
end:
    do
    :: atomic { safe < log -> safe++ }
    od
}

/* --- brokers ------------------------------------------------------------------------------------ */

inline answer(c, what, m)
{
    if
    :: c == mine && session != OUT -> down[c]!what(m)
    :: else
    fi
}
#define ANSWER_FITS(c) (nfull(down[c]) || c != mine || session == OUT)
/* a receipt finds its session, if that is there */
inline receipt(item)
{
    if
    :: item > 8 && knows[0] == item / 8 -> answer(0, RECEIPT, item % 8)
    :: item > 8 && knows[1] == item / 8 -> answer(1, RECEIPT, item % 8)
    :: else
    fi
}

inline end_session(c)
{
    knows[c] = 0; gate[c] = 0; last[c] = 0; again[c] = 0
}

inline busy(c, m)
{
    gate[c] = m; again[c] = 0;
    turn_away(c, m)
}

inline turn_away(c, m)
{
#ifndef GATE_FORGETS
    if
    :: m > last[c] -> last[c] = m
    :: else
    fi;
#endif
    answer(c, BUSY, m)
}

/* The one that was waited for is in, or one behind it came a second time: since a lane is offered in its
 * order, what was waited for never comes. The next one is waited for, if it was turned away too. */
inline pass_gate(c, m)
{
    if
    :: gate[c] && m >= gate[c] && m < last[c] -> gate[c] = m + 1; again[c] = 0
    :: gate[c] && m >= gate[c] && m >= last[c] -> gate[c] = 0; last[c] = 0; again[c] = 0
    :: else
    fi
}

inline submit(c, m)
{
    if
    :: nfull(queue[at[c]]) -> pass_gate(c, m); queue[at[c]]!(m + 8 * knows[c])
    :: full(queue[at[c]]) -> busy(c, m)
    :: nfull(queue[at[c]]) && FAULT_LEFT -> FAULT_USED; busy(c, m) /* the store is away */
    fi
}

#ifdef NO_SECOND_ROUND
#define FIRST_ROUND(c, m) true
#else
#define FIRST_ROUND(c, m) (m > again[c])
#endif

inline take(c, m)
{
    if
    :: gate[c] == 0 || m <= gate[c] || !FIRST_ROUND(c, m) -> submit(c, m)
#if defined(NO_GATE) || defined(GATE_TIME)
    :: gate[c] && m > gate[c] && FIRST_ROUND(c, m) -> submit(c, m)
#endif
#ifndef NO_GATE
    :: gate[c] && m > gate[c] && FIRST_ROUND(c, m) -> again[c] = m; turn_away(c, m) /* an earlier one was not taken */
#endif
    fi
}

#ifdef NO_SESSION
#define HAS_SESSION(c) true
#else
#define HAS_SESSION(c) (knows[c] != 0)
#endif

proctype connection(bit c)
{
    byte m;

end:
    do
    :: atomic { nempty(up[c]) && ANSWER_FITS(c) ->
           if
           :: up[c]?HELLO(m) ->
               end_session(c);
               sessions++;
               knows[c] = sessions;
               answer(c, WELCOME, 0)
           :: up[c]?PUBLISH(m) ->
               if
               :: HAS_SESSION(c) -> take(c, m)
               :: !HAS_SESSION(c) -> answer(c, SAY_HELLO, 0)
               fi
           fi;
           m = 0 }
    od
}

#ifdef FORGET_BATCH
#define DOUBT(b) one[b] = 0; two[b] = 0
#elif defined(BATCH_BEHIND)
#define DOUBT(b)                                                                                     \
    if                                                                                               \
    :: nfull(queue[b]) && two[b] == 0 -> queue[b]!one[b]; one[b] = 0                                 \
    :: else                                                                                          \
    fi
#else
#define DOUBT(b) skip
#endif

proctype store(bit b)
{
    byte item;

end:
    do
    :: atomic { one[b] == 0 && queue[b]?[item] ->
           queue[b]?one[b];
           if
           :: nempty(queue[b]) -> queue[b]?<item>;
               if /* the place of a message is in a batch once; or there was time for one only */
               :: item % 8 != one[b] % 8 -> queue[b]?two[b]
               :: true
               fi
           :: empty(queue[b])
           fi;
           item = 0 }
    :: atomic { one[b] && state[b] == FREE -> state[b] = RUN }
    :: atomic { state[b] == RUN ->
           state[b] = WAIT;
#ifdef NO_BARRIER
           if
           :: one[b] % 8 <= log && two[b] % 8 <= log -> upto[b] = 0
           :: else -> upto[b] = N + 1
           fi;
#else
           upto[b] = N + 1;
#endif
           append(one[b]);
           append(two[b]);
           if
           :: upto[b] -> upto[b] = log
           :: else
           fi }
    :: atomic { state[b] == WAIT && safe >= upto[b] && len(down[mine]) <= WINDOW ->
           receipt(one[b]);
           receipt(two[b]);
           state[b] = FREE; upto[b] = 0; one[b] = 0; two[b] = 0 }
    /* What was given up is written after all. */
    :: atomic { ghost_one[b] ->
           append(ghost_one[b]);
           append(ghost_two[b]);
           ghost_one[b] = 0; ghost_two[b] = 0 }
    od
}

/* --- the sender --------------------------------------------------------------------------------- */

#define WAITING(m) (!((settled | flight) & BIT(m)))
#define FLIGHTS    (((flight >> 1) & 1) + ((flight >> 2) & 1) + ((flight >> 3) & 1) + ((flight >> 4) & 1))

inline drain(c)
{
    do
    :: up[c]?_, _
    :: empty(up[c]) -> break
    od
}

inline drain_answers(c)
{
    do
    :: down[c]?_, _
    :: empty(down[c]) -> break
    od
}

/* Behind what was turned away some are on their way, and will be turned away too: until all are back nothing
 * is offered, else what comes back would be offered behind what was sent meanwhile. */
#ifdef NO_WAIT
#define ALL_ARE_BACK true
#else
#define ALL_ARE_BACK (away == 0 || (flight >> (away + 1)) == 0)
#endif

/* It dials the other slot: what is still on that connection is gone, what is on the one that is left
 * may be read yet. */
inline dial(b)
{
    drain_answers(mine);
    mine = 1 - mine;
    drain(mine);
    end_session(mine);
    at[mine] = b;
    flight = 0; away = 0;
    session = GREETING;
    up[mine]!HELLO(0)
}

active proctype sender()
{
    byte m;

end:
    do
    :: atomic { session == OUT && settled != ALL -> dial(0) }
    :: atomic { session == OUT && settled != ALL -> dial(1) }
    :: atomic { session == IN_SESSION && FLIGHTS < WINDOW && ALL_ARE_BACK && nfull(up[mine]) && (settled | flight) != ALL ->
           away = 0;
           m = 1;
           do
           :: !WAITING(m) -> m++
           :: else -> break
           od;
           flight = flight | BIT(m);
           up[mine]!PUBLISH(m);
           m = 0 }
    :: atomic { session != OUT && nempty(down[mine]) ->
           if
           :: down[mine]?WELCOME(m) -> session = IN_SESSION; flight = 0; away = 0
           :: down[mine]?SAY_HELLO(m) -> session = OUT; drain_answers(mine)
           :: down[mine]?RECEIPT(m) -> settled = settled | BIT(m); flight = flight & ~BIT(m)
           :: down[mine]?BUSY(m) ->
#ifndef SKIP_BUSY
               flight = flight & ~BIT(m);
               if
               :: away == 0 || m < away -> away = m
               :: else
               fi
#else
               skip
#endif
           fi;
           m = 0 }
    od
}

#ifdef THIN
/* Old bulk gives way to new: a message that is not on its way is dropped. What is behind it goes on. */
active proctype thinning()
{
end:
    do
    :: atomic { FAULT_LEFT && WAITING(1) && log < 1 -> FAULT_USED; settled = settled | BIT(1); gone = gone | BIT(1) }
    :: atomic { FAULT_LEFT && WAITING(2) && log < 2 -> FAULT_USED; settled = settled | BIT(2); gone = gone | BIT(2) }
    od
}
#endif

/* --- what goes wrong ---------------------------------------------------------------------------- */

/* The connection falls and comes back underneath: the socket says nothing, the broker sees a stranger. */
inline cut(c)
{
    drain(c);
    drain_answers(c);
    end_session(c)
}

/* The answer does not come: broken link, deadline, ended backend. It may be written later, or never. */
inline lose(b)
{
    if
    :: state[b] == RUN -> ghost_one[b] = one[b] % 8; ghost_two[b] = two[b] % 8
    :: true
    fi;
    state[b] = FREE; upto[b] = 0;
    DOUBT(b)
}

inline kill_broker(b)
{
    do
    :: queue[b]?_
    :: empty(queue[b]) -> break
    od;
    one[b] = 0; two[b] = 0; state[b] = FREE; upto[b] = 0;
    if
    :: at[0] == b -> cut(0)
    :: else
    fi;
    if
    :: at[1] == b -> cut(1)
    :: else
    fi
}

active proctype trouble()
{
end:
    do
    :: atomic { FAULT_LEFT && session != OUT -> FAULT_USED; cut(mine) }
    /* It hears nothing for too long, and goes elsewhere. When something was lost under a greeting or a
     * flight this is what helps, so it is no fault then. */
    :: atomic { FAULT_LEFT && session != OUT -> FAULT_USED; session = OUT; drain_answers(mine) }
    :: atomic { session != OUT && !knows[mine] && empty(up[mine]) && empty(down[mine]) -> session = OUT }
    :: atomic { FAULT_LEFT && state[0] != FREE -> FAULT_USED; lose(0) }
    :: atomic { FAULT_LEFT && state[1] != FREE -> FAULT_USED; lose(1) }
    :: atomic { FAULT_LEFT -> FAULT_USED; kill_broker(0) }
    :: atomic { FAULT_LEFT -> FAULT_USED; kill_broker(1) }
    :: atomic { FAULT_LEFT && safe < log -> /* the standby is promoted */
           FAULT_USED;
           log = safe;
           state[0] = FREE; state[1] = FREE; upto[0] = 0; upto[1] = 0;
           ghost_one[0] = 0; ghost_two[0] = 0; ghost_one[1] = 0; ghost_two[1] = 0 }
#ifdef RESTORE
    :: atomic { FAULT_LEFT && log > 0 -> /* a backup is restored under running brokers; offered again */
           FAULT_USED;
           log = 0; safe = 0; settled = 0;
           state[0] = FREE; state[1] = FREE; upto[0] = 0; upto[1] = 0;
           ghost_one[0] = 0; ghost_two[0] = 0; ghost_one[1] = 0; ghost_two[1] = 0;
           session = OUT; drain_answers(mine) }
#endif
    od
}

init
{
    atomic { run connection(0); run connection(1); run store(0); run store(1) }
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
