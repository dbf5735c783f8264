#!/bin/sh
# Proves proto/edxl_rm.tsv against the schemas of EDXL-RM 1.0 in tests/data/edxl/xsd: every element of
# every message with its letter, every schedule type, and the words of ContactRole. What differs is
# printed as `file: sentence`, and the exit status is 1.
#
#   tests/lint/edxl_rm.sh [ROOT]     ROOT: the tree to read, default the one this script stands in
set -eu
root=${1:-$(dirname "$0")/../..}
cd "$root"

exec python3 -B - <<'PROOF'
import sys
import xml.etree.ElementTree as tree

TABLE, SCHEMAS = "proto/edxl_rm.tsv", "tests/data/edxl/xsd/"
XSD = "{http://www.w3.org/2001/XMLSchema}"
# The one gap that is an oversight: forbidden by the schema, taken all the same.
OVERSIGHT = {("ResponseToRequestResource", "EstimatedReturnArrival")}
wrong = 0


def say(text):
    global wrong
    wrong += 1
    print(f"{TABLE}: {text}")


def children(node):
    """Elements directly inside, and the types they are made of inline."""
    for child in node:
        if child.tag == XSD + "element":
            yield child
        elif child.tag in (XSD + "complexType", XSD + "sequence"):
            yield from children(child)


def enumeration(node):
    return {e.get("value") for e in node.iter(XSD + "enumeration")}


common = tree.parse(SCHEMAS + "EDXL-RMCommonTypes.xsd").getroot()


def common_words(name):
    return enumeration(common.find(f"{XSD}simpleType[@name='{name}']"))


def read_schema(message):
    """name -> (parent, letter), and the schedule types."""
    found, types = {}, set()

    def walk(node, parent):
        for e in children(node):
            name = e.get("name")
            if parent == "Funding":
                continue  # written out in one schema, a shared type in the others
            found[name] = (parent, "R" if e.get("minOccurs", "1") != "0" else "O")
            if name == "ScheduleType":
                types.update(enumeration(e) or common_words("ScheduleTypeType"))
            walk(e, name)

    root = tree.parse(f"{SCHEMAS}EDXL-RM{message}.xsd").getroot()
    walk(root.find(f"{XSD}element[@name='{message}']"), "message")
    return found, types


messages, elements, schedules, words = [], {}, {}, {}
for number, line in enumerate(open(TABLE, encoding="utf-8"), 1):
    part = line.rstrip("\n").split("\t")
    if part[0] == "message":
        messages.append(part[2])
    elif part[0] == "element":
        elements[part[2]] = (part[1], part[4].split())
    elif part[0] == "schedule":
        schedules[part[1]] = part[2].split()
    elif part[0] == "word":
        words[part[1]] = set(part[3].split(","))

cells = 0
for column, message in enumerate(messages):
    found, types = read_schema(message)
    for name in found.keys() - elements.keys():
        say(f"{message} knows {name}, which has no line here")
    for name, (inside, letters) in elements.items():
        parent, letter = found.get(name, (inside, "-"))
        cells += 1
        if parent != inside:
            say(f"{name} stands in {parent}, not in {inside}")
        if letter != letters[column]:
            say(f"{name} in {message} is {letter} in the schema, {letters[column]} here")
    for name, letters in schedules.items():
        letter = "O" if name in types else "~" if (message, name) in OVERSIGHT else "-"
        cells += 1
        if letter != letters[column]:
            say(f"schedule {name} in {message} is {letter} by the schema, {letters[column]} here")
    for name in types - schedules.keys():
        say(f"{message} knows the schedule {name}, which has no line here")
for inside, known in words.items():
    if known != common_words("ContactRoleType"):
        say(f"the words of {inside} are {' '.join(sorted(common_words('ContactRoleType')))}")
if len(messages) != 16 or cells < 16 * (38 + 18):
    say(f"{len(messages)} messages and {cells} cells: the file is not whole")
sys.exit(1 if wrong else 0)
PROOF
