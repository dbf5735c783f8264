-- summarize: tells the BRIN indexes of the log about ranges that have become full. ranges int4.
SELECT bus.summarize();
