-- words: names that searches compare, folded anew as eoc.fold of this version has them.
UPDATE bus.called AS c SET folded = bus.called_folded(c) WHERE c.folded IS DISTINCT FROM bus.called_folded(c);
