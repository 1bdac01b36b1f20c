// Package server is the HTTP face of the broker: the token endpoints, each realm's
// keys, the monitor and the admin socket.
//
// A token request is parsed once (parse.go), answered by the broker, and written
// once (answer.go). What a failure looks like to a client, its status and its body,
// is decided in one place (status.go). Limits on what clients may send and how long
// they may take stand in listen.go.
package server
