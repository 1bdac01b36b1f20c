package pat

import (
	"context"
	"errors"
)

// errClosed says that there is no database to look into.
var errClosed = errors.New("the database of access tokens is not open")

// closed stands for a database that is not open.
type closed struct{}

func (closed) Token(context.Context, string, string) (Token, error)     { return Token{}, errClosed }
func (closed) RecordUses(context.Context, []Use) error                  { return errClosed }
func (closed) Check(context.Context) error                              { return errClosed }
func (closed) Owner(context.Context, string, Account) (Owner, error)    { return Owner{}, errClosed }
func (closed) SaveOwners(context.Context, []Owner) error                { return errClosed }
func (closed) HasTokens(context.Context, string, Account) (bool, error) { return false, errClosed }
