# embed.awk - turns .sql files into C: struct sql_text sql_texts[] of {name, text}, in the order given.
# The name is the path without ".sql" and the leading "sql/": "queries/replay", "migrations/0001_log".
# -v table=NAME: of another table than sql_texts, for other texts.
BEGIN {
    print "#include \"sql/sql_text.h\"\n\nconst struct sql_text " (table ? table : "sql_texts") "[] = {"
}
FNR == 1 {
    if (NR > 1)
        print "    },"
    name = FILENAME
    sub(/^.*sql\//, "", name)
    sub(/\.sql$/, "", name)
    printf "    {\"%s\",\n", name
}
{
    line = $0
    gsub(/\\/, "\\\\&", line)
    gsub(/"/, "\\\"", line)
    printf "     \"%s\\n\"\n", line
}
END {
    if (NR > 0)
        print "    },"
    print "    {0, 0},\n};"
}
