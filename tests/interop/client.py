"""client - an eocbus agent in Python, written from proto/PROTOCOL.md and the .proto files alone.

One object is one principal's side of the conversation: an outbox in memory, subscriptions, and
whatever sockets it took. Nothing runs behind the caller's back: turn() does what is due and waits a
little for one frame, run_until() turns until a condition holds. The numbers in brackets are sections
of the page. eocbus.v1.*_pb2 (protoc --python_out) must be on the path."""
import bisect
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

from eocbus.v1 import session_pb2 as bus

CLOSED, GREETING, OPEN = "closed", "greeting", "open"
ENDING = "protocol", "principal", "sessions"  # Faults that end a session; others speak of a frame
FRAME_MARGIN, ITEM_MARGIN = 64, 32  # bytes of protobuf around the items, and around each


def now_us():
    return time.time_ns() // 1000


class Row:
    """A message in the outbox. The place in the content is the author's business; lane orders."""

    def __init__(self, tag, lane, content, signature):
        self.tag, self.lane, self.content, self.signature = tag, lane, content, signature
        self.settled = None
        self.offers = 0

    def __lt__(self, other):
        return (self.lane, self.tag) < (other.lane, other.tag)


class Subscription:
    """What was asked for, and what came. keeps_up False: the caller gives credit and acknowledges."""

    def __init__(self, number, patterns, after, credit, log_epoch, keeps_up):
        self.number, self.patterns, self.after, self.credit = number, patterns, after, credit
        self.log_epoch, self.keeps_up = log_epoch, keeps_up
        self.subscribed = self.fault = None
        self.deliveries, self.provisional = [], []
        self.last = self.previous = self.horizon = self.acknowledged = self.losses = 0

    def resume_after(self):
        """Where a new session goes on: behind the last number that came, else where it began."""
        return self.last or (self.subscribed.after if self.subscribed else self.after)


class Client:
    def __init__(self, endpoint, server_key, keys, epoch=0, ping_s=1.0, clock=now_us):
        self.endpoint, self.server_key, self.keys = endpoint, server_key, keys
        self.epoch, self.ping_s, self.clock = epoch, ping_s, clock
        self.context = zmq.Context.instance()
        self.socket = self.monitor = None
        self.state, self.welcome, self.fault = CLOSED, None, None
        self.rows, self.waiting, self.in_flight = {}, [], {}
        self.subscriptions = {}
        self.not_before = self.next_ping = 0.0
        self.unanswered = self.next_tag = self.next_number = 0
        self.faults, self.busy, self.pongs, self.handshakes = [], [], [], []

    # --- the connection and the session (1, 3) ---

    def open(self, hello=True):
        """A new socket and a Hello; also the way back after silence."""
        self.close()
        s = self.socket = self.context.socket(zmq.DEALER)
        s.linger = 0
        s.sndhwm = s.rcvhwm = 0
        s.handshake_ivl = 30000
        s.reconnect_ivl, s.reconnect_ivl_max = 100, 2000
        if self.keys:
            s.curve_serverkey = self.server_key
            s.curve_publickey, s.curve_secretkey = self.keys
        self.monitor = s.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_DISCONNECTED)
        s.connect(self.endpoint)
        if hello:
            self.say_hello()

    def close(self):
        if self.socket:
            self.socket.disable_monitor()
            self.socket.close()
        self.socket, self.state = None, CLOSED

    def say_hello(self):
        self.state, self.unanswered = GREETING, 0
        self.next_ping = time.monotonic() + self.ping_s
        self.send(hello=bus.Hello(protocol_max=1, protocol_min=1, program="interop.py 1.0", epoch=self.epoch,
                                  time_us=self.clock(), backlog=len(self.waiting) + len(self.in_flight)))

    def send(self, **what):
        self.socket.send(bus.Frame(**what).SerializeToString())

    def on_welcome(self, welcome):
        """The session stands: everything without a receipt is offered again, listeners ask anew."""
        self.state, self.welcome, self.fault = OPEN, welcome, None
        for row in self.in_flight.values():
            bisect.insort(self.waiting, row)
        self.in_flight, self.not_before = {}, 0.0
        for s in self.subscriptions.values():
            if not s.fault:
                self.ask(s)

    def on_fault(self, fault):
        self.faults.append(fault)
        if fault.subscription:
            if fault.subscription in self.subscriptions:
                self.subscriptions[fault.subscription].fault = fault
        elif fault.code == "hello":
            if self.state == OPEN:  # while greeting: answers to what was sent before the Hello
                self.say_hello()
        elif fault.code in ENDING or fault.retry_ms:
            self.state, self.fault = CLOSED, fault
            if fault.retry_ms:
                self.state, self.next_ping = GREETING, time.monotonic() + fault.retry_ms / 1000

    # --- publishing (4) ---

    def put(self, content, lane=4, signature=b""):
        self.next_tag += 1
        row = self.rows[self.next_tag] = Row(self.next_tag, lane, content, signature)
        bisect.insort(self.waiting, row)
        return row

    def offer(self):
        """Sends what the window and the frame have room for, most urgent lane first."""
        w = self.welcome
        items, room = [], w.max_frame_bytes - FRAME_MARGIN
        window = w.window_bytes - sum(len(r.content) for r in self.in_flight.values())
        while self.waiting and len(self.in_flight) < w.window_items and time.monotonic() >= self.not_before:
            row = self.waiting[0]
            size = len(row.content) + len(row.signature) + ITEM_MARGIN
            window -= len(row.content)
            if window < 0:
                break
            if items and (len(items) == w.max_items or size > room):
                self.send(publish=bus.Publish(items=items))
                items, room = [], w.max_frame_bytes - FRAME_MARGIN
            items.append(bus.Item(tag=row.tag, content=row.content, signature=row.signature))
            room -= size
            self.in_flight[row.tag] = self.waiting.pop(0)
            row.offers += 1
        if items:
            self.send(publish=bus.Publish(items=items))

    def on_receipts(self, receipts):
        for settled in receipts.settled:
            self.rows[settled.tag].settled = settled
            self.in_flight.pop(settled.tag, None)

    def on_busy(self, busy):
        self.busy.append(busy)
        self.not_before = time.monotonic() + busy.retry_ms / 1000
        for tag in busy.tags:
            if tag in self.in_flight:
                bisect.insort(self.waiting, self.in_flight.pop(tag))

    # --- listening (6) ---

    def subscribe(self, patterns, after=None, credit=200, log_epoch=0, keeps_up=True):
        self.next_number += 1
        s = Subscription(self.next_number, patterns, after, credit, log_epoch, keeps_up)
        self.subscriptions[s.number] = s
        if self.state == OPEN:
            self.ask(s)
        return s

    def ask(self, s):
        s.previous, after = 0, s.resume_after()
        ask = bus.Subscribe(subscription=s.number, patterns=s.patterns, log_epoch=s.log_epoch,
                            credit=s.credit)
        if after is not None:
            ask.after = after
        self.send(subscribe=ask)

    def unsubscribe(self, s):
        del self.subscriptions[s.number]
        self.send(unsubscribe=bus.Unsubscribe(subscription=s.number))

    def give(self, s, messages):
        self.send(credit=bus.Credit(subscription=s.number, messages=messages))

    def acknowledge(self, s):
        if s.last > s.acknowledged:
            s.acknowledged = s.last
            self.send(acknowledge=bus.Acknowledge(
                subscription=s.number, log_epoch=s.subscribed.log_epoch, upto=s.last))

    def on_deliver(self, deliver):
        s = self.subscriptions.get(deliver.subscription)
        if not s or s.fault:  # under way when we said Unsubscribe
            return
        for d in deliver.deliveries:
            if d.stamp.provisional:
                s.provisional.append(d)
            elif d.previous != s.previous or d.stamp.seq <= s.last:
                s.losses += 1
                self.unsubscribe(s)
                self.next_number += 1
                s.number = self.next_number
                self.subscriptions[s.number] = s
                return self.ask(s)
            else:
                s.deliveries.append(d)
                s.last = s.previous = d.stamp.seq
        s.horizon = max(s.horizon, deliver.horizon, s.last)  # a delivery is a horizon, too
        if s.keeps_up and deliver.deliveries:
            self.give(s, len(deliver.deliveries))
        if s.keeps_up and (deliver.horizon or len(s.deliveries) % 100 < len(deliver.deliveries)):
            self.acknowledge(s)

    # --- one step ---

    def ping(self, token=0):
        self.send(ping=bus.Ping(token=token, time_us=self.clock()))

    def on_frame(self, data):
        frame = bus.Frame.FromString(data)
        what = frame.WhichOneof("what")
        self.unanswered, self.next_ping = 0, time.monotonic() + self.ping_s
        if what == "subscribed":
            self.subscriptions[frame.subscribed.subscription].subscribed = frame.subscribed
        elif what == "ping":
            ping = frame.ping
            self.send(pong=bus.Pong(token=ping.token, ping_time_us=ping.time_us, time_us=self.clock()))
        elif what == "pong":
            self.pongs.append(frame.pong)
        elif what:
            getattr(self, "on_" + what)(getattr(frame, what))

    def on_silence(self):
        """Three intervals without any frame: whatever the socket believes, start over."""
        self.unanswered += 1
        self.next_ping = time.monotonic() + self.ping_s
        if self.unanswered > 3:
            self.open()
        elif self.state == OPEN:
            self.ping()
        elif self.fault:
            self.say_hello()

    def turn(self, wait_s=0.02):
        if self.state == OPEN and self.waiting:
            self.offer()
        while self.monitor and self.monitor.poll(0):
            self.handshakes.append(recv_monitor_message(self.monitor)["event"])
        if self.socket.poll(int(wait_s * 1000)):
            self.on_frame(self.socket.recv())
        else:
            for s in self.subscriptions.values():
                if s.keeps_up and self.state == OPEN and not s.fault:
                    self.acknowledge(s)
            if self.state != CLOSED and time.monotonic() >= self.next_ping:
                self.on_silence()

    def run_until(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not within {seconds} s")
            self.turn()
