-- page: what a person may hear and say, for the program to judge by while it waits for nobody. Asked by the program, not by pages.
-- takes: person
SELECT bus.rights_text($1::text);
