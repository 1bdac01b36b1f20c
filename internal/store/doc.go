// Package store keeps personal access tokens and what is known of their owners, in one
// SQLite database. The rows are those of package pat. No secret is among them: of a
// token, its SHA-256 alone is kept.
//
// # What is promised
//
// What a method has acknowledged survives the end of the process, however it ends, and a
// loss of power. What was revoked stays revoked even when the write-ahead log is lost
// afterwards: a revocation ends when all of it is in the database's own file. Where somebody
// else keeps the log in use, it ends with [pat.ErrUnsettled] before that: it counts, and to
// move it is tried again every second, until it is done or the store is closed. Whoever opens
// the database next goes on with that. It is logged when that begins, and when it is done.
// Tokens are read through a small cache, which a revocation empties before it returns.
//
// # How the database is used
//
//   - journal_mode=WAL: readers are not kept waiting by a writer, nor it by them.
//   - synchronous=FULL: a commit waits for the disk. With NORMAL, the last ones before a
//     loss of power would be gone.
//   - One connection writes, and takes the lock when its transaction begins
//     (BEGIN IMMEDIATE): two writers wait for one another, and neither fails in the middle.
//   - busy_timeout: how long another process's lock is waited for; a context that ends
//     sooner ends the wait.
//   - foreign_keys=ON: no token without an owner. query_only: what reads cannot write.
//   - trusted_schema=OFF, defensive, cell_size_check=ON: a file that somebody has tampered
//     with is noticed, and runs nothing.
//
// # When the database fails
//
// Such a failure is an [*Error]; errors.Is(err, [ErrUnavailable]) holds. Its text says
// what is wrong and what to do. Nothing is remembered of it: a lock that is given up, room
// on the disk, a file that is whole again are seen at the next attempt. Where the file
// itself failed, it is opened anew for that, at most four times a second.
package store
