"""edxl - what the sixteen messages of EDXL-RM must, may and must not hold, from proto/edxl_rm.tsv, and
how to bend a random one until nothing is against it."""
from google.protobuf.descriptor import FieldDescriptor as F

TABLE = "proto/edxl_rm.tsv"
RESPONSES = ["", "Accept", "Decline", "Provisional"]


class Rules:
    def __init__(self, path=TABLE):
        self.messages, self.elements, self.schedules = [], [], []
        self.whens, self.anys, self.words = {}, [], []
        with open(path, encoding="utf-8") as f:
            for line in f:
                kind, *part = line.rstrip("\n").split("\t")
                if kind == "message":
                    self.messages.append(part[1])
                elif kind == "element" and part[2] != "=":
                    self.elements.append((part[0], part[1], part[2].split(","), part[3].split()))
                elif kind == "schedule":
                    self.schedules.append(part[1].split())
                elif kind == "when":
                    self.whens[part[0], part[1], part[2]] = part[3]
                elif kind == "any":
                    self.anys.append((part[0], part[1], part[2].split(",")))
                elif kind == "word":
                    self.words.append((part[0], part[1], part[2].split(",")))

    def fit(self, envelope, maker):
        number = envelope.DESCRIPTOR.fields_by_name[envelope.WhichOneof("body")].number
        if 160 <= number < 176:
            body = getattr(envelope, envelope.WhichOneof("body"))
            self.walk(body, "message", number - 160, envelope, maker)

    def letter(self, message, inside, element, letters, column):
        response = ""
        if inside == "ResourceInformation" and message.HasField("response"):
            response = RESPONSES[message.response.type]
        return self.whens.get((response, self.messages[column], element), letters[column])

    def walk(self, message, inside, column, envelope, maker):
        if inside == "ScheduleInformation":
            while self.schedules[message.type - 1][column] != "O":
                message.type = message.type % len(self.schedules) + 1
        for where, element, fields, letters in self.elements:
            if where != inside:
                continue
            letter = self.letter(message, inside, element, letters, column)
            held = [(m, f) for f in fields for m in (message, envelope) if f in m.DESCRIPTOR.fields_by_name][:len(fields)]
            if letter == "-":
                for m, f in held:
                    m.ClearField(f)
            elif letter == "R" and not any(is_set(m, f) for m, f in held):
                give(*held[0], maker)
            for m, f in held:
                for inner in messages_in(m, f):
                    self.walk(inner, element, column, envelope, maker)
        self.walk_words(message, inside, maker)

    def walk_words(self, message, inside, maker):
        for where, when, fields in self.anys:
            if where != inside or any(is_set(message, f) for f in fields):
                continue
            if when == "always" or when in RESPONSES and RESPONSES[message.type] == when \
                    or when in message.DESCRIPTOR.fields_by_name and is_set(message, when):
                give(message, fields[0], maker)
        for where, field, words in self.words:
            if where == inside and is_set(message, field):
                setattr(message, field, maker.rng.choice(words))


def is_set(message, name):
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.label != F.LABEL_REPEATED and field.type == F.TYPE_MESSAGE:
        return message.HasField(name)
    return bool(getattr(message, name))


def give(message, name, maker):
    maker.set(message, message.DESCRIPTOR.fields_by_name[name])


def messages_in(message, name):
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.type != F.TYPE_MESSAGE or not is_set(message, name):
        return []
    return list(getattr(message, name)) if field.label == F.LABEL_REPEATED else [getattr(message, name)]
