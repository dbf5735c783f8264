# places.awk - turns places/names.csv (README.md there) into rows of {code, {tg, ru, en}}, in the order of the codes.
function clean(text) {
    gsub(/["\\]/, "", text)
    return text
}
BEGIN {
    FS = ","
    print "static const struct place places[] = {"
}
FNR > 1 && $1 ~ /^[0-9]+$/ && length($1) == 7 {
    print "    {\"" $1 "\", {\"" clean($2) "\", \"" clean($3) "\", \"" clean($4) "\"}},"
}
END {
    print "};"
}
