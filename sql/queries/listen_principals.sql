-- listen_principals: hints that rights changed.
LISTEN eocbus_principals;
