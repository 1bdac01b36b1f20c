// Package audit keeps the broker's record: one JSON object a line, in a file or on
// standard output.
//
// A line is with the operating system before the answer leaves, so that killing the
// process loses none. It is on the disk itself within the sync interval, or, with an
// interval of zero, before the answer: requests that wait at the same time share one
// fsync. A line that cannot be written whole makes Record fail, and the broker
// refuses; so does a sink that takes nothing for two seconds. A file that was moved
// away, as log rotation does, is followed by a new one.
package audit
