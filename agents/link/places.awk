# places.awk - turns places/names.csv (README.md there) into rows of {code, {tg, ru, en}}, one for each code, in
# their order. Of a place that has several spans the last row counts.
function clean(text) {
    gsub(/["\\]/, "", text)
    return text
}
BEGIN {
    FS = ","
    print "static const struct place places[] = {"
}
FNR > 1 && $1 ~ /^[0-9]+$/ && length($1) == 7 {
    if ($1 != code && row)
        print row
    code = $1
    row = "    {\"" $1 "\", {\"" clean($4) "\", \"" clean($5) "\", \"" clean($6) "\"}},"
}
END {
    if (row)
        print row
    print "};"
}
