// Package brokertest makes a broker of real parts for tests: accounts in a file, a
// compiled policy, a key ring on disk, an audit log.
package brokertest
