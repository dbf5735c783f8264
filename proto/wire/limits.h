/* limits - every size and count that the contract fixes, in one place. PROTOCOL.md prints them. */
#ifndef EOCBUS_WIRE_LIMITS_H
#define EOCBUS_WIRE_LIMITS_H

enum {
    LIMIT_FRAME_BYTES = 262144,  /* one ZeroMQ frame, without what CURVE adds */
    LIMIT_CONTENT_BYTES = 65536, /* one Envelope; larger things travel as BlobChunk */
    LIMIT_ITEMS = 256,           /* messages in one Publish, deliveries in one Deliver */
    LIMIT_DEPTH = 16,            /* nesting of sub-messages */
    LIMIT_FIELDS = 4096,         /* fields in one Envelope, all levels, packed elements not counted */
    LIMIT_REPEATS = 4096,        /* elements of one repeated field, packed or not */
    LIMIT_SAMPLES = 20000,       /* of all series of one ObservationBatch: what stays is not written,
                                    so a few hundred bytes could stand for a quarter million rows */
    LIMIT_FRAME_FIELDS = 8192,   /* the same for a whole Frame, contents not looked into */
    LIMIT_ARENA_BYTES = 1048576, /* memory one unpacked Envelope may take */
    LIMIT_NAME_BYTES = 64,       /* a principal's name */
    LIMIT_TOPICS = 8,            /* places a message is routed by */
    LIMIT_TOPIC_BYTES = 128,
    LIMIT_PATTERN_BYTES = 200,
    LIMIT_PATTERNS = 32,         /* of one subscription */
    LIMIT_SUBSCRIPTIONS = 16,    /* of one session */
    LIMIT_SIGNATURE_BYTES = 64,
    LIMIT_READERS = 16,          /* wrapped keys beside one message */
    PROTOCOL_VERSION = 1,
    SCHEMA_VERSION = 1000,       /* major * 1000 + minor */
};

#endif
