# edxl_rm.awk - turns proto/edxl_rm.tsv into C tables for proto/wire/edxl.c.
#
#   awk -f proto/edxl_rm.awk proto/edxl_rm.tsv > edxl_rm.inc
#
# A line that cannot be read, a name that nobody has said before, or a row of letters with a hole stops
# the build. Written for mawk.

BEGIN {
    FS = "\t"
    elements = messages = schedules = 0
    at_element["message"] = -1
    responses = "Accept Decline Provisional"
}

function fail(what)
{
    printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
    failed = 1
    exit 1
}

function letters_of(text)
{
    gsub(/ /, "", text)
    if (length(text) != 16 || text !~ /^[-RO~]+$/)
        fail("'" text "' is not sixteen of R, O, - and ~")
    return "\"" text "\""
}

function list_of(text, most,    n, i, part, out)
{
    n = split(text, part, ",")
    if (n > most)
        fail("more than " most " in a list")
    out = "{"
    for (i = 1; i <= n; i++)
        out = out "\"" part[i] "\", "
    return out "NULL}"
}

function element(name)
{
    if (!(name in at_element))
        fail("no element is called '" name "'")
    return at_element[name]
}

# 1, 2, 3 as in ResponseType; 0 if it is none.
function response(name,    i, word)
{
    split(responses, word, " ")
    for (i = 1; i <= 3; i++)
        if (word[i] == name)
            return i
    return 0
}

/^#/ || /^$/ {
    next
}

$1 == "message" {
    if ($2 != 160 + messages)
        fail("bodies are 160, 161 ... in this order")
    message[$3] = messages
    message_name[messages++] = $3
    next
}

$1 == "element" {
    if ($3 in at_element)
        fail("twice: " $3)
    row[elements] = sprintf("{%d, \"%s\", %s, %s}", element($2), $3, $4 == "=" ? "{NULL}" : list_of($4, 3), \
        letters_of($5))
    at_element[$3] = elements++
    next
}

$1 == "schedule" {
    schedule[schedules++] = sprintf("{\"%s\", %s}", $2, letters_of($3))
    next
}

$1 == "when" {
    if (!response($2) || !($3 in message) || $5 !~ /^[RO-]$/)
        fail("cannot read this condition")
    when[whens++] = sprintf("{%d, %d, %d, '%s'}", response($2), message[$3], element($4), $5)
    next
}

$1 == "any" {
    any[anys++] = sprintf("{%d, %d, %s, %s}", element($2), response($3), \
        response($3) || $3 == "always" ? "NULL" : "\"" $3 "\"", list_of($4, 3))
    next
}

$1 == "word" {
    word[words++] = sprintf("{%d, \"%s\", %s}", element($2), $3, list_of($4, 7))
    next
}

{
    fail("cannot read: " $0)
}

function table(type, name, rows, n,    i)
{
    printf "\nstatic const struct %s %s[] = {\n", type, name
    for (i = 0; i < n; i++)
        print "    " rows[i] ","
    print "};"
}

END {
    if (failed)
        exit 1
    if (messages != 16 || schedules != 18) {
        print "edxl_rm.awk: sixteen messages and eighteen schedules are wanted" > "/dev/stderr"
        exit 1
    }
    print "/* Made by proto/edxl_rm.awk from proto/edxl_rm.tsv: edit that. */"
    print "\nstatic const char *const messages[] = {"
    for (i = 0; i < messages; i++)
        print "    \"" message_name[i] "\","
    print "};"
    table("element", "elements", row, elements)
    table("schedule_rule", "schedules", schedule, schedules)
    table("when", "whens", when, whens)
    table("any", "anys", any, anys)
    table("word", "words", word, words)
}
