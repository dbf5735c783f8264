/* append - what bus.append (sql/functions/append.sql) takes and answers, column by column.
 *
 * M_ and D_ are arrays with an element for each message, R_ for each run of lane numbers, Q_ for
 * each parcel of the quarantine. */
#ifndef EOCBUS_BROKER_STORE_APPEND_H
#define EOCBUS_BROKER_STORE_APPEND_H

/* Parameters of bus.append, in its order. */
enum append_param {
    M_SENDER,
    M_EPOCH,
    M_LANE,
    M_LANE_SEQ,
    M_ID,
    M_TYPE,
    M_STATUS,
    M_PLACES,
    M_EVENT,
    M_RECEIVED,
    M_NOT_AFTER,
    M_OFFSET,
    M_MARKS,
    M_CONTENT,
    M_SIGNATURE,
    M_TO,
    M_KEYS,
    R_SENDER,
    R_EPOCH,
    R_LANE,
    R_FIRST,
    R_LAST,
    R_LOW,
    R_HIGH,
    D_ORDINAL,
    D_DOC,
    Q_ID,
    Q_RECEIVED,
    Q_SENDER,
    Q_CODE,
    Q_PATH,
    Q_TEXT,
    Q_CONTENT,
    Q_SIGNATURE,
    K_EPOCH, /* from here on plain values: what must be in the log */
    K_SEQ,
    COLUMNS = K_EPOCH,
};

/* Columns of the one row that it answers. */
enum append_answer {
    A_LOG_EPOCH,
    A_BEFORE,
    A_HEAD,
    A_EXPIRED,
    A_OUTCOME,
    A_SEQ,
    A_VERDICT,
    A_CODE,
    A_PATH,
    A_REFUSAL,
    A_END
};

/* What became of one message. */
enum append_outcome {
    OUTCOME_STORED = 1,
    OUTCOME_REPEATED = 2,
    OUTCOME_CONFLICT = 3,
    OUTCOME_CONFLICT_UNKEPT = 4,
    OUTCOME_REFUSED = 5,
    OUTCOME_REFUSED_UNKEPT = 6
};

#endif
