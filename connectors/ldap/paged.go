package ldap

import (
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// The bounds of a search in pages (RFC 2696).
const (
	pageSize = 500 // entries; Active Directory gives 1000 at most
	maxPages = 100 // a directory may send pages that are not full, but not for ever
)

// searchAll runs a search on one connection, in pages where it may find more than a
// page: directories limit what they give at once. One that does not know the control
// gives everything at once, or says that it does not. All pages share one operation,
// its deadline and its budget; a cookie is no longer than controls may be.
//
// What was found comes with an error too: see ldap.Conn.Search.
func searchAll(c *ldap.Conn, r *ldap.SearchRequest) (*ldap.SearchResult, error) {
	if r.SizeLimit <= pageSize {
		return c.Search(r)
	}
	paging := ldap.NewControlPaging(pageSize)
	page := *r
	page.Controls = []ldap.Control{paging}
	all := new(ldap.SearchResult)
	for range maxPages {
		part, err := c.Search(&page)
		if part != nil {
			all.Entries = append(all.Entries, part.Entries...)
			all.Referrals = append(all.Referrals, part.Referrals...)
		}
		switch {
		case err != nil:
			return all, err
		case len(all.Entries) > r.SizeLimit:
			return all, ldap.ErrSizeLimitExceeded
		}
		next, ok := ldap.FindControl(part.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(next.Cookie) == 0 {
			return all, nil
		}
		paging.SetCookie(next.Cookie)
	}
	return all, fmt.Errorf("%w: more than %d pages for one search", errLimit, maxPages)
}
