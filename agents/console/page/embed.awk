# embed.awk - the pages as C: struct page_file page_files[] of {path, text}. Paths begin behind
# "agents/console/page". Words are kept as tables, a row a text and a column a language, so that
# translators see them side by side (words/*.tsv); a page reads all of one language as JSON.
function as_c(text) {
    gsub(/\\/, "\\\\&", text)
    gsub(/"/, "\\\"", text)
    gsub(/\?\?/, "?\"\"?", text)
    return text
}
function wrong(what) {
    print FILENAME ":" FNR ": " what > "/dev/stderr"
    failed = 1
    exit 1
}
function read_words(  i, text) {
    if (FNR == 1) {
        for (i = 2; i <= NF; i++)
            lang[i] = $i
        return
    }
    if (NF != 4 || $2 == "" || $3 == "" || $4 == "")
        wrong("key, en, ru and tg, with tabs between")
    if ($1 in known)
        wrong($1 " stands in " known[$1])
    known[$1] = FILENAME
    for (i = 2; i <= NF; i++) {
        text = $i
        gsub(/["\\]/, "\\\\&", text)
        words[lang[i]] = words[lang[i]] sprintf("     \"%s\\n\"\n", as_c((words[lang[i]] == "" ? "{" : ",") "\"" $1 "\": \"" text "\""))
    }
}
BEGIN {
    FS = "\t"
    print "#include \"agents/console/page/page.h\"\n\nconst struct page_file page_files[] = {"
}
FILENAME ~ /\.tsv$/ {
    read_words()
    next
}
FNR == 1 {
    if (open)
        print "    },"
    open = 1
    name = FILENAME
    sub(/^.*console\/page/, "", name)
    printf "    {\"%s\",\n", name
}
{
    printf "     \"%s\\n\"\n", as_c($0)
}
END {
    if (failed)
        exit 1
    if (open)
        print "    },"
    for (i = 2; i <= 4; i++)
        printf "    {\"/words/%s.json\",\n%s     \"}\\n\"\n    },\n", lang[i], words[lang[i]]
    print "    {0, 0},\n};"
}
