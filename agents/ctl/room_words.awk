# room_words.awk - the words of the dispatchers' page (tables with tabs: key, en, ru, tg) as rows of {key, {tg, ru, en}}.
function quoted(text) {
    gsub(/["\\]/, "\\\\&", text)
    return "\"" text "\""
}
BEGIN {
    FS = "\t"
    print "static const struct room_word words[] = {"
}
FNR == 1 { next }
NF != 4 || $2 == "" || $3 == "" || $4 == "" {
    print FILENAME ":" FNR ": key, en, ru and tg, with tabs between" > "/dev/stderr"
    failed = 1
    exit 1
}
{ print "    {" quoted($1) ", {" quoted($4) ", " quoted($3) ", " quoted($2) "}}," }
END {
    if (failed)
        exit 1
    print "};"
}
