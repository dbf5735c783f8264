"""messages - a message of every type, made from what the .proto files say and nothing else: the fields
from the descriptors, the rules from the lines with @ in their comments (PROTOCOL.md, "Rules"); of EDXL-RM from its table."""
import os
import re
import time
import uuid

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor as F

from eocbus.v1 import common_pb2 as common
from eocbus.v1 import envelope_pb2 as envelope

import edxl

RULE = re.compile(r"@([a-z]+)(?:\s+(-?\d+)\.\.(-?\d+))?")
WORDS = "сел дар Айнӣ роҳ баста flood at Gusar мост разрушен 7-Aug ҷ "
INTEGERS = {F.TYPE_INT32: (-2**31, 2**31 - 1), F.TYPE_SINT32: (-2**31, 2**31 - 1),
            F.TYPE_INT64: (-2**63, 2**63 - 1), F.TYPE_SINT64: (-2**63, 2**63 - 1),
            F.TYPE_UINT32: (0, 2**32 - 1), F.TYPE_UINT64: (0, 2**64 - 1)}


def uuid7():
    ms = time.time_ns() // 1000000
    n = ms << 80 | int.from_bytes(os.urandom(10), "big")
    n = n & ~(0xF << 76) & ~(0x3 << 62) | 7 << 76 | 2 << 62
    return n.to_bytes(16, "big")


def read_rules(path):
    """{full name of a field or oneof: {rule: None or (from, to)}} from a descriptor set with comments."""
    rules = {}
    with open(path, "rb") as f:
        files = descriptor_pb2.FileDescriptorSet.FromString(f.read())
    for file in files.file:
        for location in file.source_code_info.location:
            p = location.path
            if len(p) != 4 or p[0] != 4 or p[2] not in (2, 8):
                continue
            message = file.message_type[p[1]]
            part = (message.field if p[2] == 2 else message.oneof_decl)[p[3]]
            text = location.leading_comments + location.trailing_comments
            rules[f"{file.package}.{message.name}.{part.name}"] = {
                m[1]: (int(m[2]), int(m[3])) if m[2] else None for m in RULE.finditer(text)}
    return rules


def read_families(path):
    """{family: [types]}, from the lines "family ..." between the members of Envelope.body."""
    with open(path, "rb") as f:
        files = descriptor_pb2.FileDescriptorSet.FromString(f.read())
    file = next(f for f in files.file if f.name.endswith("/envelope.proto"))
    words = {tuple(l.path): l.leading_comments for l in file.source_code_info.location}
    families, types = {}, None
    for i, field in enumerate(file.message_type[0].field):
        if begin := re.search(r"\bfamily (\w+)", words[4, 0, 2, i]):
            types = families[begin[1]] = []
        # The bus's own word; and a decision, which is stored only if there was something to decide.
        if types is not None and field.name not in ("withdrawn", "decision"):
            types.append(field.name)
    return families


def fit_series(batch):
    """Lists that fit together, at most 20,000 samples in all, and each datastream once (10)."""
    most = 20000 // len(batch.series)
    for i, s in enumerate(batch.series):
        s.datastream_id = 1 + i * 1000 + s.datastream_id % 1000
        n = len(s.time_deltas_ms) or s.sample_count or batch.sample_count
        if n > most or s.time_deltas_ms:
            s.sample_count = n = min(n, most)
        holds = list(s.holds)
        deltas = list(s.deltas)[:n - 1]
        if holds:
            while holds and (len(holds) > len(deltas) or sum(holds) > n - 1):
                holds.pop()
            deltas = deltas[:len(holds)]
        s.holds[:], s.deltas[:] = holds, deltas
        runs, end = [], 0
        for run in s.quality:
            run.offset = max(run.offset, end)
            if run.offset < n:
                run.length = min(run.length, n - run.offset)
                end = run.offset + run.length
                runs.append(type(run).FromString(run.SerializeToString()))
        del s.quality[:]
        s.quality.extend(runs)


class Maker:
    """Fills messages within the rules; the same seed makes the same bodies."""

    def __init__(self, rules, rng, full=0.6):
        self.rules, self.rng, self.full = rules, rng, full
        self.edxl = edxl.Rules()

    def body(self, type_name):
        field = envelope.Envelope.DESCRIPTOR.fields_by_name[type_name]
        body = self.fill(getattr(envelope.Envelope(), type_name), field.message_type)
        if type_name == "observation_batch":
            fit_series(body)
        if field.number // 10 in (16, 17):  # each line of a request once
            for i, line in enumerate(body.lines):
                line.line_id = 1 + i * 1000 + line.line_id % 1000
        if type_name == "plot_site":  # what is given away and what is blocked fits into it
            body.capacity_total = 100000
            for name in ("reserved", "allocated", "occupied", "blocked"):
                setattr(body, name, min(getattr(body, name), 1000))
        return body

    def fill(self, message, descriptor):
        message.SetInParent()
        for oneof in descriptor.oneofs:
            if "required" in self.rules[oneof.full_name] or self.rng.random() < self.full:
                self.set(message, self.rng.choice(oneof.fields), in_oneof=True)
        for field in descriptor.fields:
            if not field.containing_oneof:
                if "required" in self.rules[field.full_name] or self.rng.random() < self.full:
                    self.set(message, field)
        return message

    def set(self, message, field, in_oneof=False):
        rules = self.rules[field.full_name]
        target = getattr(message, field.name)
        if field.label == F.LABEL_REPEATED:
            low, high = rules.get("count") or (0, 3)
            low = max(low, 1)
            for _ in range(self.rng.randint(low, min(high, low + 2))):
                if field.type == F.TYPE_MESSAGE:
                    self.fill(target.add(), field.message_type)
                else:
                    target.append(self.value(field, rules))
        elif field.type == F.TYPE_MESSAGE:
            self.fill(target, field.message_type)
        else:
            setattr(message, field.name, self.value(field, rules))

    def value(self, field, rules):
        rng = self.rng
        if field.type == F.TYPE_BOOL:
            return rng.random() < 0.5 or "required" in rules
        if field.type == F.TYPE_ENUM:
            return rng.choice([v.number for v in field.enum_type.values if v.number])
        if field.type in (F.TYPE_DOUBLE, F.TYPE_FLOAT):
            return float(rng.randint(-1000, 1000))
        if field.type == F.TYPE_STRING:
            return self.text(rules)
        if field.type == F.TYPE_BYTES:
            low, high = (16, 16) if "id" in rules else rules.get("len") or (0, 32)
            return rng.randbytes(rng.randint(max(low, 1), max(low, min(high, 80))))
        if "time" in rules:
            return rng.randint(1700000000, 1900000000) * 1000000
        low, high = rules.get("range") or INTEGERS[field.type]
        n = rng.choice([low, high, rng.randint(low, high)])
        return n if n else (high if high else low)

    def text(self, rules):
        if "pcode" in rules:
            return self.rng.choice(["3505203", "3505000", "350520301", "UZ18224"])
        if "name" in rules:
            return self.rng.choice(["coes.tj3505203.gw07", "rcst.ayni.team2"])
        if "recipient" in rules:
            return self.rng.choice(["dispatcher@3505203", "rcst", "coes.dushanbe.duty"])
        low, high = rules.get("len") or (0, 200)
        n = self.rng.randint(max(low, 1), max(low, min(high, 120)))
        cut = (WORDS * 4).encode()[:n].decode(errors="ignore")
        return cut + "." * (n - len(cut.encode()))


class Author:
    """Writes Envelopes: one sender, one epoch, lane_seq 1, 2, 3 ... in each lane (4)."""

    def __init__(self, maker, sender, epoch):
        self.maker, self.sender, self.epoch = maker, sender, epoch
        self.lane_seq = {}

    def envelope(self, type_name="flash_report", lane=common.LANE_ROUTINE, pcodes=("3505203",),
                 status=common.STATUS_ACTUAL, **more):
        now = time.time_ns() // 1000
        self.lane_seq[lane] = self.lane_seq.get(lane, 0) + 1
        e = envelope.Envelope(
            message_id=uuid7(), schema=1000, sender=self.sender, epoch=self.epoch, lane=lane,
            lane_seq=self.lane_seq[lane], status=status, kind=common.KIND_REPORT,
            event_time_us=now - 1000000, sent_time_us=now, clock_source=common.CLOCK_SOURCE_NTP,
            clock_err_ms=20, not_after_us=now + 3600 * 1000000, preceding_id=uuid7(),
            label=common.LABEL_INTERNAL, lang=common.LANG_TG)
        e.area.pcodes.extend(pcodes)
        getattr(e, type_name).CopyFrom(self.maker.body(type_name))
        self.maker.edxl.fit(e, self.maker)
        for name, value in more.items():
            setattr(e, name, value)
        return e

    def unused(self, lane=common.LANE_ROUTINE):
        """Takes a number back that the broker refused to store."""
        self.lane_seq[lane] -= 1
