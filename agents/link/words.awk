# words.awk - turns the sentences of translators (words/tg.txt says how they are written) into C:
# `said` for the keys without a point, which are those of enum say, and `named` for the others.
# A key that enum say does not have is an error of the compiler, one that stands twice an error here.
function quoted(text) {
    gsub(/\\/, "&&", text)
    gsub(/"/, "\\\"", text)
    gsub(/\n/, "\\n\"\n     \"", text)
    return "\"" text "\""
}
function finish() {
    if (key == "")
        return
    sub(/\n+$/, "", text)
    if ((lang, key) in seen) {
        print FILENAME ": [" key "] stands there twice" > "/dev/stderr"
        failed = 1
        exit 1
    }
    seen[lang, key] = 1
    if (index(key, "."))
        named[lang] = named[lang] "    {\"" key "\",\n     " quoted(text) "},\n"
    else
        said[lang] = said[lang] "     [SAY_" toupper(key) "] =\n     " quoted(text) ",\n"
    key = text = ""
}
FNR == 1 {
    finish()
    lang = FILENAME
    sub(/^.*\//, "", lang)
    sub(/\.txt$/, "", lang)
}
/^#/ { next }
/^\[[a-z0-9_.-]+\]$/ {
    finish()
    key = substr($0, 2, length($0) - 2)
    next
}
key != "" && !(text == "" && $0 == "") { text = text $0 "\n" }
END {
    if (failed)
        exit 1
    finish()
    n = split("tg ru en", langs, " ")
    print "static const char *const said[LANG_COUNT][SAY_COUNT] = {"
    for (i = 1; i <= n; i++)
        printf "    {\n%s    },\n", said[langs[i]]
    print "};"
    for (i = 1; i <= n; i++)
        printf "static const struct lang_word named_%s[] = {\n%s    {0, 0},\n};\n", langs[i], named[langs[i]]
    printf "static const struct lang_word *const named[LANG_COUNT] = {named_tg, named_ru, named_en};\n"
}
