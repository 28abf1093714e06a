-- What was uploaded, byte for byte, beside the file's record.
CREATE TABLE file_content (
    scope   INTEGER NOT NULL,
    id      TEXT    NOT NULL,
    content BLOB    NOT NULL,
    PRIMARY KEY (scope, id)
);
