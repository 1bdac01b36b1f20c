package ldap

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// What Active Directory notes in a person's entry (MS-ADTS §2.2.16, §3.1.1.4.5.17).
const (
	accountControl  = "userAccountControl"
	accountComputed = "msDS-User-Account-Control-Computed" // what comes of times and policies
	accountExpires  = "accountExpires"

	flagDisabled        = 0x2
	flagLocked          = 0x10
	flagPasswordExpired = 0x800000 // or is to be changed
)

// controlNotes says why Active Directory would refuse a bind. Everybody's entry has the
// flags: where one shows none, nothing is known of the account.
func controlNotes(_ context.Context, f *finder, raw *ldap.Entry) (string, error) {
	var flags [2]int64
	for i, name := range []string{accountControl, accountComputed} {
		text := raw.GetEqualFoldAttributeValue(name)
		if text == "" {
			return "", unfit("let "+f.config.searcher()+" read it (a global catalog may have it not), or set users.disabled: none", "the entry %q shows no %s, so that whether it is disabled cannot be told", raw.DN, name)
		}
		var err error
		if flags[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return "", fmt.Errorf("the entry %q has the %s %q, which is no number", raw.DN, name, firstWords(text))
		}
	}
	expires, err := expiryOf(raw)
	switch {
	case err != nil:
		return "", err
	case flags[0]&flagDisabled != 0:
		return "disabled (" + accountControl + ")", nil
	case !expires.IsZero() && !time.Now().Before(expires):
		return "the account has expired (" + accountExpires + ")", nil
	case flags[1]&flagLocked != 0:
		return "locked (" + accountComputed + ")", nil
	case flags[1]&flagPasswordExpired != 0:
		return "the password has expired, or is to be changed (" + accountComputed + ")", nil
	}
	return "", nil
}

// expiryOf reads when an account expires: in steps of 100 ns since 1601, and never where
// that is 0 or the largest number (MS-ADA1 §2.1). The zero time is never.
func expiryOf(raw *ldap.Entry) (time.Time, error) {
	text := raw.GetEqualFoldAttributeValue(accountExpires)
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, fmt.Errorf("the entry %q has the %s %q, which is no time", raw.DN, accountExpires, firstWords(text))
	}
	if n == 0 || n == math.MaxInt64 {
		return time.Time{}, nil
	}
	const perSecond, from1601to1970 = 10_000_000, 11_644_473_600
	return time.Unix(n/perSecond-from1601to1970, n%perSecond*100), nil
}

// lockNotes says why 389 Directory Server, or FreeIPA, would refuse a bind. That a
// password has expired is not to be told from the entry.
func lockNotes(_ context.Context, _ *finder, raw *ldap.Entry) (string, error) {
	const unlockTime, expiration = "accountUnlockTime", "krbPrincipalExpiration"
	unlock, err := timeIn(raw, unlockTime)
	if err != nil {
		return "", err
	}
	expires, err := timeIn(raw, expiration)
	now := time.Now()
	switch {
	case err != nil:
		return "", err
	case isTrue(raw, "nsAccountLock"):
		return "disabled (nsAccountLock)", nil
	case now.Before(unlock), unlock.Equal(time.Unix(0, 0)): // which is without an end
		return "locked (" + unlockTime + ")", nil
	case !expires.IsZero() && !now.Before(expires):
		return "the account has expired (" + expiration + ")", nil
	}
	return "", nil
}
