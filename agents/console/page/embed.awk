# embed.awk - the pages as C: struct page_file page_files[] of {path, text}. Paths begin behind
# "agents/console/page".
BEGIN {
    print "#include \"agents/console/page/page.h\"\n\nconst struct page_file page_files[] = {"
}
FNR == 1 {
    if (NR > 1)
        print "    },"
    name = FILENAME
    sub(/^.*console\/page/, "", name)
    printf "    {\"%s\",\n", name
}
{
    line = $0
    gsub(/\\/, "\\\\&", line)
    gsub(/"/, "\\\"", line)
    gsub(/\?\?/, "?\"\"?", line)
    printf "     \"%s\\n\"\n", line
}
END {
    if (NR > 0)
        print "    },"
    print "    {0, 0},\n};"
}
