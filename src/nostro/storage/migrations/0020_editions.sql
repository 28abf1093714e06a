-- Rises with every change of what processes remember of the scope (docs/decisions/0038).
ALTER TABLE scope ADD COLUMN edition INTEGER NOT NULL DEFAULT 0;
