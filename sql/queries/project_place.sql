-- project_place: where the projection stands and where the log does. cursor int8, head int8.
SELECT cursor_seq, head FROM bus.project_place();
