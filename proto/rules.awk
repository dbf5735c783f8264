# rules.awk - turns the @ rules in the comments of proto/eocbus/v1/*.proto into C tables.
#
#   awk -f proto/rules.awk proto/eocbus/v1/*.proto > rules.inc
#
# A comment belongs to the field, oneof or message below it, or to the field before it on the same
# line. An empty line cuts it off. Words that begin with @ are rules; the grammar is in
# proto/PROTOCOL.md, "Rules". One table row per field, sorted by field number, which is the order of
# protobuf-c's descriptors, so that the gate needs no look-up by name. A rule that does not suit the
# type of its field, or a word that is no rule, stops the build: a check that is written but not
# made is worse than none. Written for mawk: no gensub, no intervals, numbers stay text.

function fail(what)
{
    printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
    failed = 1
    exit 1
}

# FlashReport -> flash_report, as protoc-c spells it.
function lower_name(name,    i, c, out, was_upper)
{
    was_upper = 1
    out = ""
    for (i = 1; i <= length(name); i++) {
        c = substr(name, i, 1)
        if (c ~ /[A-Z]/) {
            out = out (was_upper ? "" : "_") tolower(c)
            was_upper = 1
        } else {
            out = out c
            was_upper = 0
        }
    }
    return out
}

function is_number_type(t)
{
    return t ~ /^(u?int32|u?int64|sint32|sint64|s?fixed32|s?fixed64|float|double)$/
}

function is_scalar(t)
{
    return is_number_type(t) || t == "bool" || t == "string" || t == "bytes"
}

function literal(n)
{
    return n == "-9223372036854775808" ? "INT64_MIN" : "INT64_C(" n ")"
}

function quote(s)
{
    gsub(/\\/, "&&", s)
    gsub(/"/, "\\\"", s)
    return "\"" s "\""
}

# "3..5" into low and high.
function read_pair(word,    at)
{
    at = index(word, "..")
    if (!at)
        fail("expected LO..HI, got '" word "'")
    low = substr(word, 1, at - 1)
    high = substr(word, at + 2)
    if (low !~ /^-?[0-9]+$/ || high !~ /^-?[0-9]+$/)
        fail("'" word "' is no pair of whole numbers")
    if (low + 0 > high + 0)
        fail("'" word "' is empty")
}

# Rules of `comment` for a field of this type into the globals flags, lo, hi, len_*, count_*.
function read_rules(comment, type, repeated,    word, n, i, w)
{
    flags = ""
    lo = hi = 0
    len_lo = 0
    len_hi = type == "bytes" ? "LIMIT_CONTENT_BYTES" : 4000
    count_lo = 0
    count_hi = "LIMIT_REPEATS"
    n = split(comment, word, /[ \t]+/)
    for (i = 1; i <= n; i++) {
        w = word[i]
        if (w !~ /^@/)
            continue
        sub(/[.,;:)]+$/, "", w)
        if (w == "@required") {
            if (type == "bool")
                fail("@required on a bool: false could never be said")
            flags = flags "|RULE_REQUIRED"
        } else if (w == "@range") {
            if (!is_number_type(type))
                fail("@range on " type)
            read_number_pair(word[++i])
            lo = low
            hi = high
            flags = flags "|RULE_RANGE"
        } else if (w == "@len") {
            if (type != "string" && type != "bytes")
                fail("@len on " type)
            read_number_pair(word[++i])
            len_lo = low
            len_hi = high
            flags = flags "|RULE_LEN"
        } else if (w == "@count") {
            if (!repeated)
                fail("@count on a field that is not repeated")
            read_number_pair(word[++i])
            count_lo = low
            count_hi = high
            flags = flags "|RULE_COUNT"
        } else if (w == "@pcode" || w == "@name" || w == "@recipient") {
            if (type != "string")
                fail(w " on " type)
            flags = flags "|RULE_" toupper(substr(w, 2))
        } else if (w == "@time") {
            if (type != "int64")
                fail("@time on " type)
            flags = flags "|RULE_TIME"
        } else if (w == "@id") {
            if (type != "bytes")
                fail("@id on " type)
            flags = flags "|RULE_ID"
        } else {
            fail("no such rule: '" w "'")
        }
    }
    flags = flags == "" ? "0" : substr(flags, 2)
}

function read_number_pair(word)
{
    sub(/[.,;:)]+$/, "", word)
    read_pair(word)
}

# The comment without its rules: refusals and forms show it.
function for_people(text)
{
    gsub(/@(range|len|count)[ \t]+[^ \t]+/, "", text)
    gsub(/@(required|pcode|time|id|name|recipient)/, "", text)
    gsub(/[ \t]+/, " ", text)
    sub(/ $/, "", text)
    return text
}

function add_field(type, name, number, repeated, comment,    k)
{
    sub(/^.*\./, "", type)
    read_rules(comment, type, repeated)
    k = message "," ++fields[message]
    field_name[k] = name
    field_number[k] = number + 0
    field_type[k] = type
    field_where[k] = FILENAME ":" FNR
    field_row[k] = flags ", " literal(lo) ", " literal(hi) ", " len_lo ", " len_hi ", " \
        count_lo ", " count_hi
    field_text[k] = for_people(comment)
    if (oneof != "" && oneof_first[message "," oneof] == "") {
        oneof_first[message "," oneof] = number + 0
        if (oneof_flags != "0")
            oneofs[message] = oneofs[message] oneof " "
    }
}

function take_statement(code, trailing,    part, n, repeated)
{
    gsub(/[ \t]+/, " ", code)
    sub(/^ /, "", code)
    if (code ~ /^(syntax|import|option|reserved|extensions) / || code == ";") {
        comment = ""
        return
    }
    if (code ~ /^package /) {
        package = code
        sub(/^package /, "", package)
        sub(/ *;.*/, "", package)
        gsub(/\./, "__", package)
        comment = ""
        return
    }
    if (kind == "enum") {
        comment = ""
        return
    }
    if (message == "")
        fail("a statement outside every message: " code)
    if (code ~ /map *</)
        fail("maps have no order and no place in this contract")
    repeated = sub(/^repeated /, "", code)
    if (code ~ /^(optional|required) /)
        fail("protobuf-c 1.4.1 takes no proto3 optional: write a one-member oneof")
    if (code !~ /^[A-Za-z0-9_.]+ [a-z0-9_]+ ?= ?[0-9]+ ?(\[.*\])? ?;$/)
        fail("cannot read: " code)
    n = split(code, part, /[ =;\[]+/)
    add_field(part[1], part[2], part[3], repeated, comment (comment != "" && trailing != "" ? " " : "") trailing)
    comment = ""
}

function open_block(code,    name)
{
    gsub(/[ \t]+/, " ", code)
    sub(/^ /, "", code)
    name = code
    sub(/^[a-z]+ /, "", name)
    sub(/ *\{.*/, "", name)
    if (code ~ /^message /) {
        if (message != "")
            fail("nested message: give it a place of its own")
        if (name in fields)
            fail("message " name " twice")
        message = name
        fields[message] = 0
        order[++messages] = message
        kind = "message"
    } else if (code ~ /^enum /) {
        enum_depth = 1
        enums[name] = 1
        outer_kind = kind
        kind = "enum"
    } else if (code ~ /^oneof /) {
        oneof = name
        read_rules(comment, "oneof", 0)
        oneof_flags = flags
    } else {
        fail("cannot read: " code)
    }
    comment = ""
}

function close_block()
{
    if (kind == "enum")
        kind = outer_kind
    else if (oneof != "")
        oneof = ""
    else if (message != "") {
        message = ""
        kind = ""
    } else
        fail("a } too many")
    comment = ""
}

FNR == 1 {
    header = FILENAME
    sub(/^.*proto\/eocbus\//, "eocbus/", header)
    sub(/\.proto$/, ".pb-c.h", header)
    headers[++n_headers] = header
    comment = ""
    held = ""
    if (message != "")
        fail("the file before this one ends inside " message)
}

/^[ \t]*$/ {
    comment = ""
    next
}

/\/\*/ {
    fail("write // comments: rules are read line by line")
}

{
    line = $0
    said = ""
    at = index(line, "//")
    if (at) {
        said = substr(line, at + 2)
        line = substr(line, 1, at - 1)
        sub(/^[ \t]+/, "", said)
        sub(/[ \t]+$/, "", said)
    }
    if (line ~ /^[ \t]*$/) {
        comment = comment (comment != "" && said != "" ? " " : "") said
        next
    }
    line = held " " line
    held = ""
    # "{", "}" and ";" end what was begun; a line may hold several: "message Ping {}".
    while (match(line, /[{};]/)) {
        stop = substr(line, RSTART, 1)
        piece = substr(line, 1, RSTART)
        line = substr(line, RSTART + 1)
        if (stop == ";")
            take_statement(piece, said)
        else if (stop == "{")
            open_block(piece)
        else
            close_block()
    }
    if (line !~ /^[ \t]*$/)
        held = line
}

END {
    if (failed)
        exit 1
    print "/* Made by proto/rules.awk from the .proto files of eocbus/v1: edit those. */"
    for (i = 1; i <= n_headers; i++)
        print "#include \"" headers[i] "\""
    for (i = 1; i <= messages; i++)
        plan_of[order[i]] = i - 1
    print "\nenum { PLANS = " messages " };"
    print "static const struct plan plans[PLANS];"
    for (i = 1; i <= messages; i++)
        print_message(order[i])
    print "\nstatic const struct plan plans[PLANS] = {"
    for (i = 1; i <= messages; i++) {
        m = order[i]
        printf "    {&%s__%s__descriptor, %d, %s, %d, %s},\n", package, lower_name(m), fields[m], \
            fields[m] ? "rules_" m : "NULL", n_oneofs[m], n_oneofs[m] ? "oneofs_" m : "NULL"
    }
    print "};"
    if (failed)
        exit 1
}

function print_message(m,    n, i, j, k, at, sub_plan, list, place)
{
    n = fields[m]
    for (i = 1; i <= n; i++)
        at[i] = i
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && field_number[m "," at[j - 1]] > field_number[m "," at[j]]; j--) {
            k = at[j]
            at[j] = at[j - 1]
            at[j - 1] = k
        }
    if (n)
        print "\nstatic const struct rule rules_" m "[] = {"
    for (i = 1; i <= n; i++) {
        k = m "," at[i]
        place[field_number[k]] = i - 1
        sub_plan = "NULL"
        if (field_type[k] in plan_of)
            sub_plan = "&plans[" plan_of[field_type[k]] "]"
        else if (!(field_type[k] in enums) && !is_scalar(field_type[k])) {
            printf "%s: no message or enum is called %s\n", field_where[k], field_type[k] > "/dev/stderr"
            failed = 1
        }
        printf "    {\"%s\", %s, %s, %s},\n", field_name[k], field_row[k], sub_plan, quote(field_text[k])
    }
    if (n)
        print "};"
    n_oneofs[m] = split(oneofs[m], list, " ")
    if (!n_oneofs[m])
        return
    print "static const struct oneof_rule oneofs_" m "[] = {"
    for (i = 1; i <= n_oneofs[m]; i++)
        printf "    {\"%s\", %d},\n", list[i], place[oneof_first[m "," list[i]]]
    print "};"
}
