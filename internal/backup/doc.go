// Package backup writes what a process could not make again into one file, and brings it
// back: the database and the realms' own keys, all from the data folder.
//
// A backup is a tar archive. Its first entry, manifest.json, says what is in it: each file
// with its size and SHA-256. The others are those files, in that order. A backup that is
// cut short, that holds anything else, or whose files are not what the manifest says, is
// refused as a whole. That is against accidents: a backup holds the keys that registries
// trust, and who can change it can change its manifest.
package backup
