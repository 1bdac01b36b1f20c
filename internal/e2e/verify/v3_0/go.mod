module github.com/shorepass/shorepass/internal/e2e/verify/v3_0

go 1.26.0

replace github.com/shorepass/shorepass => ../../../..

require (
	github.com/distribution/distribution/v3 v3.0.0
	github.com/shorepass/shorepass v0.0.0-00010101000000-000000000000
)

require (
	github.com/go-jose/go-jose/v4 v4.1.9 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/sirupsen/logrus v1.9.3 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
)
