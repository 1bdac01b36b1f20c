package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
)

// mayBeMade is what to know where no answer came.
const mayBeMade = "a token may have been made all the same, which nobody has: \"shorepass token list\" shows it, and \"shorepass token revoke\" takes it back"

// errNoDatabase says that no token can be there.
var errNoDatabase = errors.New("there are no access tokens: none was made yet")

// tokenReader shows the access tokens of a realm.
type tokenReader interface {
	list(ctx context.Context, f access.Filter) (access.List, error)
	show(ctx context.Context, id string) (access.Token, error)
}

// tokenWriter makes them and takes them back.
type tokenWriter interface {
	create(ctx context.Context, s access.Spec) (access.Created, error)
	revoke(ctx context.Context, id string) (access.RevokedToken, error)
	revokeAll(ctx context.Context, owner string) (access.List, error)
}

// tokens are the access tokens of a realm, reached over the admin socket or in the
// database.
type tokens interface {
	tokenReader
	tokenWriter
}

// accessRealm is what the service of access tokens needs of a realm. There may be no
// members: then nobody can be looked up.
func (p *program) accessRealm(r config.Realm, members []connectors.Member) access.Realm {
	realm := access.Realm{Usernames: r.Usernames, Policy: r.Policy}
	for i, c := range r.Connectors {
		t := p.types[c.Type]
		one := access.Connector{Member: connectors.Member{Name: c.Name, Tokens: t.Tokens}, Groups: t.Groups}
		if members != nil {
			one.Member = members[i]
		}
		if t.Tokens {
			realm.SelfService = selfService(c.Config)
		}
		realm.Connectors = append(realm.Connectors, one)
	}
	return realm
}

// accessService is the service of access tokens, on the database that is open.
func (p *program) accessService(realms map[string]access.Realm, auditor broker.Auditor, logger *slog.Logger) *access.Service {
	cfg := access.Config{Realms: realms, Auditor: auditor, Logger: logger}
	if p.database != nil {
		cfg.Keeper, cfg.Lookup = p.database, p.database
	}
	return access.New(cfg)
}

// selfService is the API for people. Where no realm lets them make tokens, it says so.
func (g *generation) selfService(b *broker.Broker, tokens *access.Service) *server.SelfService {
	api := &server.SelfService{People: b, Tokens: tokens}
	for _, r := range g.cfg.Realms {
		if g.tokens[r.Name].SelfService.Enabled {
			api.Realms = append(api.Realms, r.Name)
		}
	}
	return api
}

// withTokens reaches a realm's access tokens: over the admin socket of the process that
// serves, or, when none does, in the database, under the lock. To make a token, what is
// not there yet is made. To look an owner up, the connectors are opened.
// With --server, it is a server that is asked.
func (p *program) withTokens(ctx context.Context, o tokenOptions, making, lookup bool, do func(tokens) error) (err error) {
	if o.server != "" {
		own, err := p.openServer(o.serverOptions, o.realm)
		if err != nil {
			return err
		}
		return do(own)
	}
	cfg, realms, err := p.tokenRealms(o)
	if err != nil {
		return err
	}
	take := lockExisting
	if making {
		take = lockMaking
	}
	unlock, err := lockUnlessServed(cfg, take)
	switch {
	case errors.Is(err, errLocked):
		return do(adminTokens{adminRealm{socket: cfg.AdminSocket, realm: onlyName(realms)}})
	case errors.Is(err, token.ErrNoKeys):
		return p.noDatabase(realms)
	case err != nil:
		return err
	}
	defer unlock() //nolint:errcheck // the lock ends with the process
	if _, err := os.Stat(databasePath(cfg)); !making && keepsTokens(cfg) && errors.Is(err, fs.ErrNotExist) {
		if err := p.noDatabase(realms); !errors.Is(err, errNoDatabase) {
			return err
		}
		return fmt.Errorf("%w, or the database %s was moved away", errNoDatabase, databasePath(cfg))
	}
	return p.withDatabase(ctx, cfg, realms, lookup, do)
}

// noDatabase is why there are no tokens where there is no database: the realm takes none, or
// none was made.
func (p *program) noDatabase(realms []config.Realm) error {
	if len(realms) == 1 {
		if err := p.accessRealm(realms[0], nil).CheckTokens(realms[0].Name); err != nil {
			return err
		}
	}
	return errNoDatabase
}

// tokenRealms returns the realms whose tokens a command may be about: one, or all where it
// names tokens by their ids, and no realm.
func (p *program) tokenRealms(o tokenOptions) (*config.Config, []config.Realm, error) {
	if o.byID && o.realm == "" {
		cfg, err := p.load(o.config)
		if err != nil {
			return nil, nil, err
		}
		return cfg, cfg.Realms, nil
	}
	cfg, realm, err := p.loadRealm(o.config, o.realm)
	return cfg, []config.Realm{realm}, err
}

// onlyName is the name of the realm, if it is one; else empty: the one that a token is of.
func onlyName(realms []config.Realm) string {
	if len(realms) == 1 {
		return realms[0].Name
	}
	return ""
}

// withDatabase opens the database, and the connectors if somebody is to be looked up.
func (p *program) withDatabase(ctx context.Context, cfg *config.Config, realms []config.Realm, lookup bool, do func(tokens) error) (err error) {
	log, err := openAudit(cfg, os.Stderr, p.quiet()) // standard output has the command's answer
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if err := p.openDatabase(ctx, cfg, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	byName := map[string]access.Realm{}
	for _, realm := range realms {
		var members []connectors.Member
		if lookup {
			var closeMembers func() error
			if members, closeMembers, err = p.openMembers(realm, p.quiet()); err != nil {
				return err
			}
			defer closeMembers() //nolint:errcheck // nothing is written by them
		}
		byName[realm.Name] = p.accessRealm(realm, members)
	}
	service := p.accessService(byName, log, slog.New(slog.DiscardHandler))
	return do(fileTokens{service: service, realm: onlyName(realms)})
}

// fileTokens are those in the database of this machine.
type fileTokens struct {
	service *access.Service
	realm   string // empty: that of each token
}

func (f fileTokens) by() access.Actor {
	return access.Actor{UID: ownUID()}
}

func (f fileTokens) list(ctx context.Context, filter access.Filter) (access.List, error) {
	filter.Realm = f.realm
	return f.service.List(ctx, f.by(), filter)
}

func (f fileTokens) show(ctx context.Context, id string) (access.Token, error) {
	return f.service.Get(ctx, f.by(), f.realm, id)
}

func (f fileTokens) create(ctx context.Context, s access.Spec) (access.Created, error) {
	s.Realm = f.realm
	return f.service.Create(ctx, f.by(), s)
}

func (f fileTokens) revoke(ctx context.Context, id string) (access.RevokedToken, error) {
	return f.service.Revoke(ctx, f.by(), f.realm, id)
}

func (f fileTokens) revokeAll(ctx context.Context, owner string) (access.List, error) {
	return f.service.RevokeAll(ctx, f.by(), f.realm, owner)
}

// adminTokens are those of the process that serves.
type adminTokens struct{ adminRealm }

// list asks for page after page.
func (a adminTokens) list(ctx context.Context, f access.Filter) (access.List, error) {
	query := url.Values{"all": {strconv.FormatBool(f.All)}}
	if f.Owner != "" {
		query.Set("owner", f.Owner)
	}
	var list access.List
	for {
		var page server.TokenPage
		if err := a.json(ctx, http.MethodGet, "tokens?"+query.Encode(), nil, &page); err != nil {
			return access.List{}, err
		}
		list.Tokens, list.Warnings = append(list.Tokens, page.Tokens...), page.Warnings // each page has the same ones
		if page.Next == "" {
			return list, nil
		}
		query.Set("after", page.Next)
	}
}

func (a adminTokens) show(ctx context.Context, id string) (t access.Token, err error) {
	return t, a.json(ctx, http.MethodGet, "tokens/"+id, nil, &t)
}

func (a adminTokens) revoke(ctx context.Context, id string) (t access.RevokedToken, err error) {
	return t, a.json(ctx, http.MethodDelete, "tokens/"+id, nil, &t)
}

func (a adminTokens) create(ctx context.Context, s access.Spec) (access.Created, error) {
	var made server.MadeToken
	err := a.json(ctx, http.MethodPost, "tokens", s, &made)
	var unanswered unansweredError
	if errors.As(err, &unanswered) {
		return access.Created{}, fmt.Errorf("%w; %s", err, mayBeMade)
	}
	if err != nil {
		return access.Created{}, err
	}
	return access.Created{Token: made.Token, Secret: connectors.NewSecret(made.Secret), Warnings: made.Warnings}, nil
}

func (a adminTokens) revokeAll(ctx context.Context, owner string) (list access.List, err error) {
	return list, a.json(ctx, http.MethodPost, "tokens/revoke-all", map[string]string{"owner": owner}, &list)
}
