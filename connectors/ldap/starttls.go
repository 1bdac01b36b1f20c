package ldap

import (
	"errors"
	"fmt"
	"net"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// oidStartTLS names the extended operation (RFC 4511 §4.14).
const oidStartTLS = "1.3.6.1.4.1.1466.20037"

// requestTLS asks the server to start TLS on a fresh connection and returns once
// it has agreed. The library's own StartTLS would decode the answer without
// bounds, and replace the bounded connection below it.
//
// Nothing beyond the answer is read: bytes that an attacker slipped in behind it
// go to the TLS handshake, which fails on them.
func requestTLS(socket net.Conn) error {
	packet := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "LDAPMessage")
	packet.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, "messageID"))
	request := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "ExtendedRequest")
	request.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, oidStartTLS, "requestName"))
	packet.AppendChild(request)
	if _, err := socket.Write(packet.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(newLimitedConn(socket))
	if err != nil {
		return fmt.Errorf("reading the answer to StartTLS: %w", err)
	}
	if len(answer.Children) < 2 || answer.Children[0].Value != int64(1) ||
		answer.Children[1].ClassType != ber.ClassApplication || answer.Children[1].Tag != ldap.ApplicationExtendedResponse {
		return errors.New("the answer to StartTLS is not one")
	}
	if err := ldap.GetLDAPError(answer); err != nil {
		return resultOf(err, "")
	}
	return nil
}
