-- The file of class sessions. Every table has a column `code`, by which it goes with its session.

CREATE TABLE IF NOT EXISTS lessons (
  code TEXT PRIMARY KEY, lesson TEXT NOT NULL, data TEXT NOT NULL, token TEXT NOT NULL,
  created REAL NOT NULL, step TEXT NOT NULL, phase TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS votes (
  code TEXT NOT NULL, lesson TEXT NOT NULL, step TEXT NOT NULL, voter TEXT NOT NULL,
  choice TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (code, step, voter)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS origins (
  code TEXT PRIMARY KEY, owner TEXT NOT NULL, address TEXT NOT NULL, stays INTEGER NOT NULL,
  touched REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS voters (
  code TEXT NOT NULL, voter TEXT NOT NULL, address TEXT NOT NULL, PRIMARY KEY (code, voter)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closed (code TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS lesson_towers (code TEXT PRIMARY KEY, towers TEXT NOT NULL);

-- Lesson “one room, one study”; `kind` is that of the class or a rehearsal.
CREATE TABLE IF NOT EXISTS room_plans (
  code TEXT NOT NULL, kind TEXT NOT NULL, contrast TEXT NOT NULL, planned INTEGER NOT NULL,
  measure TEXT NOT NULL, seed INTEGER NOT NULL, prediction TEXT NOT NULL, hash TEXT NOT NULL,
  PRIMARY KEY (code, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS room_blocks (
  code TEXT NOT NULL, kind TEXT NOT NULL, place INTEGER NOT NULL, owner TEXT NOT NULL,
  failures INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (code, kind, place)
) WITHOUT ROWID;
-- What phones tell of the two models that they trained, see `vlcore.classroom.phone_results`.
CREATE TABLE IF NOT EXISTS room_results (
  code TEXT NOT NULL, place INTEGER NOT NULL, result TEXT NOT NULL, PRIMARY KEY (code, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS room_looks (
  code TEXT NOT NULL, kind TEXT NOT NULL, dots INTEGER NOT NULL, p REAL NOT NULL,
  PRIMARY KEY (code, kind, dots)
) WITHOUT ROWID;

-- Lesson “repair”
CREATE TABLE IF NOT EXISTS repair_teams (
  code TEXT NOT NULL, voter TEXT NOT NULL, team INTEGER NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (code, voter)
) WITHOUT ROWID;
