package directory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/hashicorp/go-hclog"
	"github.com/jimlambrt/gldap"
)

// Server answers LDAP requests from a tree. Searches need a bind first.
type Server struct {
	tree   *Tree
	ldap   *gldap.Server
	failed chan error

	mu    sync.Mutex
	bound map[int]bool // connections that are bound as somebody
}

// Start serves the tree on a TCP address until [Server.Stop]; the context is for the
// start alone.
func Start(ctx context.Context, address string, tree *Tree) (*Server, error) {
	s := &Server{tree: tree, failed: make(chan error, 1), bound: make(map[int]bool)}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	// gldap listens in the background: whether it can is found out beforehand.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the directory: %w", err)
	}
	if err := listener.Close(); err != nil {
		return nil, err
	}
	go func() {
		if err := s.ldap.Run(address); err != nil {
			s.failed <- fmt.Errorf("the directory: %w", err)
		}
	}()
	return s, s.await(ctx, address)
}

// prepare says who answers what.
func (s *Server) prepare() (err error) {
	if s.ldap, err = gldap.NewServer(gldap.WithLogger(hclog.NewNullLogger()), gldap.WithOnClose(s.forget)); err != nil {
		return err
	}
	mux, err := gldap.NewMux()
	if err != nil {
		return err
	}
	return errors.Join(
		mux.Bind(s.bind),
		mux.Search(s.search),
		mux.Add(refuse(gldap.ApplicationAddResponse)),
		mux.Modify(refuse(gldap.ApplicationModifyResponse)),
		mux.Delete(refuse(gldap.ApplicationDelResponse)),
		s.ldap.Router(mux))
}

// await returns when the server answers.
func (s *Server) await(ctx context.Context, address string) error {
	dialer := net.Dialer{Timeout: time.Second}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-s.failed:
			return err
		default:
		}
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the directory does not answer: %w", err)
		}
	}
}

// Failed delivers the error of a server that could not go on.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop ends the server. It waits for clients to go, but not for ever: gldap does not
// close idle connections.
func (s *Server) Stop() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.ldap.Stop()
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}

func (s *Server) forget(connection int) { s.setBound(connection, false) }

func (s *Server) setBound(connection int, bound bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bound {
		s.bound[connection] = true
	} else {
		delete(s.bound, connection)
	}
}

func (s *Server) isBound(connection int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bound[connection]
}

// bind answers a simple bind. One that fails leaves the connection anonymous
// (RFC 4513 §4).
func (s *Server) bind(w *gldap.ResponseWriter, r *gldap.Request) {
	answer := r.NewBindResponse(gldap.WithResponseCode(gldap.ResultSuccess))
	defer func() { _ = w.Write(answer) }()
	m, err := r.GetSimpleBindMessage()
	if err != nil {
		answer.SetResultCode(gldap.ResultProtocolError)
		return
	}
	anonymous := m.UserName == "" && m.Password == ""
	if !anonymous {
		err = s.tree.Authenticate(m.UserName, string(m.Password))
	}
	s.setBound(r.ConnectionID(), !anonymous && err == nil)
	answer.SetResultCode(resultCode(err))
	answer.SetDiagnosticMessage(diagnostic(err))
}

// refuse answers a write: there are none.
func refuse(response int) gldap.HandlerFunc {
	return func(w *gldap.ResponseWriter, r *gldap.Request) {
		_ = w.Write(r.NewResponse(
			gldap.WithApplicationCode(response),
			gldap.WithResponseCode(gldap.ResultUnwillingToPerform),
			gldap.WithDiagnosticMessage("the demo's directory is read-only")))
	}
}

// search answers a search. Anybody may read the root DSE, by which clients find out
// what a server can do; for all else they must be bound.
func (s *Server) search(w *gldap.ResponseWriter, r *gldap.Request) {
	done := r.NewSearchDoneResponse(gldap.WithResponseCode(gldap.ResultSuccess))
	defer func() { _ = w.Write(done) }()
	m, err := r.GetSearchMessage()
	if err != nil {
		done.SetResultCode(gldap.ResultProtocolError)
		return
	}
	found, err := s.answer(r.ConnectionID(), m)
	for _, f := range found {
		if m.TypesOnly {
			for name := range f.Attributes {
				f.Attributes[name] = nil
			}
		}
		_ = w.Write(r.NewSearchResponseEntry(f.DN, gldap.WithAttributes(f.Attributes)))
	}
	done.SetResultCode(resultCode(err))
	done.SetDiagnosticMessage(diagnostic(err))
}

func (s *Server) answer(connection int, m *gldap.SearchMessage) ([]Found, error) {
	switch {
	case m.BaseDN == "" && m.Scope == gldap.BaseObject:
		return []Found{{Attributes: map[string][]string{
			"objectClass":          {"top"},
			"namingContexts":       {s.tree.Root()},
			"supportedLDAPVersion": {"3"},
		}}}, nil
	case !s.isBound(connection):
		return nil, ldap.NewError(ldap.LDAPResultInsufficientAccessRights, errors.New("bind first: anonymous searches are refused"))
	}
	return s.tree.Search(Query{
		Base:       m.BaseDN,
		Scope:      Scope(m.Scope),
		Filter:     m.Filter,
		Attributes: m.Attributes,
		SizeLimit:  int(m.SizeLimit),
	})
}

// resultCode returns the code that stands for an error in an answer.
func resultCode(err error) int {
	var coded *ldap.Error
	switch {
	case err == nil:
		return gldap.ResultSuccess
	case errors.As(err, &coded):
		return int(coded.ResultCode)
	}
	return gldap.ResultOther
}

func diagnostic(err error) string {
	var coded *ldap.Error
	if errors.As(err, &coded) && coded.Err != nil {
		return coded.Err.Error()
	}
	return ""
}
