package ldap

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Attributes of Active Directory whose values are told by the attribute's name.
const (
	guidAttribute  = "objectGUID"     // the stable id, 16 bytes
	sidAttribute   = "objectSid"      // the security identifier
	primaryGroupID = "primaryGroupID" // the last number of the primary group's objectSid
	tokenGroups    = "tokenGroups"    // the objectSid of all groups that count in Windows
)

// isGUID reports whether an attribute's values are GUIDs in binary form.
func isGUID(attribute string) bool { return strings.EqualFold(attribute, guidAttribute) }

// formatGUID writes a GUID as people do (MS-DTYP §2.3.4.3): of its 16 bytes, three
// numbers come first, little end first, and then bytes in their order.
func formatGUID(raw string) (text string, ok bool) {
	if len(raw) != 16 {
		return "", false
	}
	b := []byte(raw)
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:]), true
}

// parseGUID is the inverse of formatGUID: it takes no other spelling.
func parseGUID(text string) (raw string, ok bool) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != 16 {
		return "", false
	}
	for _, part := range [][]byte{b[:4], b[4:6], b[6:8]} {
		slices.Reverse(part)
	}
	again, _ := formatGUID(string(b))
	return string(b), again == text
}

// primaryBySID reports whether a person's primary group is known by Active Directory's
// numbers.
func (g *Groups) primaryBySID() bool { return strings.EqualFold(g.PrimaryAttribute, primaryGroupID) }

// byToken reports whether a person's groups are known by Active Directory's own list of
// security identifiers.
func (g *Groups) byToken() bool { return strings.EqualFold(g.FromAttribute, tokenGroups) }

// sibling returns the security identifier of another account of the same domain
// (MS-DTYP §2.4.2.2): that of an account with the last number replaced.
func sibling(sid, last string) (string, error) {
	n, err := strconv.ParseUint(last, 10, 32)
	if err != nil {
		return "", fmt.Errorf("the %s %q is no number", primaryGroupID, firstWords(last))
	}
	const header, number = 8, 4
	if len(sid) < header+number || sid[0] != 1 || len(sid) != header+number*int(sid[1]) {
		return "", fmt.Errorf("the %s is none", sidAttribute)
	}
	return sid[:len(sid)-number] + string(binary.LittleEndian.AppendUint32(nil, uint32(n))), nil
}

// formatSID writes a security identifier as people do (MS-DTYP §2.4.2.1); it has the form
// that sibling wants.
func formatSID(sid string) string {
	b := []byte(sid)
	text := fmt.Sprintf("S-1-%d", binary.BigEndian.Uint64(append([]byte{0, 0}, b[2:8]...)))
	for b = b[8:]; len(b) > 0; b = b[4:] {
		text += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(b))
	}
	return text
}

// primarySID returns the security identifier of a person's primary group; empty where
// the entry names none.
func primarySID(raw *ldap.Entry, primary []string) (string, error) {
	if len(primary) == 0 {
		return "", nil
	}
	own, err := values(raw, sidAttribute)
	if err != nil {
		return "", err
	}
	if len(own) != 1 {
		return "", fmt.Errorf("the entry %q has a %s and no %s, which names its domain", raw.DN, primaryGroupID, sidAttribute)
	}
	sid, err := sibling(own[0], primary[0])
	if err != nil {
		return "", fmt.Errorf("the entry %q: %w", raw.DN, err)
	}
	return sid, nil
}
