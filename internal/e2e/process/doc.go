// Package process runs the servers of the lab and of package slapd, and ends them by
// their ids.
package process
