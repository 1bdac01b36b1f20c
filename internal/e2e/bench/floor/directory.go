package main

import (
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// poolSize is how many connections there are for searches and how many for binds: as
// many as the broker keeps.
const poolSize = 16

// directory searches and binds over connections that it keeps.
type directory struct {
	url, bindDN, password string
	people, groups        string
	groupSearches         int

	searches, binds chan *ldap.Conn // the idle ones; nil stands for one not yet opened
}

func (d *directory) open() {
	d.searches, d.binds = make(chan *ldap.Conn, poolSize), make(chan *ldap.Conn, poolSize)
	for range poolSize {
		d.searches <- nil
		d.binds <- nil
	}
}

// authenticate finds the one entry of the user, and binds as that.
func (d *directory) authenticate(username, password string) error {
	entry, err := d.find(d.people, "(&(objectClass=inetOrgPerson)(uid="+ldap.EscapeFilter(username)+"))", "uid", "entryUUID", "memberOf")
	if err != nil {
		return err
	}
	if err := d.bind(entry.DN, password); err != nil {
		return err
	}
	for range d.groupSearches {
		if _, err := d.find(d.groups, "(&(objectClass=groupOfNames)(member="+ldap.EscapeFilter(entry.DN)+"))", "cn"); err != nil {
			return err
		}
	}
	return nil
}

// find searches for one entry as the service account.
func (d *directory) find(base, filter string, attributes ...string) (*ldap.Entry, error) {
	conn := <-d.searches
	defer func() { d.searches <- conn }()
	if conn == nil {
		var err error
		if conn, err = ldap.DialURL(d.url); err != nil {
			return nil, err
		}
		if err := conn.Bind(d.bindDN, d.password); err != nil {
			return nil, err
		}
	}
	found, err := conn.Search(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, 0, false, filter, attributes, nil))
	switch {
	case err != nil:
		return nil, err
	case len(found.Entries) != 1:
		return nil, fmt.Errorf("%s: %d entries", filter, len(found.Entries))
	}
	return found.Entries[0], nil
}

// bind checks a password.
func (d *directory) bind(dn, password string) error {
	if password == "" {
		return errors.New("no password")
	}
	conn := <-d.binds
	defer func() { d.binds <- conn }()
	if conn == nil {
		var err error
		if conn, err = ldap.DialURL(d.url); err != nil {
			return err
		}
	}
	return conn.Bind(dn, password)
}
