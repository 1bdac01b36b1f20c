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
func controlNotes(_ context.Context, f *finder, raw *ldap.Entry) (refusal, error) {
	var flags [2]int64
	for i, name := range []string{accountControl, accountComputed} {
		text := raw.GetEqualFoldAttributeValue(name)
		if text == "" {
			return refusal{}, unfit("let "+f.config.searcher()+" read it (a global catalog may have it not), or set users.disabled: none", "the entry %q shows no %s, so that whether it is disabled cannot be told", raw.DN, name)
		}
		var err error
		if flags[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return refusal{}, fmt.Errorf("the entry %q has the %s %q, which is no number", raw.DN, name, firstWords(text))
		}
	}
	expires, err := expiryOf(raw)
	switch {
	case err != nil:
		return refusal{}, err
	case flags[0]&flagDisabled != 0:
		return because("disabled (" + accountControl + ")"), nil
	case !expires.IsZero() && !time.Now().Before(expires):
		return because("the account has expired (" + accountExpires + ")"), nil
	case flags[1]&flagPasswordExpired != 0:
		return because("the password has expired, or is to be changed (" + accountComputed + ")"), nil
	case flags[1]&flagLocked != 0: // which nobody can set by hand
		return afterGuesses(accountComputed), nil
	}
	return refusal{}, nil
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

// What 389 Directory Server and FreeIPA note in a person's entry, in times.
const (
	unlockTime            = "accountUnlockTime"      // the end of a lock after wrong passwords; 1970 for none
	passwordExpiration    = "passwordExpirationTime" // 1970 for a password that is to be changed
	principalExpiration   = "krbPrincipalExpiration"
	krbPasswordExpiration = "krbPasswordExpiration" // the time of a reset for a password that is to be changed
)

// lockNotes says why 389 Directory Server, or FreeIPA, would refuse a bind.
func lockNotes(_ context.Context, _ *finder, raw *ldap.Entry) (refusal, error) {
	times := map[string]time.Time{}
	for _, name := range []string{unlockTime, passwordExpiration, principalExpiration, krbPasswordExpiration} {
		t, err := timeIn(raw, name)
		if err != nil {
			return refusal{}, err
		}
		times[name] = t
	}
	now, never := time.Now(), time.Unix(0, 0)
	over := func(name string) bool { return !times[name].IsZero() && !now.Before(times[name]) }
	switch unlock := times[unlockTime]; {
	case isTrue(raw, "nsAccountLock"):
		return because("disabled (nsAccountLock)"), nil
	case over(principalExpiration):
		return because("the account has expired (" + principalExpiration + ")"), nil
	case isTrue(raw, "pwdReset"), times[passwordExpiration].Equal(never):
		return because("the password is to be changed (pwdReset, " + passwordExpiration + ")"), nil
	case over(passwordExpiration):
		return because("the password has expired (" + passwordExpiration + ")"), nil
	case over(krbPasswordExpiration):
		return because("the password has expired, or is to be changed (" + krbPasswordExpiration + ")"), nil
	case now.Before(unlock), unlock.Equal(never):
		return afterGuesses(unlockTime), nil
	}
	return refusal{}, nil
}
