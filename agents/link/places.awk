# places.awk - turns the two tables of places/ (README.md there) into rows of {code, {tg, ru, en}} in the
# order of codes. The first row of a code counts; what has no name in a language has an empty one.
function clean(text) {
    gsub(/[ \t\r]+/, " ", text)
    sub(/^ /, "", text)
    sub(/ $/, "", text)
    gsub(/["\\]/, "", text)
    return text
}
function keep(code, tg, ru, en) {
    if (code !~ /^[0-9]+$/ || length(code) != 7 || code in row)
        return
    row[code] = "    {\"" code "\", {\"" clean(tg) "\", \"" clean(ru) "\", \"" clean(en) "\"}},"
    order[++count] = code
}
BEGIN { FS = "," }
FILENAME ~ /district_points/ { keep($1, $4, $3, $2) }
FILENAME ~ /hxl/ { keep($3, "", "", $4) }
END {
    for (i = 2; i <= count; i++)
        for (k = i; k > 1 && order[k] < order[k - 1]; k--) {
            held = order[k]
            order[k] = order[k - 1]
            order[k - 1] = held
        }
    print "static const struct place places[] = {"
    for (i = 1; i <= count; i++)
        print row[order[i]]
    print "};"
}
