-- listen_log: hints that the log grew.
LISTEN eocbus_log;
