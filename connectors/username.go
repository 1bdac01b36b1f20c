package connectors

import "strings"

// MaxUsername is the longest user name taken, in bytes.
const MaxUsername = 128

// ParseUsername returns the canonical form of a typed user name, lower-cased once,
// and whether it has the form that password connectors take:
// [A-Za-z0-9._@+-]{1,128}. Anything else is refused like a wrong password:
// directories fold spaces, width and case in ways of their own, and each spelling
// that reached one would be a chance for a second subject.
func ParseUsername(typed string) (string, bool) {
	if typed == "" || len(typed) > MaxUsername {
		return "", false
	}
	for i := 0; i < len(typed); i++ {
		if !isUsernameByte(typed[i]) {
			return "", false
		}
	}
	return strings.ToLower(typed), true
}

func isUsernameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._@+-", c) >= 0
}
