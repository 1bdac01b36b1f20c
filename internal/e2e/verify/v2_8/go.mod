module github.com/shorepass/shorepass/internal/e2e/verify/v2_8

go 1.26.0

replace github.com/shorepass/shorepass => ../../../..

require (
	github.com/docker/distribution v2.8.3+incompatible
	github.com/shorepass/shorepass v0.0.0-00010101000000-000000000000
)

require (
	github.com/docker/libtrust v0.0.0-20160708172513-aabc10ec26b7 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/gorilla/mux v1.8.1 // indirect
	github.com/sirupsen/logrus v1.10.2 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
)
