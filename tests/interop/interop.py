"""interop - what PROTOCOL.md promises, asked of a real broker by a client that knows the page alone.

usage: interop.py WORK BUILD (see interop_test.sh). Closes with "N passed, N failed"."""
import random
import signal
import sys
import traceback

import zmq

from eocbus.v1 import common_pb2 as common
from eocbus.v1 import envelope_pb2 as envelope
from eocbus.v1 import session_pb2 as bus

from client import CLOSED, GREETING, OPEN, Client, now_us
from messages import Author, Maker, read_families, read_rules
from servers import Bus

OFFICE, SCREEN, GATEWAY = "coes.interop.office", "coes.interop.screen", "coes.interop.gw07"
PER_FAMILY = 500
STORED, REFUSED = bus.OUTCOME_STORED, bus.OUTCOME_REFUSED
LANES = (common.LANE_IMMEDIATE, common.LANE_PRIORITY, common.LANE_ROUTINE, common.LANE_BULK)
FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
UNKNOWN_FIELD = b"\xc2\x3e\x0cnot yet here"  # field 1000, twelve bytes

passed = failed = 0


def check(what, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAIL {what}: {detail}", flush=True)


class Test:
    """The servers, three principals, and what the steps hand on to the later ones."""

    def __init__(self, work, build):
        self.bus = Bus(work, build)
        self.families = read_families(f"{work}/contract.pb")
        self.maker = Maker(read_rules(f"{work}/contract.pb"), random.Random(3505203))
        self.clients = []
        self.log = {}  # number: (content, signature), as published, or as first heard from the bus
        self.record = []  # numbers of what the bus says by itself

    def start(self):
        self.bus.start_postgres()
        self.keys = {name: self.bus.enrol(name, role)
                     for name, role in ((OFFICE, "all"), (SCREEN, "all"), (GATEWAY, "all"))}
        self.bus.start_broker()
        self.epoch = now_us()
        self.author = Author(self.maker, OFFICE, self.epoch)
        self.screen = self.client(SCREEN)
        self.hear_record()
        self.office = self.client(OFFICE, epoch=self.epoch)

    def client(self, name, **more):
        c = Client(self.bus.endpoint, self.bus.broker_key, self.keys[name], **more)
        self.clients.append(c)
        c.open()
        c.run_until(lambda: c.state == OPEN, f"welcome for {name}")
        return c

    def hear_record(self):
        """The bus says by itself who was enrolled ("The record"), in the order in which that happened: our
        numbers begin behind the key of the one who came last."""
        s = self.screen.subscribe(["**"], after=0)

        def told():
            self.events = [envelope.Envelope.FromString(d.content) for d in s.deliveries]
            return any((e.audit_event.what, e.audit_event.subject) == ("key_added", GATEWAY) for e in self.events)
        self.screen.run_until(told, "the record of who was enrolled")
        self.screen.unsubscribe(s)
        self.record = [d.stamp.seq for d in s.deliveries]
        self.log = {d.stamp.seq: (d.content, d.signature) for d in s.deliveries}

    def end(self):
        for c in self.clients:
            c.close()
        self.bus.end()

    def settle(self, rows, client=None, seconds=60):
        client = client or self.office
        client.run_until(lambda: all(r.settled for r in rows), f"receipts of {len(rows)} messages", seconds)
        for r in rows:
            if r.settled.outcome == STORED:
                self.log[r.settled.seq] = r.content, r.signature
        return [r.settled for r in rows]

    def say(self, content, lane=common.LANE_ROUTINE, client=None, signature=b""):
        client = client or self.office
        return self.settle([client.put(content, lane, signature)], client)[0]

    def write(self, type_name="flash_report", lane=common.LANE_ROUTINE, **more):
        return self.author.envelope(type_name, lane, **more).SerializeToString()

    def hear(self, want, client=None, seconds=60, **subscribe):
        """A subscription that has got its horizon up to `want`."""
        client = client or self.screen
        s = client.subscribe(**subscribe)
        client.run_until(lambda: s.fault or s.horizon >= want, f"horizon {want}", seconds)
        if not s.fault:
            client.unsubscribe(s)
        return s

    def head(self):
        return max(self.log, default=0)

    def ours(self):
        return [n for n in sorted(self.log) if n not in self.record]


def raw_answer(c, *frames, what=None, seconds=60):
    """Sends bytes, or lists of frames, past the client; the Fault that comes."""
    before = len(c.faults)
    for f in frames:
        c.socket.send_multipart(f) if isinstance(f, list) else c.socket.send(f)
    c.run_until(lambda: len(c.faults) > before, what or "a Fault", seconds)
    return c.faults[before]


def heard_right(t, s, numbers, what):
    """Exactly these, in order, byte for byte, each naming the one before it."""
    got = [d.stamp.seq for d in s.deliveries]
    check(f"{what}: these numbers, in order", got == numbers, f"{len(got)} of {len(numbers)}: {got[:5]}...")
    check(f"{what}: previous", [d.previous for d in s.deliveries] == [0, *got][:len(got)])
    check(f"{what}: byte for byte",
          all(t.log.get(d.stamp.seq) == (d.content, d.signature) for d in s.deliveries))
    check(f"{what}: nothing lost on the way", s.losses == 0 and not s.fault, s.fault)


def told_raises(welcome):
    return [(r.log_epoch, r.same_upto) for r in welcome.raises]


# --- connecting (1, 3) ---

def connects(t):
    w = t.office.welcome
    check("Welcome names the principal", w.principal == OFFICE, w)
    check("Welcome: protocol, epoch, limits", w.protocol == 1 and (w.log_epoch > 0 or w.store_away)
          and w.window_items > 0 and 0 < w.max_content_bytes <= 65536 and 0 < w.max_items <= 256 and w.max_frame_bytes <= 262144, w)
    check("Welcome: the first epoch, and none before it", told_raises(w) == [(1, 0)], w)
    # Before it: at most "not now" (ZAP 300), while the broker reads its principals.
    done = zmq.EVENT_HANDSHAKE_SUCCEEDED
    t.office.run_until(lambda: done in t.office.handshakes, "the handshake")
    check("handshake with CURVE", t.office.handshakes[-1] == done, t.office.handshakes)


def keys_that_do_not_fit(t):
    stranger = Client(t.bus.endpoint, t.bus.broker_key, zmq.curve_keypair())
    astray = Client(t.bus.endpoint, zmq.curve_keypair()[0], t.keys[OFFICE])
    naked = Client(t.bus.endpoint, t.bus.broker_key, None)
    for c in (stranger, astray, naked):
        c.open()
    stranger.run_until(lambda: zmq.EVENT_HANDSHAKE_FAILED_AUTH in stranger.handshakes, "refusal of a stranger")
    check("a key nobody enrolled is refused for good", stranger.state == GREETING and
          zmq.EVENT_HANDSHAKE_SUCCEEDED not in stranger.handshakes, stranger.handshakes)
    for c, what in ((astray, "wrong server key"), (naked, "no CURVE")):
        c.run_until(lambda: sum(c.handshakes.count(f) for f in FAILED) > 2, what)
        check(f"{what}: no session, however often", c.state == GREETING and not c.welcome and
              zmq.EVENT_HANDSHAKE_SUCCEEDED not in c.handshakes, c.handshakes)
    for c in (stranger, astray, naked):
        c.close()


def pings(t):
    t.office.ping(token=77)
    t.office.run_until(lambda: any(p.token == 77 for p in t.office.pongs), "Pong")
    p = t.office.pongs[-1]
    check("Pong copies the Ping", p.ping_time_us and p.ping_time_us <= p.time_us <= now_us(), p)


def hello_first(t):
    c = Client(t.bus.endpoint, t.bus.broker_key, t.keys[OFFICE])
    t.clients.append(c)
    c.open(hello=False)
    c.state = OPEN  # so it believes, as after a restart of the broker
    c.ping()
    c.run_until(lambda: c.faults and c.welcome and c.state == OPEN, "Fault hello, then Welcome")
    check("Fault hello, and a session after it", c.faults[0].code == "hello" and not c.fault, c.faults)
    session = c.welcome.session
    s = c.subscribe(["**"])
    c.run_until(lambda: s.subscribed, "Subscribed")
    s.fault = "not asked for again"
    c.say_hello()
    c.run_until(lambda: c.state == OPEN, "second Welcome")
    check("another Hello, another session", c.welcome.session != session)
    c.give(s, 1)
    c.run_until(lambda: len(c.faults) > 1, "Fault")
    check("subscriptions end with the session",
          (c.faults[1].code, c.faults[1].subscription) == ("subscription", s.number), c.faults[1])


def protocol_version(t):
    c = t.client(SCREEN)
    c.send(hello=bus.Hello(protocol_max=9, protocol_min=2, time_us=now_us()))
    c.run_until(lambda: c.fault, "Fault protocol")
    check("no common version", (c.fault.code, c.state) == ("protocol", CLOSED), c.fault)
    c.send(hello=bus.Hello(protocol_max=9, protocol_min=1, time_us=now_us()))
    c.run_until(lambda: c.state == OPEN, "welcome")
    check("a common version", c.welcome.protocol == 1)
    c.close()


# --- the record (14) ---

def record_of_rights(t):
    said = [(e.audit_event.what, e.audit_event.subject) for e in t.events]
    for name in (OFFICE, SCREEN, GATEWAY):
        check(f"the record tells once of {name}, and of its key",
              [what for what, subject in said if subject == name] == ["principal_added", "key_added"], said)
    said_as = {(e.sender, e.status, e.WhichOneof("body")) for e in t.events}
    check("the record: the bus says it, as itself", said_as == {("bus", common.STATUS_SYSTEM, "audit_event")}, said_as)
    check("the record: from 1 without a hole", t.record == list(range(1, len(t.record) + 1)), t.record)
    check("the first Welcome behind it counts it", t.office.welcome.head == len(t.record), t.office.welcome)


# --- publishing (4, 8, 9) ---

def every_type(t):
    rows, names = [], []
    for i in range(PER_FAMILY):
        for family in t.families.values():
            names.append(family[i % len(family)])
            lane = LANES[i % len(LANES)]
            signature = random.randbytes(64) if i % 5 == 0 else b""
            rows.append(t.office.put(t.write(names[-1], lane), lane, signature))
    settled = t.settle(rows)
    t.rows, t.names = rows, names
    check("ten families, 51 types", (len(t.families), len(set(names))) >= (10, 51), t.families)
    wrong = [(names[i], s.code, s.path) for i, s in enumerate(settled) if s.outcome != STORED]
    check(f"{len(rows)} messages of {len(set(names))} types are stored", not wrong, wrong[:5])
    numbers = sorted(s.seq for s in settled)
    first = t.office.welcome.head + 1
    check("numbers from the head on without a hole", numbers == list(range(first, first + len(rows))), numbers[:5])
    check("none repeated", not any(s.repeated for s in settled))
    check("one log epoch", {s.log_epoch for s in settled} == {1})
    session = t.client(OFFICE)

    def counted():  # the head is what listeners may be sent: receipts can be ahead of it for a moment
        if session.state == OPEN and session.welcome.head < numbers[-1]:
            session.say_hello()
        return session.state == OPEN
    session.run_until(counted, "Welcome with the last number")
    w = session.welcome
    check("Welcome knows them", (w.log_epoch, w.head, told_raises(w)) == (1, numbers[-1], [(1, 0)]), w)
    session.close()
    for lane in LANES:
        of_lane = [r.settled.seq for r in rows if r.lane == lane]
        check(f"order within lane {lane}", of_lane == sorted(of_lane))


def repeats(t):
    settled = t.settle([t.office.put(r.content, r.lane, r.signature) for r in t.rows])
    check("offered again: repeated, with the first number",
          all(s.repeated and s.seq == r.settled.seq for s, r in zip(settled, t.rows)))
    content = t.write()
    other = t.client(OFFICE)
    rows = [t.office.put(content), t.office.put(content), other.put(content)]
    t.settle(rows[2:], other)
    t.settle(rows[:2])
    check("three offers on two connections: stored once", len({r.settled.seq for r in rows}) == 1 and
          sorted(r.settled.repeated for r in rows) == [False, True, True], [r.settled for r in rows])
    other.close()


def refusals(t):
    first = t.author.envelope()
    number = t.say(first.SerializeToString()).seq

    def refused(code, path, content, what, **more):
        s = t.say(content, **more)
        good = (s.outcome, s.code, s.path) == (REFUSED, code, path) and s.text and not s.seq
        check(f"refused: {what}", good, s)

    t.author.unused()
    refused("conflict", "", t.write(), f"other content under the place of {number}")

    def bad(code, path, what, **more):
        e = t.author.envelope(schema=more.pop("schema", 1000))
        t.author.unused()
        for name, value in more.items():
            setattr(e.flash_report if name in ("deaths", "hazard", "text") else e, name, value)
        refused(code, path, e.SerializeToString(), what)

    bad("range", "flash_report.deaths", "out of range", deaths=2000000)
    bad("enum", "flash_report.hazard", "a word nobody knows", hazard=99)
    bad("utf8", "flash_report.text", "a NUL in a text", text="a\0b")
    bad("length", "flash_report.text", "too long a text", text="x" * 241)
    bad("required", "message_id", "no id", message_id=b"")
    bad("id", "message_id", "not 16 bytes", message_id=b"123")
    bad("time", "event_time_us", "1970", event_time_us=5)
    bad("name", "sender", "not a name", sender="COES")
    bad("sender", "sender", "another's name", sender=SCREEN)
    bad("range", "schema", "before this contract", schema=999)

    def edited(code, path, what, edit, **more):
        e = t.author.envelope(**more)
        t.author.unused(e.lane)
        edit(e)
        refused(code, path, e.SerializeToString(), what)

    edited("pcode", "area.pcodes[1]", "not a P-code", lambda e: e.area.pcodes.append("x"))
    edited("name", "to[0]", "not a recipient", lambda e: e.to.append("!!"))
    edited("required", "body", "no body", lambda e: e.ClearField("body"))
    edited("expiry", "not_after_us", "an alert for ever", lambda e: e.ClearField("not_after_us"),
           type_name="public_alert")
    edited("thread", "preceding_id", "an answer to nothing", lambda e: e.ClearField("preceding_id"),
           type_name="response_to_request_resource")
    edited("flash", "lane", "a log entry as FLASH", lambda e: None, type_name="activity_log_entry",
           lane=common.LANE_FLASH)
    refused("malformed", "", b"\xff\xff\xff", "not protobuf")
    refused("size", "", b"", "nothing")
    refused("size", "", b"x" * (t.office.welcome.max_content_bytes + 1), "more than max_content_bytes")
    refused("size", "", b"x" * (t.office.welcome.max_frame_bytes - 64 - 16), "as much as a frame may hold")
    twice = t.write()
    t.author.unused()
    refused("repeats", "status", twice + b"\x40\x01", "a field given twice")
    refused("length", "signature", twice, "half a signature", signature=b"s" * 32)
    check("a refusal leaves no hole", t.say(t.write()).seq == number + 1)
    kept = [(q["sender"], q["code"], q["path"]) for q in t.bus.quarantine()]
    for code, path in (("conflict", ""), ("range", "flash_report.deaths"), ("sender", "sender"), ("malformed", "")):
        check(f"quarantine holds {code}", (OFFICE, code, path) in kept, kept)


def bad_frames(t):
    c = t.client(SCREEN)
    ping = bus.Frame(ping=bus.Ping(token=1)).SerializeToString()
    for what, data, code in (("not protobuf", b"\xff\xff\xff", "malformed"), ("nothing", b"", "size"),
                             ("no member of what", UNKNOWN_FIELD, "malformed"),
                             ("two members", ping * 2, "repeats"),
                             ("a Welcome from an agent",
                              bus.Frame(welcome=bus.Welcome(protocol=1)).SerializeToString(), "malformed")):
        f = raw_answer(c, data)
        check(f"frame, {what}: Fault {code}", (f.code, f.subscription) == (code, 0) and f.text, f)
        pongs = len(c.pongs)
        c.ping()
        c.run_until(lambda: len(c.pongs) > pongs or c.state != OPEN, "Pong")
        check(f"frame, {what}: the session stands", c.state == OPEN, c.faults)
    limit = c.welcome.max_frame_bytes
    f = raw_answer(c, b"\xff" * limit)
    check("a frame of max_frame_bytes is read", f.code == "malformed", f)
    for more in (1, 32, 33, 4000):
        f = raw_answer(c, b"\xff" * (limit + more))
        check(f"a frame {more} bytes too large: Fault size", f.code == "size" and c.state == OPEN, f)
    f = raw_answer(c, [ping, ping])
    check("two frames in a message: Fault, later again", f.code == "malformed" and f.retry_ms > 0, f)
    c.ping()
    c.run_until(lambda: c.faults[-1].code == "hello", "Fault hello")
    check("two frames in a message: the session has ended", True)
    c.say_hello()
    c.run_until(lambda: c.state == OPEN, "welcome again")
    c.socket.send(bus.Frame(ping=bus.Ping(token=9)).SerializeToString() + UNKNOWN_FIELD)
    c.run_until(lambda: any(p.token == 9 for p in c.pongs), "Pong to a Ping of a newer contract")
    check("unknown fields of a frame are ignored", True)
    c.close()


def newer_contract(t):
    """What this broker does not know reaches the listener as it was sent."""
    head = t.head()
    kept = []
    for schema in (1001, 2000):
        e = t.author.envelope(schema=schema)
        e.flash_report.hazard = 99
        kept.append(e.SerializeToString() + UNKNOWN_FIELD)
        inner = t.author.envelope(schema=schema)
        inner.flash_report.MergeFromString(UNKNOWN_FIELD)
        kept.append(inner.SerializeToString())
    kept.append(t.write() + UNKNOWN_FIELD)
    settled = t.settle([t.office.put(c) for c in kept])
    check("a newer schema is stored", all(s.outcome == STORED for s in settled), settled)
    s = t.hear(settled[-1].seq, patterns=["**"], after=head)
    check("unknown fields survive", [d.content for d in s.deliveries] == kept and
          all(UNKNOWN_FIELD in d.content for d in s.deliveries))
    body = t.author.envelope()
    body.ClearField("body")
    t.author.unused()
    refused = t.say(body.SerializeToString() + UNKNOWN_FIELD)
    check("an unknown body is refused", (refused.code, refused.path) == ("required", "body"), refused)


def places(t):
    e = t.author.envelope()
    e.lane_seq += 10
    check("a hole in a lane is no reason to refuse", t.say(e.SerializeToString()).outcome == STORED)
    other = Author(t.maker, OFFICE, t.epoch + 1)
    check("another epoch, number 1 again", not t.say(other.envelope().SerializeToString()).repeated)
    late = t.say(t.write(not_after_us=now_us() - 5000000))
    check("too late: stored, expired", late.outcome == STORED and late.expired, late)
    t.late = late.seq
    t.author.lane_seq[common.LANE_ROUTINE] += 10


def burst(c, rows):
    """Offers rows at once, past the client's own counting."""
    for r in rows:
        c.waiting.remove(r)
        c.in_flight[r.tag] = r
    for i in range(0, len(rows), c.welcome.max_items):
        c.send(publish=bus.Publish(items=[bus.Item(tag=r.tag, content=r.content)
                                          for r in rows[i:i + c.welcome.max_items]]))


def busy(t):
    c = t.client(OFFICE, epoch=t.epoch + 2)
    author = Author(t.maker, OFFICE, t.epoch + 2)
    rows = [c.put(author.envelope("activity_log_entry").SerializeToString())
            for _ in range(3 * c.welcome.window_items)]
    with t.bus.commits_wait():  # or the store may keep up with us
        burst(c, rows)
        c.run_until(lambda: c.busy, "Busy")
    check("more than the window: Busy, and when to come back", c.busy[0].retry_ms > 0 and c.busy[0].text,
          c.busy[0])
    numbers = [s.seq for s in t.settle(rows, c)]
    check("what was Busy is stored when offered again, in the order of the lane",
          not any(r.settled.repeated for r in rows) and numbers == sorted(set(numbers)))
    c.close()


def busy_lane(t):
    """Behind a message that was not taken, the lane waits for it: order would be lost otherwise."""
    c = t.client(OFFICE, epoch=t.epoch + 3)
    author = Author(t.maker, OFFICE, t.epoch + 3)
    *rows, missed, later = [c.put(author.envelope("activity_log_entry").SerializeToString())
                            for _ in range(c.welcome.window_items + 2)]

    def refrain():
        c.not_before = float("inf")
        return {later.tag, missed.tag} <= {tag for b in c.busy for tag in b.tags}
    with t.bus.commits_wait():
        burst(c, [*rows, missed, later])
        c.run_until(refrain, "Busy")
    t.settle(rows, c)
    c.busy.clear()
    burst(c, [later])
    c.run_until(lambda: c.busy, "Busy again")
    check("Busy with an empty window, for order's sake", list(c.busy[0].tags) == [later.tag], c.busy)
    c.waiting.remove(missed)
    c.say_hello()
    t.settle([later], c)
    check("a new session does not wait for it", later.settled.outcome == STORED)
    check("nor is it too late", t.say(missed.content, client=c).outcome == STORED)
    c.close()


def flash_overtakes(t):
    rows = [t.office.put(t.write("activity_log_entry", common.LANE_BULK), common.LANE_BULK)
            for _ in range(2 * t.office.welcome.window_items)]
    alarm = t.office.put(t.write("sensor_detection", common.LANE_FLASH), common.LANE_FLASH)
    t.settle([alarm, *rows])
    check("FLASH is offered first", alarm.settled.seq < rows[-1].settled.seq)


def clocks(t):
    c = t.client(GATEWAY, epoch=t.epoch, clock=lambda: now_us() + 90_000_000)
    author = Author(t.maker, GATEWAY, t.epoch)
    seq = t.say(author.envelope("sensor_status").SerializeToString(), client=c).seq
    s = t.hear(seq, patterns=["*.sensor.**"], after=seq - 1)
    offset = s.deliveries[0].stamp.clock_offset_ms
    # What the Hello waited, at either end, is taken off: on a machine that stands still some seconds.
    check("the stamp tells a clock that is 90 s ahead", 75000 < offset < 91000, offset)
    c.close()


# --- listening (5, 6) ---

def type_of(content):
    return envelope.Envelope.FromString(content).WhichOneof("body")


def replay(t):
    everything = sorted(t.log)
    s = t.hear(everything[-1], patterns=["**"], after=0)
    t.whole = s
    heard_right(t, s, everything, "everything after 0")
    check("history is marked", all(d.history for d in s.deliveries))
    check("Subscribed says where it begins", (s.subscribed.after, s.subscribed.log_epoch) == (0, 1), s.subscribed)
    middle = everything[len(everything) // 2]
    s = t.hear(everything[-1], patterns=["**"], after=middle, log_epoch=1)
    heard_right(t, s, [n for n in everything if n > middle], "after the middle")
    s = t.hear(everything[-1], patterns=["**"], after=0, credit=7)
    heard_right(t, s, everything, "a credit of 7, given back as it is used")
    s = t.hear(everything[-1], patterns=["**"], after=everything[-1])
    check("after the head: a horizon, nothing else", not s.deliveries)


def patterns(t):
    types = {n: type_of(t.log[n][0]) for n in t.ours()}

    def numbers(*names):
        return [n for n in sorted(types) if types[n] in names]
    for family, names in t.families.items():
        s = t.hear(t.head(), patterns=[f"actual.{family}.**"], after=0)
        heard_right(t, s, numbers(*names), f"family {family}")
        check(f"family {family}: as many as were said", len(s.deliveries) >= PER_FAMILY, len(s.deliveries))
    for pattern, want in ((["*.*.public_alert.*.*"], numbers("public_alert")),
                          (["actual.incident.incident.**", "actual.trust.**"],
                           numbers("incident", *t.families["trust"])),
                          (["**", "actual.**"], sorted(t.log)), (["*.*.*.3505000.3505203"], t.ours()),
                          (["actual.**"], t.ours()), (["system.trust.audit_event.-.-"], t.record),
                          (["*.*.*.3505203.*"], []), (["exercise.**"], [])):
        heard_right(t, t.hear(t.head(), patterns=pattern, after=0), want, " ".join(pattern))


def places_of_topics(t):
    head = t.head()
    seqs = [t.say(t.write(pcodes=p, status=s)).seq for p, s in
            ((["3505000"], common.STATUS_EXERCISE), (["UZ18224"], common.STATUS_TEST),
             ([], common.STATUS_SYSTEM),
             (["3505203", "350520301", "3101101", "UZ18"], common.STATUS_ACTUAL))]
    for pattern, which in ((["exercise.report.flash_report.3505000.-"], [0]), (["*.*.*.3505000.-"], [0]),
                           (["test.*.*.UZ18.UZ18224"], [1]), (["system.report.flash_report.-.-"], [2]),
                           (["actual.*.*.3505000.3505203"], [3]), (["*.*.*.3101000.3101101"], [3]),
                           (["*.*.*.*.-"], [0, 2, 3]), (["*.*.*.UZ18.-"], [3])):
        s = t.hear(seqs[-1], patterns=pattern, after=head)
        got = [seqs.index(d.stamp.seq) for d in s.deliveries]
        check(f"topics: {pattern[0]}", got == which, got)


def live(t):
    now = t.screen.subscribe(["actual.**"])
    none = t.screen.subscribe(["exercise.**"])
    after = t.screen.subscribe(["**"], after=t.head())
    t.screen.run_until(lambda: now.subscribed and none.subscribed and after.horizon, "Subscribed")
    check("from now: behind the head", now.subscribed.after == t.head(), now.subscribed)
    rows = [t.office.put(t.write(lane=lane), lane) for lane in (common.LANE_FLASH, *LANES) for _ in range(20)]
    t.settle(rows)
    seqs = sorted(r.settled.seq for r in rows)
    late = t.say(t.write(not_after_us=now_us() - 5000000)).seq
    last = t.say(t.write()).seq
    t.screen.run_until(lambda: min(s.horizon for s in (now, none, after)) >= last, "horizon of idle listeners")
    for s, what in ((now, "live, from now"), (after, "live, after the head")):
        heard_right(t, s, [*seqs, last], what)
        check(f"{what}: not history", not any(d.history for d in s.deliveries))
    check("live: what came too late is left out", late not in [d.stamp.seq for d in now.deliveries])
    check("a horizon without a match", not none.deliveries and none.horizon >= last)
    s = t.hear(last, patterns=["**"], after=late - 1)
    heard_right(t, s, [late, last], "history holds what came too late")
    t.screen.unsubscribe(none)
    t.screen.give(none, 1)
    t.screen.run_until(lambda: t.screen.faults and t.screen.faults[-1].subscription == none.number, "Fault")
    check("after Unsubscribe the number is unknown", t.screen.faults[-1].code == "subscription")


def credit(t):
    """What is not given is not sent; the broker's answer to a Ping comes behind what it had to send."""
    c = t.client(SCREEN)
    s = c.subscribe(["**"], after=0, credit=3, keeps_up=False)

    def all_there(n):
        c.run_until(lambda: len(s.deliveries) >= n, f"{n} deliveries")
        for token in range(100, 105):
            c.ping(token)
            c.run_until(lambda: any(p.token == token for p in c.pongs), "Pong")
            c.pongs.clear()
        return len(s.deliveries) == n
    check("three asked for, three sent", all_there(3), len(s.deliveries))
    c.give(s, 2)
    check("two more", all_there(5), len(s.deliveries))
    head = t.say(t.write()).seq
    check("live messages do not get through without credit", all_there(5), len(s.deliveries))
    numbers = sorted(t.log)
    c.give(s, len(numbers))
    c.run_until(lambda: s.deliveries[-1].stamp.seq == head or c.turn() or c.acknowledge(s), "the rest")
    heard_right(t, s, numbers, "credit by hand")
    c.close()


def unacknowledged(t):
    """1 MiB may be under way; an Acknowledge makes room."""
    head = t.head()
    rows = []
    for _ in range(400):
        e = t.author.envelope("blob_chunk", common.LANE_BULK)
        e.blob_chunk.data = random.randbytes(4000)
        rows.append(t.office.put(e.SerializeToString(), common.LANE_BULK))
    last = max(s.seq for s in t.settle(rows))
    c = t.client(SCREEN)
    s = c.subscribe(["**"], after=head, credit=60000, keeps_up=False)
    size = len(rows[0].content)
    c.run_until(lambda: len(s.deliveries) * size > 900000, "most of a window")
    c.ping(5)
    c.run_until(lambda: any(p.token == 5 for p in c.pongs), "Pong")
    sent = sum(len(d.content) for d in s.deliveries)
    check("no more than 1 MiB without Acknowledge", sent <= 1 << 20 and s.last < last, sent)
    s.keeps_up = True
    c.run_until(lambda: s.horizon >= last, "the rest")
    heard_right(t, s, [n for n in sorted(t.log) if n > head], "through a window of 1 MiB")
    c.close()


def subscriptions_refused(t):
    c = t.client(SCREEN)
    for what, code, ask in (("not a pattern", "pattern", dict(patterns=["actual report.**"])),
                            ("too few levels", "pattern", dict(patterns=["actual.report"])),
                            ("** in the middle", "pattern", dict(patterns=["actual.**.x.y.z"])),
                            ("beyond the head", "range", dict(patterns=["**"], after=1 << 40)),
                            ("an epoch to come", "range", dict(patterns=["**"], after=1, log_epoch=9))):
        s = c.subscribe(**ask)
        c.run_until(lambda: s.fault or s.subscribed, "an answer")
        good = s.fault and s.fault.code == code and not s.fault.retry_ms
        check(f"Subscribe, {what}: Fault {code}", good, s.fault)
    for _ in range(16):
        s = c.subscribe(["**"])
    c.run_until(lambda: s.subscribed, "sixteen")
    s = c.subscribe(["**"])
    c.run_until(lambda: s.fault or s.subscribed, "an answer")
    check("the seventeenth subscription", s.fault and s.fault.code == "subscription", s.fault)
    c.close()


# --- the broker dies (3, 4) ---

def killed(t):
    """kill -9 with a full window under way, twice; everything is offered again and stored once."""
    before = t.head()
    listener = t.screen.subscribe(["**"], after=before)
    t.screen.run_until(lambda: listener.horizon, "horizon")
    rows = []
    for i in range(900):
        lane = LANES[i % 4]
        rows.append(t.office.put(t.write(random.choice(t.names), lane), lane))
    session = t.office.welcome.session
    for part in (150, 450):
        t.office.run_until(lambda: sum(1 for r in rows if r.settled) >= part, f"{part} receipts")
        settled = [(r, r.settled.seq) for r in rows if r.settled]
        t.bus.kill_broker()
        t.bus.start_broker()
    t.settle(rows)
    check("receipts from before hold", all(r.settled.seq == n for r, n in settled))
    check("offered again in a new session", any(r.offers > 1 for r in rows), session)
    check("all are stored", all(r.settled.outcome == STORED for r in rows))
    numbers = sorted(r.settled.seq for r in rows)
    check("each once, without a hole", numbers == list(range(before + 1, before + 1 + len(rows))), numbers[:3])
    again = t.settle([t.office.put(r.content, r.lane) for r in rows])
    check("offered once more: repeated",
          all(s.repeated and s.seq == r.settled.seq for s, r in zip(again, rows)))
    t.screen.run_until(lambda: listener.horizon >= numbers[-1], "the listener is back")
    got = [d.stamp.seq for d in listener.deliveries]
    check("the listener goes on behind what it had", got == numbers, f"{len(got)}: {got[:3]}")
    heard_right(t, t.hear(numbers[-1], patterns=["**"], after=0), sorted(t.log), "all of it, after the kills")


def database_away(t):
    """PostgreSQL goes and comes back: sessions stand, nothing has a receipt meanwhile, nothing is lost."""
    before = t.head()
    t.bus.stop_postgres()
    c = t.client(OFFICE, epoch=t.epoch + 4)
    author = Author(t.maker, OFFICE, t.epoch + 4)
    rows = [c.put(author.envelope("activity_log_entry").SerializeToString())
            for _ in range(2 * c.welcome.window_items)]
    s = t.screen.subscribe(["**"], after=before)

    def told():
        if c.state == OPEN and not c.welcome.store_away:
            c.say_hello()  # until the broker has noticed
        return c.state == OPEN
    c.run_until(told, "Welcome while the database is away")
    check("Welcome says that the store is away", c.welcome.store_away, c.welcome)
    c.ping(3)
    c.run_until(lambda: any(p.token == 3 for p in c.pongs), "Pong")
    check("no receipts without a database", not any(r.settled for r in rows))
    t.bus.launch_postgres()
    t.settle(rows, c)
    numbers = [r.settled.seq for r in rows]
    check("stored once, in order, when it is back", numbers == list(range(before + 1, before + 1 + len(rows))),
          numbers[:3])
    t.screen.run_until(lambda: s.horizon >= numbers[-1], "what was stored")
    heard_right(t, s, numbers, "a listener who asked while it was away")
    c.close()


def revoked(t):
    gone = "coes.interop.gone"
    t.keys[gone] = t.bus.enrol(gone, "gateway")
    c = Client(t.bus.endpoint, t.bus.broker_key, t.keys[gone])
    t.clients.append(c)

    def welcomed():  # the broker hears of a new key a moment later
        if zmq.EVENT_HANDSHAKE_FAILED_AUTH in c.handshakes:
            c.handshakes.clear()
            c.open()
        return c.state == OPEN
    c.open()
    c.run_until(welcomed, "a session for a new key")
    t.bus.eocctl("principal", "revoke", gone)
    c.run_until(lambda: c.fault, "Fault principal")
    check("a key that was taken away ends the session", c.fault.code == "principal", c.fault)
    c.open()
    c.run_until(lambda: zmq.EVENT_HANDSHAKE_FAILED_AUTH in c.handshakes, "refusal")
    check("and gets no other", True)


def epoch_raised(t):
    """An operator says that the log lost something (12); sessions under the epoch before end."""
    before = t.head()
    t.bus.eocctl("log", "raise-epoch", "--because", "a drill")
    for c in (t.office, t.screen):
        c.run_until(lambda: c.state == OPEN and c.welcome.log_epoch > 1, "Welcome of another epoch")
        check("Welcome tells of the raise, and that nobody can say what stands",
              (c.welcome.log_epoch, told_raises(c.welcome)) == (2, [(1, 0), (2, 0)]), c.welcome)
    settled = t.say(t.write())
    check("stored under the new epoch", (settled.outcome, settled.log_epoch) == (STORED, 2), settled)
    s = t.screen.subscribe(["system.trust.audit_event.**"], after=before, log_epoch=2)

    def told():
        events = [envelope.Envelope.FromString(d.content).audit_event for d in s.deliveries]
        return ("epoch_raised", "2", "a drill") in [(e.what, e.subject, e.because) for e in events]
    t.screen.run_until(told, "the record of the raise")
    check("the record tells of the raise, and why", not s.fault and not s.losses, s.fault)


def ends_well(t):
    check("SIGTERM: the broker ends with 0", t.bus.end_broker() == 0, t.bus.read_log()[-2000:])
    report = [line for line in t.bus.read_log().splitlines() if "Sanitizer" in line or "runtime error:" in line]
    check("no word from the sanitizers", not report, report[:3])


STEPS = [connects, record_of_rights, keys_that_do_not_fit, pings, hello_first, protocol_version, every_type,
         repeats, refusals, bad_frames, newer_contract, places, busy, busy_lane, flash_overtakes, clocks, replay,
         patterns, places_of_topics, live, credit, unacknowledged, subscriptions_refused, killed, database_away,
         revoked, epoch_raised, ends_well]


def main():
    t = Test(*sys.argv[1:3])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        t.start()
        for step in STEPS:
            try:
                step(t)
            except Exception:
                check(step.__name__, False, traceback.format_exc())
                if not t.bus.broker or t.bus.broker.poll() is not None:
                    print(t.bus.read_log()[-4000:])
                    break
    finally:
        t.end()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
